package drive

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/measure"
)

// fate is what the writer knows of one price that it offered.
type fate uint8

const (
	unoffered     fate = iota
	refusedPrice       // answered with a refusal: must not be stored
	indeterminate      // no answer: may or may not be stored
	acknowledged       // answered with success: must be stored
)

// String is the word for a fate in the journal.
func (f fate) String() string {
	switch f {
	case refusedPrice:
		return "refused"
	case indeterminate:
		return "indeterminate"
	case acknowledged:
		return "acknowledged"
	}
	return "unoffered"
}

func parseFate(word string) (fate, error) {
	for _, f := range []fate{refusedPrice, indeterminate, acknowledged} {
		if f.String() == word {
			return f, nil
		}
	}
	return unoffered, fmt.Errorf("no answer is called %q", word)
}

// Ledger is the writer's own book, kept outside the database: what every price
// was and what became of it, by its trade number. Trade numbers run from First
// upwards without a gap.
type Ledger struct {
	First  int64
	prices []market.Tick
	fates  []fate
	due    []time.Duration // of each price, from the start of the session
	took   []time.Duration // from the moment each price was due to its answer
}

// NewLedger returns a book for prices whose trade numbers follow each other.
// None of them counts as offered yet.
func NewLedger(prices []market.Tick) *Ledger {
	l := &Ledger{
		prices: prices, fates: make([]fate, len(prices)),
		due: make([]time.Duration, len(prices)), took: make([]time.Duration, len(prices)),
	}
	if len(prices) > 0 {
		l.First = prices[0].Trade
	}
	return l
}

// note writes down what came of price i and when, counted from the moment at
// which it was due.
func (l *Ledger) note(i int, err error, took time.Duration) {
	l.fates[i], l.took[i] = fateOf(err), took
}

// Account is the comparison of the book with what is found in the database,
// trade number by trade number and figure by figure: equal totals would not be
// enough.
type Account struct {
	Offered       int64 // handed to the service
	Refused       int64 // answered with a refusal
	Indeterminate int64 // never answered
	Acknowledged  int64 // answered with success
	Found         int64 // rows in the database
	Lost          int64 // acknowledged and not found
	Duplicated    int64 // found more than once
	Unexpected    int64 // found and never offered, or refused and found all the same
	Wrong         int64 // found with another symbol, price, volume or time than was offered
}

// Reconcile compares the book with found, the stored rows by trade number.
func (l *Ledger) Reconcile(found map[int64][]market.Tick) Account {
	var a Account
	for i, f := range l.fates {
		stored := found[l.First+int64(i)]
		rows := int64(len(stored))
		switch f {
		case unoffered:
			a.Unexpected += rows
		case refusedPrice:
			a.Offered++
			a.Refused++
			a.Unexpected += rows
		case indeterminate:
			a.Offered++
			a.Indeterminate++
			a.Wrong += differing(l.prices[i], stored)
		case acknowledged:
			a.Offered++
			a.Acknowledged++
			a.Wrong += differing(l.prices[i], stored)
			if rows == 0 {
				a.Lost++
			}
		}
		if rows > 1 {
			a.Duplicated += rows - 1
		}
		a.Found += rows
	}
	last := l.First + int64(len(l.fates))
	for trade, stored := range found {
		if trade < l.First || trade >= last {
			a.Found += int64(len(stored))
			a.Unexpected += int64(len(stored))
		}
	}
	return a
}

// differing counts the stored rows that are not what was offered.
func differing(offered market.Tick, stored []market.Tick) int64 {
	var n int64
	for _, s := range stored {
		if !same(offered, s) {
			n++
		}
	}
	return n
}

func same(a, b market.Tick) bool {
	return a.Symbol == b.Symbol && a.Trade == b.Trade && a.At.Equal(b.At) && a.Price == b.Price && a.Volume == b.Volume
}

// Rows is where the driver reads the database: a connection or a transaction.
type Rows interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Found reads what is stored under each trade number at or above first, in
// whichever version of the schema the database is.
func Found(ctx context.Context, db Rows, first int64) (map[int64][]market.Tick, error) {
	var found map[int64][]market.Tick
	err := inShape(ctx, db, func(s shape) error {
		found = map[int64][]market.Tick{}
		rows, err := db.Query(ctx, s.found, first)
		if err != nil {
			return err
		}
		var row market.Tick
		_, err = pgx.ForEachRow(rows, []any{&row.Symbol, &row.At, &row.Trade, &row.Price, &row.Volume}, func() error {
			found[row.Trade] = append(found[row.Trade], row)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, plain(err)
	}
	return found, nil
}

// readingBack is what the driver does when it reads what a service stored.
const readingBack = "reading the stored prices back"

// CountLosses compares the book with what the database holds.
func CountLosses(ctx context.Context, dsn string, l *Ledger) (Account, error) {
	var a Account
	err := connected(ctx, dsn, readingBack, func(conn *pgx.Conn) error {
		found, err := Found(ctx, conn, l.First)
		a = l.Reconcile(found)
		return err
	})
	if err != nil {
		return Account{}, err
	}
	return a, nil
}

// Measures are the counts that objectives are written about, each out of the
// acknowledged prices: "acknowledged prices lost", "prices stored twice",
// "prices from nowhere" and "prices stored wrong".
func (a Account) Measures() measure.Set {
	return measure.Set{
		"acknowledged prices lost": count("acknowledged prices lost", a.Lost, a.Acknowledged),
		"prices stored twice":      count("prices stored twice", a.Duplicated, a.Acknowledged),
		"prices from nowhere":      count("prices from nowhere", a.Unexpected, a.Acknowledged),
		"prices stored wrong":      count("prices stored wrong", a.Wrong, a.Acknowledged),
	}
}
