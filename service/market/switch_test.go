package market_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/market"
)

// The tables of the other layout wait beside those in use, under other names.
const (
	bothLayouts = `
		create table market_data (
			id bigserial primary key, kind varchar(8) not null, symbol varchar(20) not null, at timestamptz not null,
			trade bigint not null default 0, open numeric(20, 8), high numeric(20, 8), low numeric(20, 8),
			close numeric(20, 8) not null, volume numeric(20, 8) not null);
		create unique index on market_data (kind, symbol, at, trade);
		create table instruments_next (
			id integer generated always as identity primary key, symbol text not null unique, name text not null default '');
		create table ticks_next (
			price float8 not null, volume float8 not null, at timestamptz not null, trade bigint not null,
			instrument_id integer not null references instruments_next, primary key (instrument_id, at, trade));
		create table bars_next (
			instrument_id integer not null references instruments_next, day date not null, open float8 not null, high float8 not null,
			low float8 not null, close float8 not null, volume float8 not null, primary key (instrument_id, day));`
	toSplit = `
		lock market_data in access exclusive mode;
		insert into instruments_next (symbol) select distinct symbol from market_data on conflict do nothing;
		insert into ticks_next (price, volume, at, trade, instrument_id)
			select d.close, d.volume, d.at, d.trade, i.id from market_data d join instruments_next i using (symbol) on conflict do nothing;
		alter table market_data rename to market_data_next;
		alter table instruments_next rename to instruments;
		alter table ticks_next rename to ticks;
		alter table bars_next rename to bars;`
	toFlat = `
		lock ticks, bars, instruments in access exclusive mode;
		insert into market_data_next (kind, symbol, at, trade, close, volume)
			select 'tick', i.symbol, t.at, t.trade, t.price, t.volume
			from ticks t join instruments i on i.id = t.instrument_id on conflict do nothing;
		alter table instruments rename to instruments_next;
		alter table ticks rename to ticks_next;
		alter table bars rename to bars_next;
		alter table market_data_next rename to market_data;`
)

func TestASwitchOfTablesIsSeenByNobody(t *testing.T) {
	d := newDatabase(t, 0)
	_, err := d.pool.Exec(t.Context(), bothLayouts)
	require.NoError(t, err)
	load := d.load()
	for range 15 {
		for _, change := range []string{toSplit, toFlat} {
			load.goesOnFor(40)
			d.change(change)
		}
	}
	load.endsWell()
}

// change carries out statements in one transaction, again when a deadlock with
// the load was broken at its expense.
func (d *database) change(statements string) {
	d.t.Helper()
	const deadlock = "40P01"
	for {
		err := pgx.BeginFunc(d.t.Context(), d.pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(d.t.Context(), statements)
			return err
		})
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == deadlock {
			continue
		}
		require.NoError(d.t, err)
		return
	}
}

func TestMigrationsUpAndDownAreSeenByNobody(t *testing.T) {
	d := newDatabase(t, 1)
	load := d.load()
	newest := d.migrator.Newest()
	for _, version := range []int64{newest, 4, newest, 1, 3, 2, newest} {
		load.goesOnFor(40)
		d.to(version)
	}
	load.endsWell()
}

// load is four writers and two readers that go on until the end.
type load struct {
	d      *database
	stop   atomic.Bool
	wait   sync.WaitGroup
	writes atomic.Int64

	mu    sync.Mutex
	fresh map[int64]int
}

func (d *database) load() *load {
	d.t.Helper()
	l := &load{d: d, fresh: map[int64]int{}}
	d.t.Cleanup(func() {
		l.stop.Store(true)
		l.wait.Wait()
	})
	store := d.store("AAPL")
	for w := range int64(4) {
		l.wait.Go(func() { l.write(store, w) })
	}
	for range 2 {
		l.wait.Go(func() { l.read(store) })
	}
	return l
}

// write stores ever new ticks, and each of them a second time with the next.
func (l *load) write(store *market.Store, writer int64) {
	ctx := context.WithoutCancel(l.d.t.Context())
	for n := writer; !l.stop.Load(); n += 4 {
		if _, err := store.RegisterInstruments(ctx, []market.Instrument{{Symbol: "AAPL"}}); err != nil {
			l.d.t.Errorf("registering: %v", err)
			return
		}
		batch := []market.Tick{tick("AAPL", n, 1.25)}
		if n >= 4 {
			batch = append(batch, tick("AAPL", n-4, 1.25))
		}
		fresh, _, err := store.StoreTicks(ctx, batch)
		if err != nil {
			l.d.t.Errorf("storing: %v", err)
			return
		}
		l.mu.Lock()
		for _, k := range fresh {
			l.fresh[k.Trade]++
		}
		l.mu.Unlock()
		l.writes.Add(1)
	}
}

// read sees no fewer prices than the time before.
func (l *load) read(store *market.Store) {
	ctx := context.WithoutCancel(l.d.t.Context())
	seen := int64(0)
	for !l.stop.Load() {
		v, err := store.VWAP(ctx, "AAPL", market.HideDeleted, market.Span{})
		switch {
		case err != nil && !errors.Is(err, market.ErrNoPrices):
			l.d.t.Errorf("reading: %v", err)
			return
		case v.Trades < seen:
			l.d.t.Errorf("saw %d prices after %d", v.Trades, seen)
			return
		}
		seen = v.Trades
	}
}

func (l *load) goesOnFor(writes int64) {
	l.d.t.Helper()
	from := l.writes.Load()
	require.Eventually(l.d.t, func() bool { return l.writes.Load() >= from+writes || l.d.t.Failed() }, 20*time.Second, time.Millisecond)
	require.False(l.d.t, l.d.t.Failed())
}

// endsWell stops and compares: each tick was new once, and is there once.
func (l *load) endsWell() {
	t := l.d.t
	t.Helper()
	l.stop.Store(true)
	l.wait.Wait()
	require.False(t, t.Failed())
	there, err := l.d.store().Range(t.Context(), "AAPL", market.HideDeleted, market.Span{}, 1_000_000)
	require.NoError(t, err)
	found := map[int64]int{}
	for _, k := range there {
		found[k.Trade]++
	}
	require.Equal(t, l.fresh, found)
	for trade, times := range l.fresh {
		require.Equal(t, 1, times, "trade %d was new", trade)
	}
	t.Logf("%d ticks", len(found))
}
