package probe

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// stocked prices of this many instruments are in each twin before anything
	// is timed; batch is how many one batch has.
	stocked     = 10_000
	instruments = 20
	batch       = 100
)

// twinTables makes the tables of both layouts, statement by statement.
//
//go:embed twin.sql
var twinTables string

// twins compares the baseline's layout with that of now, in tables that only
// one transaction ever sees: it is taken back.
func (p Prober) twins(ctx context.Context, conn *pgx.Conn, m market) ([]Metric, error) {
	if !m.split || !m.floats {
		return nil, errNotApplicable // the layout of now is not in use
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err := stock(ctx, tx, p.within(shareOfStock)); err != nil {
		return nil, err
	}
	found, err := sizes(ctx, tx)
	for _, compare := range []func(context.Context, pgx.Tx) (Metric, error){
		p.calculation(FloatSpeedupVWAP, `sum(%[1]s * volume) / sum(volume)`),
		p.calculation(FloatSpeedupSum, `sum(%[1]s * volume)`),
		p.inserts,
	} {
		if err != nil {
			break
		}
		var one Metric
		one, err = compare(ctx, tx)
		found = append(found, one)
	}
	return found, err
}

// stock makes the tables and puts the same prices into both.
func stock(ctx context.Context, tx pgx.Tx, within time.Duration) error {
	began := time.Now()
	for _, sql := range strings.Split(strings.ReplaceAll(twinTables, "$STOCKED", fmt.Sprint(stocked)), ";\n") {
		if time.Since(began) > within {
			return errOutOfBudget
		}
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// sizes counts bytes, of the table and of its indexes.
func sizes(ctx context.Context, tx pgx.Tx) ([]Metric, error) {
	var heap, indexes [2]float64
	for i, table := range []string{"market_data", "ticks"} {
		if err := tx.QueryRow(ctx, `select pg_relation_size($1::text::regclass), pg_indexes_size($1::text::regclass)`, table).
			Scan(&heap[i], &indexes[i]); err != nil {
			return nil, err
		}
		heap[i], indexes[i] = heap[i]/stocked, indexes[i]/stocked
	}
	return []Metric{
		counted(IndexSize, indexes[0], indexes[1], Counted),
		counted(StorageEfficiency, heap[0]+indexes[0], heap[1]+indexes[1], Counted),
	}, nil
}

// calculation times an aggregate over both.
func (p Prober) calculation(name, aggregate string) func(context.Context, pgx.Tx) (Metric, error) {
	return func(ctx context.Context, tx pgx.Tx) (Metric, error) {
		over := func(column, table string) func(context.Context) error {
			sql := fmt.Sprintf(`select (`+aggregate+`)::float8 from `+table, column)
			return func(ctx context.Context) error {
				_, err := tx.Exec(ctx, sql)
				return err
			}
		}
		t, err := comparison{
			baseline: over("close", "market_data"), current: over("price", "ticks"),
			most: enoughPairs, tries: bestOf, within: p.within(shareOfAggregate),
		}.run(ctx)
		return t.metric(name, milliseconds), err
	}
}

// insertRow is how the baseline stored a price.
const insertRow = `
	insert into market_data (kind, symbol, at, trade, close, volume)
	values ('tick', $1, $2, $3, $4::float8, $5::float8)`

// inserts times batches as the baseline stored them, and as the service does.
func (p Prober) inserts(ctx context.Context, tx pgx.Tx) (Metric, error) {
	store, err := statement("store prices")
	if err != nil {
		return absent(InsertImprovement, Unavailable), err
	}
	b := newBatch()
	t, err := comparison{
		baseline: func(ctx context.Context) error {
			for i := range b.ids {
				if _, err := tx.Exec(ctx, insertRow, b.symbols[i], b.ats[i], b.trades[i], b.prices[i], b.volumes[i]); err != nil {
					return err
				}
			}
			return nil
		},
		current: func(ctx context.Context) error {
			tag, err := tx.Exec(ctx, store, b.register, b.ids, b.ats, b.trades, b.prices, b.volumes)
			if err == nil && tag.RowsAffected() != batch {
				return errors.New("a batch of the probe was not stored")
			}
			return err
		},
		readyBaseline: b.next, readyCurrent: b.next,
		most: enoughPairs, within: p.within(shareOfInserts),
	}.run(ctx)
	return t.metric(InsertImprovement, func(seconds float64) float64 { return batch / seconds }), err
}

// prices is one batch as columns, sorted by instrument as the service does.
type prices struct {
	register, ids   []int32
	symbols         []string
	ats             []time.Time
	trades          []int64
	prices, volumes []float64
}

func newBatch() *prices {
	b := &prices{}
	for id := range int32(instruments) {
		b.register = append(b.register, id+1)
		for range batch / instruments {
			b.ids = append(b.ids, id+1)
			b.symbols = append(b.symbols, fmt.Sprint("PROBE", id+1))
		}
	}
	n := len(b.ids)
	b.ats, b.trades, b.prices, b.volumes = make([]time.Time, n), make([]int64, n), make([]float64, n), make([]float64, n)
	for i := range b.ids {
		// After all that is stocked: prices arrive at the end.
		b.ats[i] = time.Date(2021, 1, 1, 0, 0, i, 0, time.UTC)
		b.trades[i], b.prices[i], b.volumes[i] = int64(i), 100+float64(i*7919%10007)/100, float64(1+i%997)
	}
	return b
}

// next makes the batch one that is in neither table.
func (b *prices) next(context.Context) error {
	for i := range b.ats {
		b.ats[i] = b.ats[i].Add(batch * time.Second)
	}
	return nil
}
