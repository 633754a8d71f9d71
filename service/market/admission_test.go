package market_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/market"
)

// gated is a tracer of both statements and acquisitions, as the service has.
type gated struct {
	silent
	*market.Admission
}

type silent struct{}

func (silent) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (silent) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// narrow is a store of AAPL over a single connection, which is there already:
// to open one may take longer than the wait.
func narrow(t *testing.T, a *market.Admission) (*market.Store, *pgxpool.Pool) {
	t.Helper()
	config, err := pgxpool.ParseConfig(testdb.Migrated(t))
	require.NoError(t, err)
	config.MaxConns = 1
	wait := a.Wait
	a.Wait = time.Hour
	config.ConnConfig.Tracer = gated{Admission: a}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	store := market.New(market.Config{Pool: pool})
	_, err = store.RegisterInstruments(t.Context(), []market.Instrument{{Symbol: "AAPL"}})
	require.NoError(t, err)
	a.Wait = wait
	return store, pool
}

// mute is a store whose database takes connections and says nothing.
func mute(t *testing.T, a *market.Admission) *market.Store {
	t.Helper()
	config, err := pgxpool.ParseConfig(testdb.Mute(t))
	require.NoError(t, err)
	config.MaxConns = 2
	config.ConnConfig.Tracer = gated{Admission: a}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return market.New(market.Config{Pool: pool})
}

func store(ctx context.Context, s *market.Store, trade int64) error {
	_, _, err := s.StoreTicks(ctx, []market.Tick{{Symbol: "AAPL", At: noon(), Trade: trade, Price: 1, Volume: 1}})
	return err
}

func TestWhoGetsNoConnectionInTimeIsTurnedAwayAndStoresNothing(t *testing.T) {
	admission := &market.Admission{Wait: 20 * time.Millisecond, Waiting: 10}
	s, pool := narrow(t, admission)
	held, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer held.Release() // a second time does nothing
	require.ErrorIs(t, store(t.Context(), s, 1), market.ErrBusy)
	_, err = s.Latest(t.Context(), "AAPL", market.HideDeleted)
	require.ErrorIs(t, err, market.ErrBusy)
	_, err = s.RegisterInstruments(t.Context(), []market.Instrument{{Symbol: "MSFT"}})
	require.ErrorIs(t, err, market.ErrBusy)
	held.Release()
	admission.Wait = time.Hour

	_, err = s.Latest(t.Context(), "AAPL", market.HideDeleted)
	require.ErrorIs(t, err, market.ErrNoPrices, "what was refused was not stored, and the store is open again")
	require.NoError(t, store(t.Context(), s, 2))
}

func TestACallerWhoGivesUpFirstIsNotTurnedAway(t *testing.T) {
	s, pool := narrow(t, &market.Admission{Wait: time.Hour, Waiting: 10})
	held, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer held.Release()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err = store(ctx, s, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, market.ErrBusy)
}

func TestAStatementThatTakesLongerThanTheWaitIsLeftAlone(t *testing.T) {
	s, pool := narrow(t, &market.Admission{Wait: 300 * time.Millisecond, Waiting: 10})
	_, err := pool.Exec(t.Context(), `create function slow() returns trigger language plpgsql as
		$$ begin perform pg_sleep(0.6); return new; end $$`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `create trigger slow before insert on ticks for each statement execute function slow()`)
	require.NoError(t, err)
	require.NoError(t, store(t.Context(), s, 1))
}

func TestOneMoreThanMayWaitIsTurnedAwayAtOnce(t *testing.T) {
	s, pool := narrow(t, &market.Admission{Wait: time.Hour, Waiting: 1})
	held, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer held.Release() // a second time does nothing
	before := pool.Stat().CanceledAcquireCount()
	answers := make(chan error, 2)
	for trade := range int64(2) {
		go func() { answers <- store(t.Context(), s, trade+1) }()
	}
	err = <-answers // of whichever came second
	require.ErrorIs(t, err, market.ErrBusy)
	require.Equal(t, before+1, pool.Stat().CanceledAcquireCount())
	held.Release()
	require.NoError(t, <-answers, "who waited gets the connection that became free")
}

func TestADatabaseThatSaysNothingIsNotCalledBusy(t *testing.T) {
	s := mute(t, &market.Admission{Wait: 20 * time.Millisecond, Waiting: 10})
	for trade := range int64(4) { // the last ones wait for connections that are being opened
		err := store(t.Context(), s, trade+1)
		require.NotErrorIs(t, err, market.ErrBusy)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "the database gave no connection in time")
	}
	crowded := mute(t, &market.Admission{Wait: time.Hour, Waiting: 0})
	err := store(t.Context(), crowded, 1)
	require.NotErrorIs(t, err, market.ErrBusy)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// hushed is a connection over which nothing more is said once hush is set.
type hushed struct {
	net.Conn
	hush *atomic.Bool
}

func (h hushed) Write(p []byte) (int, error) {
	if h.hush.Load() {
		return len(p), nil
	}
	return h.Conn.Write(p)
}

func TestADatabaseThatHangsIsNotCalledBusyWhileConnectionsAreIdle(t *testing.T) {
	config, err := pgxpool.ParseConfig(testdb.Migrated(t))
	require.NoError(t, err)
	var hush atomic.Bool
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return hushed{conn, &hush}, err
	}
	config.MaxConns = 2
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return true }
	admission := &market.Admission{Wait: time.Hour, Waiting: 10}
	config.ConnConfig.Tracer = gated{Admission: admission}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	for _, held := range []*pgxpool.Conn{acquired(t, pool), acquired(t, pool)} {
		held.Release()
	}
	require.Eventually(t, func() bool { return pool.Stat().IdleConns() == 2 }, time.Minute, time.Millisecond)
	hush.Store(true)
	defer hush.Store(false) // for the pool to say goodbye
	admission.Wait = 20 * time.Millisecond
	_, err = market.New(market.Config{Pool: pool}).Latest(t.Context(), "AAPL", market.HideDeleted)
	require.NotErrorIs(t, err, market.ErrBusy)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func acquired(t *testing.T, pool *pgxpool.Pool) *pgxpool.Conn {
	t.Helper()
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	return conn
}

func TestAConnectionThatChangesHandsIsInUse(t *testing.T) {
	const callers, each = 16, 100
	s, pool := narrow(t, &market.Admission{Wait: time.Hour, Waiting: 4})
	require.NoError(t, store(t.Context(), s, 1))
	answers := make(chan error, callers*each)
	for range callers {
		go func() {
			for range each {
				_, err := s.Latest(t.Context(), "AAPL", market.HideDeleted)
				answers <- err
			}
		}()
	}
	for range callers * each {
		if err := <-answers; err != nil {
			require.ErrorIs(t, err, market.ErrBusy)
		}
	}
	require.Positive(t, pool.Stat().CanceledAcquireCount(), "some were turned away")
}
