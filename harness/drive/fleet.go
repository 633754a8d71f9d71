package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/signoff-dev/signoff/harness/measure"
)

// Replica is one of several services on one database.
type Replica struct {
	// Name is what the services call it among themselves.
	Name   string
	Market *Market
	// End takes it away. Resume brings it back; nil where nothing can.
	End, Resume func() error
}

// Fleet is several services on one database, and who watches them.
type Fleet struct {
	Replicas []Replica
	// Watchers is how many lines each service has.
	Watchers int
	// Trouble is brought about and ended twice: before the service that collects
	// is taken away, and after.
	Trouble Alarm
	// Farewell says that the service tells its watchers that it goes.
	Farewell bool
}

// TakeOver takes away the service that collects, waits until another one does,
// and asks what everybody was told meanwhile. It yields "take-over" in seconds:
// from the end of the one until every watcher of the others has a figure of its
// successor; "messages missing in the sequence" and "messages told twice", of
// all numbered messages that watchers should have had; "messages that differ
// between services", of all numbers that more than one watcher heard; "alerts
// never told", of all that watchers should have heard; and, if the service says
// farewell, "farewells never told", of its watchers. Those who watched a service
// that is gone go on at another one and ask for what they missed; one that comes
// back must tell its watchers by itself.
func (f Fleet) TakeOver(ctx context.Context) (measure.Set, error) {
	if f.Trouble.Patience == 0 {
		f.Trouble.Patience = changePatience
	}
	a := &audience{patience: f.Trouble.Patience, sums: maphash.MakeSeed()}
	defer a.leave()
	for _, r := range f.Replicas {
		if err := a.seat(ctx, r, f.Watchers); err != nil {
			return nil, err
		}
	}
	if !a.await(ctx, everybody, func(w *witness) bool { return w.highest(figuresChannel) > 0 }) {
		return nil, fmt.Errorf("waiting for the first figures of %d services: %w", len(f.Replicas), errNotTold)
	}
	leader, err := f.leader(ctx, "")
	if err != nil {
		return nil, err
	}
	var never measure.Share
	if err := a.hearOf(ctx, f.Trouble, everybody, &never); err != nil {
		return nil, err
	}
	at := time.Now()
	if err := leader.End(); err != nil {
		return nil, fmt.Errorf("ending the service that collects: %w", err)
	}
	others := func(w *witness) bool { return w.of != leader.Name }
	pause(ctx, underWay)
	took := f.succeed(ctx, a, leader.Name, at, a.highest(figuresChannel))
	var told measure.Share
	if leader.Resume == nil {
		others = everybody
		if told, err = a.move(ctx, leader.Name, f.but(leader.Name)); err != nil {
			return nil, err
		}
	}
	if err := a.hearOf(ctx, f.Trouble, others, &never); err != nil {
		return nil, err
	}
	if leader.Resume != nil {
		if err := leader.Resume(); err != nil {
			return nil, fmt.Errorf("resuming the service that collected: %w", err)
		}
		others = everybody
		last := a.highest(alertsChannel)
		a.await(ctx, everybody, func(w *witness) bool { return w.highest(alertsChannel) >= last })
	}
	a.leave()
	found := a.compare(others)
	found["take-over"] = took
	found["alerts never told"] = measure.Value{Share: &never}
	if f.Farewell {
		found["farewells never told"] = measure.Value{Share: &measure.Share{Hits: told.Of - told.Hits, Of: told.Of}}
	}
	return found, ctx.Err()
}

func (f Fleet) but(name string) []Replica {
	return slices.DeleteFunc(slices.Clone(f.Replicas), func(r Replica) bool { return r.Name == name })
}

var errNotTold = errors.New("nothing was told in time")

// The channels whose messages have numbers.
const (
	figuresChannel = "database_performance"
	alertsChannel  = "performance_alert"
)

// underWay is how long the last words of a service may be under way.
const underWay = 100 * time.Millisecond

// succeed waits until another service than the old one collects and all
// watchers of the others have a figure after the last of the old one.
func (f Fleet) succeed(ctx context.Context, a *audience, old string, at time.Time, last int64) measure.Value {
	within, cancel := context.WithTimeout(ctx, a.patience)
	defer cancel()
	never := measure.Value{Unit: "s", Amount: &measure.Amount{Value: a.patience.Seconds(), Says: "nobody took over"}}
	next, err := f.leader(within, old)
	if err != nil {
		return never
	}
	others := func(w *witness) bool { return w.of != old }
	if !a.await(within, others, func(w *witness) bool { return w.highest(figuresChannel) > last }) {
		return never
	}
	return measure.Value{Unit: "s", Amount: &measure.Amount{
		Value: time.Since(at).Seconds(), Of: 1, Says: fmt.Sprintf("%s after %s", next.Name, old),
	}}
}

// leader asks until a service other than the one of that name says that it
// collects.
func (f Fleet) leader(ctx context.Context, but string) (Replica, error) {
	asking, cancel := context.WithTimeout(ctx, changePatience)
	defer cancel()
	pause := time.NewTicker(25 * time.Millisecond)
	defer pause.Stop()
	for asking.Err() == nil {
		for _, r := range f.Replicas {
			if r.Name == but {
				continue
			}
			answer, err := r.Market.ask(asking, "/api/health/database")
			if err != nil || answer.missed {
				continue
			}
			if name := collecting(answer.raw); name != "" && name != but {
				if i := slices.IndexFunc(f.Replicas, func(r Replica) bool { return r.Name == name }); i >= 0 {
					return f.Replicas[i], nil
				}
			}
		}
		select {
		case <-pause.C:
		case <-asking.Done():
		}
	}
	return Replica{}, fmt.Errorf("finding the service that collects: %w", errNotTold)
}

// collecting reads the name of the service that collects out of the health of
// the database.
func collecting(raw []byte) string {
	var said struct {
		Replicas []struct {
			Name    string `json:"name"`
			Leading bool   `json:"leading"`
		} `json:"replicas"`
	}
	if json.Unmarshal(raw, &said) != nil {
		return ""
	}
	for _, r := range said.Replicas {
		if r.Leading {
			return r.Name
		}
	}
	return ""
}

// Follower asks until one of the services says that another one collects.
func (f Fleet) Follower(ctx context.Context) (Replica, error) {
	leader, err := f.leader(ctx, "")
	if err != nil {
		return Replica{}, err
	}
	i := slices.IndexFunc(f.Replicas, func(r Replica) bool { return r.Name != leader.Name })
	if i < 0 {
		return Replica{}, errors.New("finding a service that follows: there is one service alone")
	}
	return f.Replicas[i], nil
}

// hearOf brings a trouble about and ends it, and counts the watchers who are
// not told that it fires or that it is over.
func (a *audience) hearOf(ctx context.Context, t Alarm, who func(*witness) bool, never *measure.Share) error {
	for _, change := range []struct {
		cause func(context.Context) error
		state string
	}{{t.Begin, "firing"}, {t.End, "ok"}} {
		before := map[*witness]int{}
		for _, w := range a.witnesses {
			before[w] = w.told(t.Rule.Name, change.state)
		}
		heardIt := func(w *witness) bool { return w.told(t.Rule.Name, change.state) > before[w] }
		if err := change.cause(ctx); err != nil {
			return err
		}
		a.await(ctx, who, heardIt)
		for _, w := range a.witnesses {
			if who(w) {
				never.Of++
				if !heardIt(w) {
					never.Hits++
				}
			}
		}
	}
	return nil
}
