package alert_test

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/monitor"
)

// errLost leaves open whether a posting was made.
var errLost = errors.New("the answer was lost")

// view is a monitor of figures that wander.
type view struct {
	*rand.Rand
	level float64
	now   monitor.Snapshot
	// steady is a clock that does not jump.
	steady bool
}

// Snapshot implements alert.Monitor.
func (v *view) Snapshot() monitor.Snapshot { return v.now }

// wander shows the next figures: now and then none, and now and then the
// database does not answer.
func (v *view) wander() {
	v.level = min(13, max(-1, v.level+float64(v.IntN(5)-2)))
	v.show(v.level)
	switch v.IntN(30) {
	case 0:
		v.now.Pool.Max = 0
	case 1:
		v.now.Status, v.now.Reasons = monitor.Fail, []string{monitor.Unreachable}
	}
}

func (v *view) show(level float64) {
	v.now = monitor.Snapshot{Status: monitor.Pass, CheckedAt: epoch(), Pool: monitor.Pool{Max: 10, Utilisation: level}}
}

// pace is mostly a fraction of a second.
func (v *view) pace() time.Duration {
	switch jump := v.IntN(50); {
	case v.steady:
	case jump == 0:
		return time.Duration(v.IntN(100)) * time.Hour
	case jump == 1:
		return -time.Duration(v.IntN(100)) * time.Hour
	}
	return time.Duration(v.IntN(2000)) * time.Millisecond
}

// wanderingRules are a rule that each replica judges, and two random ones.
func wanderingRules(r *rand.Rand) []alert.Rule {
	var above []alert.Rule
	for len(above) < 2 {
		if rule := randomRule(r); rule.Direction == alert.Above {
			above = append(above, rule)
		}
	}
	one, other := above[0], above[1]
	one.Name, other.Name = "usage", "more_usage"
	one.Measure, other.Measure = "pool.utilisation", "pool.utilisation"
	one.InhibitedBy = []string{"reachable"}
	return append(quick()[1:], one, other)
}

// parted parts what is of one replica from what is of all.
func parted(events []alert.Event) (own, shared []alert.Event) {
	for _, e := range events {
		if e.Rule == "reachable" {
			own = append(own, e)
		} else {
			shared = append(shared, e)
		}
	}
	return own, shared
}

// newReplica makes a service that takes part in a meeting.
func newReplica(t *testing.T, m *meeting, rules []alert.Rule, v alert.Monitor) (*member, *alert.Webhook) {
	t.Helper()
	one, hook := m.join(), webhookTo(t, "http://127.0.0.1:1")
	one.service = alert.New(alert.Config{Board: alert.NewBoard(rules), Monitor: v, Member: one, Webhooks: []*alert.Webhook{hook}})
	return one, hook
}

// sometimes lets postings fail, half of the failures after they were made.
func sometimes(r *rand.Rand) func() (bool, error) {
	return func() (bool, error) {
		switch r.IntN(5) {
		case 0:
			return false, errLost
		case 1:
			return true, errLost
		}
		return true, nil
	}
}

func stories(t *testing.T, count int, tell func(r *rand.Rand)) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	if testing.Short() {
		count /= 4
	}
	for n := range count {
		tell(rand.New(rand.NewPCG(seed, uint64(n))))
	}
}

// Whatever becomes of postings, all hear what one board tells that never fails.
func TestWhateverFailsAllHearWhatOneBoardWouldTell(t *testing.T) {
	stories(t, 200, func(r *rand.Rand) {
		v, rules := &view{Rand: r, steady: r.IntN(2) == 0}, wanderingRules(r)
		m := newMeeting()
		one, hook := newReplica(t, m, rules, v)
		never := alert.NewBoard(rules)
		var told []alert.Event
		var keys []string
		require.NoError(t, one.service.Attend(t.Context(), epoch()))
		m.fail = sometimes(r)
		clock := epoch()
		for range 60 {
			clock = clock.Add(v.pace())
			v.wander()
			if v.steady && r.IntN(15) == 0 {
				quiet := alert.Silence{Rule: "usage", Author: "ada", Reason: "test", ExpiresAt: clock.Add(3 * time.Second)}
				_, err := never.Silence(clock, quiet)
				require.NoError(t, err)
				_, err = one.service.Silence(t.Context(), clock, quiet)
				require.NoError(t, err)
			}
			events, notices := never.Judge(clock, alert.Read(v.now))
			told = append(told, events...)
			for _, n := range notices {
				keys = append(keys, n.Key)
			}
			one.service.Look(clock)
			if r.IntN(10) == 0 {
				m.elect(one) // the lock was lost and taken again
				_ = one.service.Attend(t.Context(), clock)
			}
			if r.IntN(3) > 0 {
				_ = one.service.Attend(t.Context(), clock)
			}
		}
		m.fail = nil
		require.NoError(t, one.service.Attend(t.Context(), clock))
		_, shared := parted(told)
		require.Equal(t, shared, m.events())
		var waiting []string
		for _, n := range hook.Waiting() {
			waiting = append(waiting, n.Key)
		}
		require.Equal(t, withoutOwn(keys), waiting)
	})
}

