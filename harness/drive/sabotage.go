package drive

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// Sabotage is one way in which the loss check was broken on purpose, and what
// the check said about it.
type Sabotage struct {
	Broke string // what was broken
	Must  string // what the check must say
	Said  string // what it said
	Red   bool   // it noticed
}

// sabotage is a way to break the stored prices, and the count that must see it.
type sabotage struct {
	broke, must string
	sql         string
	args        []any
	counted     func(Account) int64
}

// sabotages are every way in which a service could betray a price.
func (l *Ledger) sabotages(s shape, victim int64) []sabotage {
	stranger := l.First + int64(len(l.fates)) + 1000
	return []sabotage{
		{
			broke: fmt.Sprintf("deleted one acknowledged price, trade %d", victim), must: "lost",
			sql: s.losing, args: []any{victim},
			counted: func(a Account) int64 { return a.Lost },
		},
		{
			broke: fmt.Sprintf("stored one price twice, trade %d", victim), must: "duplicated",
			sql: s.doubling, args: []any{victim},
			counted: func(a Account) int64 { return a.Duplicated },
		},
		{
			broke: fmt.Sprintf("stored one price that nobody offered, trade %d", stranger), must: "unexpected",
			sql: s.inventing, args: []any{victim, stranger},
			counted: func(a Account) int64 { return a.Unexpected },
		},
		{
			broke: fmt.Sprintf("raised one stored price by a cent, trade %d", victim), must: "wrong",
			sql: s.altering, args: []any{victim},
			counted: func(a Account) int64 { return a.Wrong },
		},
	}
}

// testingLossCheck is what the driver does in TestLossCheck.
const testingLossCheck = "testing the loss check"

// TestLossCheck breaks the stored prices on purpose in transactions that are
// rolled back, and returns what the loss check said to each of them. A check
// that cannot go red proves nothing, nor does one that stays red: that is an
// error.
func TestLossCheck(ctx context.Context, dsn string, l *Ledger) ([]Sabotage, error) {
	var done []Sabotage
	err := connected(ctx, dsn, testingLossCheck, func(db *pgx.Conn) error {
		stored, err := shapeOf(ctx, db)
		if err != nil {
			return err
		}
		before, err := Found(ctx, db, l.First)
		if err != nil {
			return err
		}
		victim, ok := l.victim(before)
		if !ok {
			return finding("no acknowledged price is stored as it was offered")
		}
		honest := l.Reconcile(before)
		for _, s := range l.sabotages(stored, victim) {
			account, err := l.after(ctx, db, s.sql, s.args...)
			if err != nil {
				return finding(fmt.Sprintf("%s: %v", s.broke, plain(err)))
			}
			more := s.counted(account) - s.counted(honest)
			done = append(done, Sabotage{
				Broke: s.broke,
				Must:  s.must + " 1",
				Said:  fmt.Sprintf("%s %d", s.must, more),
				Red:   more == 1,
			})
		}
		after, err := Found(ctx, db, l.First)
		if err != nil {
			return err
		}
		if again := l.Reconcile(after); again != honest {
			return finding(fmt.Sprintf("what was broken was taken back, and the check still says %+v instead of %+v", again, honest))
		}
		return nil
	})
	return done, err
}

// victim is the middle one of the prices that are acknowledged and stored once,
// as they were offered.
func (l *Ledger) victim(found map[int64][]market.Tick) (int64, bool) {
	var sound []int64
	for i, f := range l.fates {
		stored := found[l.First+int64(i)]
		if f == acknowledged && len(stored) == 1 && same(l.prices[i], stored[0]) {
			sound = append(sound, l.First+int64(i))
		}
	}
	if len(sound) == 0 {
		return 0, false
	}
	return sound[len(sound)/2], true
}

// after reconciles in a transaction in which sql was carried out, and rolls it back.
func (l *Ledger) after(ctx context.Context, db *pgx.Conn, sql string, args ...any) (Account, error) {
	tx, err := db.Begin(ctx)
	if err != nil {
		return Account{}, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := tx.Exec(ctx, sql, args...); err != nil {
		return Account{}, err
	}
	found, err := Found(ctx, tx, l.First)
	if err != nil {
		return Account{}, err
	}
	return l.Reconcile(found), nil
}
