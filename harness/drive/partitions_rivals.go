package drive

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/signoff-dev/signoff/harness/measure"
)

// Rivals are managers of partitions that do not know of each other and work on
// the same database while the market trades.
type Rivals struct {
	Operator Operator
	// Managers is how many there are; zero is two.
	Managers int
	// Market and Session are the trading; the managers work as long as it lasts.
	Market  *Market
	Session Session
}

// Work has the managers make partitions, further ahead each time so that there is
// always something to do, and repair, while the market trades. It yields what
// Trade yields, and "errors of the managers", counted of their calls, "partitions
// made", a count, and what Operator.Room yields: "rows in the default partition"
// and its companions. The ledger is to be compared with the database.
func (r Rivals) Work(ctx context.Context) (Outcome, error) {
	if r.Managers == 0 {
		r.Managers = 2
	}
	before, err := ReadPartitions(ctx, r.Operator.DSN, "ticks")
	if err != nil {
		return Outcome{}, err
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	tallies := make([]rivalTally, r.Managers)
	var managers sync.WaitGroup
	for i := range tallies {
		managers.Go(func() { tallies[i].work(ctx, working.Done(), r.Operator) })
	}
	out, err := r.Market.Trade(ctx, nil, r.Session)
	stop()
	managers.Wait()
	if err != nil {
		return out, err
	}
	var sum rivalTally
	for _, t := range tallies {
		sum.calls += t.calls
		sum.errors += t.errors
		if sum.first == nil {
			sum.first = t.first
		}
	}
	after, err := ReadPartitions(ctx, r.Operator.DSN, "ticks")
	if err != nil {
		return out, err
	}
	room, err := r.Operator.Room(ctx, time.Time{}, 0)
	if err != nil {
		return out, err
	}
	made := int64(len(after.Leaves) - len(before.Leaves))
	troubles := measure.Share{Hits: sum.errors, Of: sum.calls}
	out.Trouble = sum.first
	if err := out.Measures.Add(room); err != nil {
		return out, err
	}
	return out, out.Measures.Add(measure.Set{
		"errors of the managers": {Share: &troubles},
		"partitions made":        {Amount: &measure.Amount{Value: float64(made), Of: sum.calls, Says: fmt.Sprintf("in %d calls", sum.calls)}},
	})
}

// rivalTally is what came of the work of one manager.
type rivalTally struct {
	calls, errors int64
	first         error
}

// work calls the tool again and again until it is over; a call that has begun is
// let end.
func (t *rivalTally) work(ctx context.Context, over <-chan struct{}, o Operator) {
	for n := 1; ; n++ {
		select {
		case <-over:
			return
		default:
		}
		u := Upkeep{Verb: "ensure", Ahead: 4 + n/2}
		if n%4 == 0 {
			u = Upkeep{Verb: "repair"}
		}
		_, _, err := u.Call(ctx, o)
		t.calls++
		if err != nil {
			t.errors++
			if t.first == nil {
				t.first = err
			}
		}
	}
}

// decodeFirst reads the first JSON value of what a tool said.
func decodeFirst(said string, into any) error {
	return json.NewDecoder(strings.NewReader(said)).Decode(into)
}