func withoutOwn(keys []string) (shared []string) {
	for _, key := range keys {
		if !strings.HasPrefix(key, "reachable-") {
			shared = append(shared, key)
		}
	}
	return shared
}

// troupe is replicas that lead in turn.
type troupe struct {
	*meeting
	*view

	t         *testing.T
	rules     []alert.Rule
	hooks     map[*member]*alert.Webhook
	delivered map[string]int
	clock     time.Time
}

// step lets everybody look, and some speak with the others.
func (p *troupe) step(d time.Duration, all bool) {
	p.clock = p.clock.Add(d)
	for _, one := range p.members {
		one.service.Look(p.clock)
		if all || p.IntN(3) > 0 {
			_ = one.service.Attend(p.t.Context(), p.clock)
		}
		if all || p.IntN(4) == 0 {
			if n, ok := alert.Deliver(p.hooks[one]); ok {
				p.delivered[n.ID+"/"+p.kind(n)]++
			}
		}
	}
}

func (p *troupe) kind(n alert.Notice) string {
	if n.Ended != nil {
		return "resolved"
	}
	return string(n.Severity)
}

// die ends one replica, with all that it had not posted, and begins another.
func (p *troupe) die() {
	at := p.IntN(len(p.members))
	dead := p.members[at]
	delete(p.hooks, dead)
	p.members = append(p.members[:at], p.members[at+1:]...)
	one, hook := newReplica(p.t, p.meeting, p.rules, p.view)
	p.hooks[one] = hook
	if p.leader == dead {
		p.elect(p.members[p.IntN(len(p.members))])
	}
}

// Whoever leads, and whenever he dies, the events of a rule make one story.
func TestWhoeverLeadsTheEventsMakeOneStory(t *testing.T) {
	stories(t, 80, func(r *rand.Rand) {
		p := &troupe{
			meeting: newMeeting(), view: &view{Rand: r}, t: t, rules: wanderingRules(r),
			hooks: map[*member]*alert.Webhook{}, delivered: map[string]int{}, clock: epoch(),
		}
		for range 3 {
			one, hook := newReplica(t, p.meeting, p.rules, p.view)
			p.hooks[one] = hook
		}
		p.fail = sometimes(r)
		for range 80 {
			p.wander()
			p.step(p.pace(), false)
			switch r.IntN(12) {
			case 0:
				p.die()
			case 1:
				p.elect(p.members[r.IntN(len(p.members))])
			}
		}
		p.fail = nil
		for _, level := range []float64{100, -100} {
			for range 25 {
				p.show(level)
				p.step(time.Second, true)
			}
		}
		p.isOneStory()
		require.Empty(t, p.leader.service.Alerts())
		for _, one := range p.members {
			_, shared := parted(one.service.History(alert.Question{}))
			require.Equal(t, sorted(p.events()), sorted(shared), "every replica has the whole history")
		}
	})
}

// sorted is in an order that no clock sets back.
func sorted(events []alert.Event) []alert.Event {
	slices.SortFunc(events, func(a, b alert.Event) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), a.At.Compare(b.At), strings.Compare(string(a.State), string(b.State)))
	})
	return events
}

// isOneStory: each event goes on from the one before it, and webhooks were
// told of every alert that fired and that it ended.
func (p *troupe) isOneStory() {
	last := map[string]alert.Event{}
	due := map[string]bool{}
	for _, e := range p.events() {
		before, known := last[e.Rule]
		switch {
		case known && before.State.Active():
			require.Equal(p.t, before.ID, e.ID)
			require.Equal(p.t, before.State, e.PreviousState)
			require.Equal(p.t, before.Severity, e.PreviousSeverity)
			require.False(p.t, before.State == e.State && before.Severity == e.Severity, "nothing is told twice")
		default:
			require.False(p.t, e.PreviousState.Active(), "nothing is lost: %+v after %+v", e, before)
			require.NotEqual(p.t, before.ID, e.ID)
		}
		last[e.Rule] = e
		if fires(e.State) {
			due[e.ID+"/"+string(e.Severity)] = true
			due[e.ID+"/resolved"] = true
		}
	}
	for _, rule := range []string{"usage", "more_usage"} {
		require.Equal(p.t, alert.OK, last[rule].State)
		require.True(p.t, fires(last[rule].PreviousState))
	}
	for what := range due {
		require.Positive(p.t, p.delivered[what], "a webhook was told of %s", what)
	}
	for what := range p.delivered {
		require.True(p.t, due[what], "there is nothing to tell of %s", what)
	}
}
