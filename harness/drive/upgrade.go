package drive

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Upgrade is a way between versions of the schema that an operator takes while
// the market trades.
type Upgrade struct {
	// Market is the running service.
	Market *Market
	// Operator has the database of the service and the tool.
	Operator Operator
	// Way are the versions to go to, one after the other, such as 2, 3, 2, 1.
	Way []int64
	// Rate is how many prices a second come due.
	Rate int
	// Prices are what is traded. Everything that was stored before has lower
	// trade numbers.
	Prices *market.Ticks
	// Longest bounds the trading; zero is five minutes. A way that takes longer
	// is an error.
	Longest time.Duration
	// Journal is the file for the answers; see Session.
	Journal string
}

// UpgradeOutcome is what came of an upgrade under load. The ledger is to be
// compared with the database: see CountLosses.
type UpgradeOutcome struct {
	Measures measure.Set
	Ledger   *Ledger
	Moves    []Move
	// Locks are those that were seen, by kind and table.
	Locks Locks
	// Differences are those between two sights of the schema at one version.
	Differences []string
	// Changed names some of the rows that were there before and are not the
	// same now.
	Changed []string
}

// UnderLoad takes the way while the market trades, and until a second after. It
// yields
//
//   - "store latency", "prices stored", "prices dropped" and "prices refused" as
//     Trade does; whatever was not acknowledged counts as refused;
//   - "longest write stall" in milliseconds; see Ledger.LongestStall;
//   - "exclusive locks, in sum" and its companions in milliseconds; see
//     Locks.Measures;
//   - "longest move" in seconds: how long the tool took for one;
//   - "rollback to the first good write" in seconds, the longest of all moves to
//     a lower version: from the operator's command to the acknowledgement of a
//     price that came due after the tool was done;
//   - "schema differences", counted of all that was seen again at a version;
//   - "rows changed", counted of the rows that were there before: lost, altered,
//     or come from nowhere.
func (u Upgrade) UnderLoad(ctx context.Context) (UpgradeOutcome, error) {
	return u.play(ctx, func(ctx context.Context, move *Move) error {
		move.Tries = 1
		return u.Operator.MoveTo(ctx, move.From, move.To)
	}, func() bool { return false })
}

// play trades while the moves of the way are made, each by making. The way is
// taken again if it ended where it began and again says so.
func (u Upgrade) play(ctx context.Context, making func(context.Context, *Move) error, again func() bool) (UpgradeOutcome, error) {
	if u.Longest == 0 {
		u.Longest = 5 * time.Minute
	}
	schedule := &following{perSecond: float64(u.Rate), longest: u.Longest}
	prices := u.Prices.Take(Due(schedule))
	if len(prices) == 0 {
		return UpgradeOutcome{}, fmt.Errorf("upgrading under load: no price is due at %d a second", u.Rate)
	}
	names, err := u.Operator.Migrations(ctx)
	if err != nil {
		return UpgradeOutcome{}, err
	}
	before, err := takeInventory(ctx, u.Operator.DSN, prices[0].Trade)
	if err != nil {
		return UpgradeOutcome{}, err
	}
	way := &way{operator: u.Operator, making: making}
	var traded Outcome
	trading := make(chan error, 1)
	go func() { // ends when the schedule is stopped, below
		var err error
		traded, err = u.Market.Trade(ctx, nil, Session{Schedule: schedule, Prices: prices, Window: time.Second, Journal: u.Journal})
		trading <- err
	}()
	locks, err := WatchLocks(ctx, u.Operator.DSN, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeoutCause(ctx, u.Longest, fmt.Errorf("the way took longer than %v", u.Longest))
		defer cancel()
		for {
			if err := way.take(ctx, u.Way); err != nil || !way.closed() || !again() {
				return err
			}
		}
	})
	pause(ctx, time.Second)
	schedule.stopped.Store(true)
	if err := errors.Join(err, <-trading); err != nil {
		return UpgradeOutcome{Moves: way.moves}, fmt.Errorf("upgrading under load: %w", err)
	}
	way.look(locks, traded, names)
	out := UpgradeOutcome{Ledger: traded.Ledger, Moves: way.moves, Differences: way.likeness.Told(), Measures: traded.Measures, Locks: locks}
	changed, err := out.compare(ctx, u.Operator.DSN, before, prices[0].Trade)
	if err != nil {
		return UpgradeOutcome{}, err
	}
	return out, errors.Join(
		out.Measures.Add(locks.Measures()),
		out.Measures.Add(way.likeness.Measures()),
		out.Measures.Add(measure.Set{"rows changed": changed, "longest write stall": out.Ledger.stall()}),
		out.Measures.Add(wayMeasures(way.moves, traded)),
	)
}

// compare finds out what became of the rows that were there before.
func (o *UpgradeOutcome) compare(ctx context.Context, dsn string, before inventory, first int64) (measure.Value, error) {
	after, err := ReadSumsBelow(ctx, dsn, first)
	if err != nil {
		return measure.Value{}, err
	}
	changed := int64(0)
	if parts := before.sums.Differ(after); len(parts) > 0 {
		changed, o.Changed = before.sums.rowsOf(parts, after), inWords(parts)
		if before.content != nil {
			content, err := ReadContentBelow(ctx, dsn, first)
			if err != nil {
				return measure.Value{}, err
			}
			lost, altered, added := before.content.Difference(content)
			changed, o.Changed = lost+altered+added, before.content.Tell(content, 10)
		}
	}
	return count("rows changed", changed, before.sums.Rows), nil
}

// inventory is what was there before.
type inventory struct {
	sums    Sums
	content Content // nil if there is too much of it
}

// mostContent is how many rows are kept one by one, to name those that change.
const mostContent = 300_000

func takeInventory(ctx context.Context, dsn string, below int64) (inventory, error) {
	var i inventory
	var err error
	if i.sums, err = ReadSumsBelow(ctx, dsn, below); err != nil || i.sums.Rows > mostContent {
		return i, err
	}
	i.content, err = ReadContentBelow(ctx, dsn, below)
	return i, err
}

func inWords(parts []Part) []string {
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = fmt.Sprintf("the %ss of %s", p.Kind, p.Day)
	}
	return words
}

// following is a schedule at a constant rate that ends when it is stopped.
type following struct {
	perSecond float64
	longest   time.Duration
	stopped   atomic.Bool
}

// Due implements load.Schedule.
func (f *following) Due(i int) (time.Duration, bool) {
	due := time.Duration(float64(i) / f.perSecond * float64(time.Second))
	return min(due, f.longest), f.perSecond > 0 && due < f.longest && !f.stopped.Load()
}
