package drive

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/signoff-dev/signoff/harness/measure"
)

// audience is everybody who watches a fleet.
type audience struct {
	witnesses []*witness
	patience  time.Duration
	sums      maphash.Seed // with which messages are compared
	listening sync.WaitGroup
	left      bool
}

// witness remembers what was told on one line.
type witness struct {
	*caller
	of   string // the replica
	sums maphash.Seed
	over chan struct{} // closed when all that was heard on the line is remembered

	mu      sync.Mutex
	numbers map[string][]numbered // by channel, in the order in which they came
	states  map[string]int        // how often a rule's alert came into a state: "rule state"
}

// numbered is one message with a number.
type numbered struct {
	seq int64
	sum uint64 // of its bytes
}

func everybody(*witness) bool { return true }

// seat opens n lines to a replica.
func (a *audience) seat(ctx context.Context, r Replica, n int) error {
	for i := range n {
		c, err := r.Market.call(ctx)
		if err != nil {
			return fmt.Errorf("seating watcher %d of %d at %s: %w", i+1, n, r.Name, err)
		}
		w := &witness{of: r.Name, sums: a.sums, numbers: map[string][]numbered{}, states: map[string]int{}}
		a.witnesses = append(a.witnesses, w)
		a.follow(w, c, map[string]bool{figuresChannel: true, alertsChannel: true})
	}
	return nil
}

// follow has a watcher listen on a line, to the numbers of these channels.
func (a *audience) follow(w *witness, c *caller, counts map[string]bool) {
	w.caller, w.over = c, make(chan struct{})
	a.listening.Go(func() {
		defer close(w.over)
		w.remember(c, counts)
	})
}

// remember ends with the line. The numbers of a channel count, or do so from the
// moment on that it is subscribed to: what came before is told again.
func (w *witness) remember(c *caller, counts map[string]bool) {
	for h := range c.frames {
		var said struct {
			Data struct{ Rule, State, Channel string }
		}
		known := (h.Type == alertsChannel || h.Type == "subscribed") && json.Unmarshal(h.raw, &said) == nil
		if known && h.Type == "subscribed" {
			counts[said.Data.Channel] = true
		}
		if !counts[h.Type] {
			continue
		}
		w.mu.Lock()
		if h.Seq != nil {
			w.numbers[h.Type] = append(w.numbers[h.Type], numbered{*h.Seq, maphash.Bytes(w.sums, h.raw)})
		}
		if known {
			w.states[said.Data.Rule+" "+said.Data.State]++
		}
		w.mu.Unlock()
	}
}

// move has everybody who watched a replica that is gone go on at the others, and
// ask there for what was told since the last that they heard. It returns how
// many of them were told before why their line ends.
func (a *audience) move(ctx context.Context, from string, to []Replica) (told measure.Share, err error) {
	for _, w := range a.witnesses {
		if w.of != from {
			continue
		}
		select {
		case <-w.over:
		case <-ctx.Done():
			return told, ctx.Err()
		}
		next := to[told.Of%int64(len(to))]
		told.Of++
		if w.code == websocket.CloseGoingAway {
			told.Hits++
		}
		c, err := next.Market.call(ctx)
		if err != nil {
			return told, fmt.Errorf("going on at %s: %w", next.Name, err)
		}
		for _, channel := range []string{figuresChannel, alertsChannel} {
			if err := c.say(fmt.Sprintf(`{"type":"subscribe","data":{"channel":%q,"since":%d}}`, channel, w.highest(channel))); err != nil {
				c.hangUp()
				return told, err
			}
		}
		w.of = next.Name
		a.follow(w, c, map[string]bool{})
	}
	return told, nil
}

// leave closes every line and waits until all that was heard is remembered.
func (a *audience) leave() {
	if a.left {
		return
	}
	a.left = true
	for _, w := range a.witnesses {
		_ = w.conn.Close()
	}
	a.listening.Wait()
}

// await waits until all who are meant know, or patience is over.
func (a *audience) await(ctx context.Context, who, knows func(*witness) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, a.patience)
	defer cancel()
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for {
		if a.least(who, func(w *witness) int {
			if knows(w) {
				return 1
			}
			return 0
		}) == 1 {
			return true
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return false
		}
	}
}

// least is the smallest figure of those who are meant; 0 if nobody is.
func (a *audience) least(who func(*witness) bool, figure func(*witness) int) int {
	least, first := 0, true
	for _, w := range a.witnesses {
		if who(w) && (first || figure(w) < least) {
			least, first = figure(w), false
		}
	}
	return least
}

// highest is the highest number that anybody heard.
func (a *audience) highest(channel string) int64 {
	var most int64
	for _, w := range a.witnesses {
		most = max(most, w.highest(channel))
	}
	return most
}

func (w *witness) highest(channel string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var most int64
	for _, n := range w.numbers[channel] {
		most = max(most, n.seq)
	}
	return most
}

func (w *witness) told(rule, state string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.states[rule+" "+state]
}

// compare counts what was missing, told twice and told differently. Those who
// are not meant are compared up to where they stopped listening.
func (a *audience) compare(who func(*witness) bool) measure.Set {
	var missing, twice, differ measure.Share
	for _, channel := range []string{figuresChannel, alertsChannel} {
		bytes := map[int64]map[uint64]bool{}
		heardBy := map[int64]int{}
		for _, w := range a.witnesses {
			seen := map[int64]bool{}
			for _, n := range w.numbers[channel] {
				twice.Of++
				if seen[n.seq] {
					twice.Hits++
				}
				seen[n.seq] = true
				if bytes[n.seq] == nil {
					bytes[n.seq] = map[uint64]bool{}
				}
				bytes[n.seq][n.sum] = true
				heardBy[n.seq]++
			}
			missed, due := w.gaps(channel, seen)
			missing.Hits += missed
			missing.Of += due
		}
		for seq, forms := range bytes {
			if heardBy[seq] > 1 {
				differ.Of++
				if len(forms) > 1 {
					differ.Hits++
				}
			}
		}
		lost, due := a.cutOff(who, channel)
		missing.Hits += lost
		missing.Of += due
	}
	return measure.Set{
		"messages missing in the sequence":      {Share: &missing},
		"messages told twice":                   {Share: &twice},
		"messages that differ between services": {Share: &differ},
	}
}

// gaps counts the numbers between the first and the last that were not heard.
func (w *witness) gaps(channel string, seen map[int64]bool) (missed, due int64) {
	all := w.numbers[channel]
	if len(all) == 0 {
		return 0, 0
	}
	first, last := all[0].seq, w.highest(channel)
	for seq := first; seq <= last; seq++ {
		due++
		if !seen[seq] {
			missed++
		}
	}
	return missed, due
}

// cutOff counts the alerts at the end that one of those who are meant heard and
// another did not. Figures are told each second, and the last may be under way.
func (a *audience) cutOff(who func(*witness) bool, channel string) (lost, due int64) {
	if channel != alertsChannel {
		return 0, 0
	}
	last := a.highest(channel)
	for _, w := range a.witnesses {
		if who(w) {
			due++
			if w.highest(channel) < last {
				lost++
			}
		}
	}
	return lost, due
}
