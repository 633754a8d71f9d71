package alert_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
)

// look is one step of a random story, as it was fed.
type look struct {
	sample  alert.Sample
	elapsed time.Duration // as it should be counted
}

// play is one random story.
type play struct {
	*rand.Rand
	rule    alert.Rule
	clock   time.Time
	level   float64
	looks   []look
	state   alert.State
	changes []alert.Transition
}

// randomRule has thresholds on a small grid, so that figures often lie exactly
// upon them.
func randomRule(r *rand.Rand) alert.Rule {
	rule := alert.Rule{
		Name: "any", Measure: "queries.p99_ms", Direction: alert.Above,
		For: time.Duration(r.IntN(6)) * time.Second, KeepFiring: time.Duration(r.IntN(6)) * time.Second,
	}
	good := float64(1 + r.IntN(3))
	warning := &alert.Threshold{Clear: good, Fire: good + float64(1+r.IntN(3))}
	critical := &alert.Threshold{Clear: warning.Clear + float64(r.IntN(3)), Fire: 0}
	critical.Fire = max(warning.Fire, critical.Clear+1) + float64(r.IntN(3))
	switch r.IntN(4) {
	case 0:
		rule.Warning = warning
	case 1:
		rule.Critical = critical
	default:
		rule.Warning, rule.Critical = warning, critical
	}
	if r.IntN(2) == 0 {
		rule.Direction = alert.Below
		for _, t := range []*alert.Threshold{rule.Warning, rule.Critical} {
			if t != nil {
				t.Fire, t.Clear = -t.Fire, -t.Clear
			}
		}
	}
	return rule
}

// next draws a sample: a figure that wanders, and now and then none.
func (p *play) next() alert.Sample {
	p.level = min(13, max(-1, p.level+float64(p.IntN(5)-2)))
	v := p.level
	if p.rule.Direction == alert.Below {
		v = -v
	}
	switch p.IntN(40) {
	case 0:
		return alert.Sample{}
	case 1:
		return alert.Sample{Unread: true, Value: &v}
	case 2:
		return alert.Sample{Held: true, Value: &v}
	case 3:
		v = math.NaN()
	case 4:
		v = math.Inf(1)
	}
	return alert.Sample{Value: &v}
}

// step moves the clock, mostly on, and feeds the engine.
func (p *play) step(sample alert.Sample, d time.Duration) {
	counted := d
	switch {
	case d < 0:
		counted = 0
	case d > 3*time.Second:
		counted = time.Second
	}
	p.clock = p.clock.Add(d)
	p.looks = append(p.looks, look{sample, counted})
	var changes []alert.Transition
	p.state, changes = alert.Step(p.clock, sample, p.rule, p.state)
	p.changes = append(p.changes, changes...)
}

func (p *play) pace() time.Duration {
	switch p.IntN(50) {
	case 0:
		return time.Duration(p.IntN(100)) * time.Hour
	case 1:
		return -time.Duration(p.IntN(100)) * time.Hour
	}
	return time.Duration(p.IntN(2000)) * time.Millisecond
}

// lasting is for how long each of the newest looks was as wanted.
func (p *play) lasting(wanted func(alert.Sample) bool) (time.Duration, bool) {
	var sum time.Duration
	for i := len(p.looks) - 1; i >= 0; i-- {
		if !wanted(p.looks[i].sample) {
			return sum, i < len(p.looks)-1
		}
		if i > 0 && wanted(p.looks[i-1].sample) {
			sum += p.looks[i].elapsed
		}
	}
	return sum, true
}

func known(s alert.Sample) bool {
	return s.Value != nil && !math.IsNaN(*s.Value) && !math.IsInf(*s.Value, 0) && !s.Unread && !s.Held
}

func (p *play) beyond(t *alert.Threshold) func(alert.Sample) bool {
	return func(s alert.Sample) bool {
		return known(s) && t != nil && (p.rule.Direction == alert.Above && *s.Value >= t.Fire || p.rule.Direction == alert.Below && *s.Value <= t.Fire)
	}
}

func (p *play) well(t *alert.Threshold) func(alert.Sample) bool {
	return func(s alert.Sample) bool {
		return known(s) && t != nil && (p.rule.Direction == alert.Above && *s.Value <= t.Clear || p.rule.Direction == alert.Below && *s.Value >= t.Clear)
	}
}

func (p *play) threshold(s alert.Severity) *alert.Threshold {
	if s == alert.Critical {
		return p.rule.Critical
	}
	return p.rule.Warning
}

func (p *play) lowest() *alert.Threshold {
	if p.rule.Warning != nil {
		return p.rule.Warning
	}
	return p.rule.Critical
}

func fires(s alert.Stage) bool { return s == alert.Firing || s == alert.Recovering }

// judge holds a transition against what was fed up to now.
func (p *play) judge(t *testing.T, c alert.Transition) {
	t.Helper()
	now := p.looks[len(p.looks)-1].sample
	if fires(c.To) && (!fires(c.From) || c.ToSeverity == alert.Critical && c.FromSeverity == alert.Warning) {
		lasted, at := p.lasting(p.beyond(p.threshold(c.ToSeverity)))
		require.True(t, at && lasted >= p.rule.For, "fires only after `for` of a breach without a break: %s of %s", lasted, p.rule.For)
	}
	if fires(c.From) && c.To == alert.OK {
		lasted, at := p.lasting(p.well(p.lowest()))
		require.True(t, at && lasted >= p.rule.KeepFiring, "ends only when it was well for long enough: %s of %s", lasted, p.rule.KeepFiring)
	}
	if fires(c.From) && c.To == alert.NoData {
		lasted, at := p.lasting(func(s alert.Sample) bool { return !known(s) && !s.Unread && !s.Held })
		require.True(t, at && lasted >= p.rule.KeepFiring, "ends without data only when there was none for long enough")
	}
	require.False(t, fires(c.From) && (c.To == alert.Pending || c.To == alert.Failed), "%s is no way from %s", c.To, c.From)
	if !known(now) {
		require.False(t, c.To.Active(), "nothing begins without a figure")
		return
	}
	band := !p.beyond(p.lowest())(now) && !p.well(p.lowest())(now)
	across := map[[2]alert.Stage]bool{
		{alert.OK, alert.Pending}: true, {alert.OK, alert.Firing}: true, {alert.Pending, alert.OK}: true, {alert.Pending, alert.Firing}: true,
		{alert.Firing, alert.OK}: true, {alert.Recovering, alert.OK}: true, {alert.Recovering, alert.Firing}: true,
	}
	require.False(t, band && p.rule.Critical == nil && across[[2]alert.Stage{c.From, c.To}], "within the band nothing goes from %s to %s", c.From, c.To)
}

func TestWhateverIsSeenTheEngineKeepsItsPromises(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	stories := 1000
	if testing.Short() {
		stories = 300
	}
	for n := range stories {
		p := &play{Rand: rand.New(rand.NewPCG(seed, uint64(n))), clock: epoch()}
		p.rule = randomRule(p.Rand)
		restored := alert.State{}
		for range 60 {
			sample, pace := p.next(), p.pace()
			told := len(p.changes)
			before := p.state
			p.step(sample, pace)
			fresh := p.changes[told:]
			require.LessOrEqual(t, len(fresh), 1)
			for _, c := range fresh {
				require.False(t, c.From == c.To && c.FromSeverity == c.ToSeverity, "no change is told as one")
				if before.Stage != "" {
					require.Equal(t, before.Stage, c.From)
				}
				require.Equal(t, before.Severity, c.FromSeverity)
				require.Equal(t, p.state.Stage, c.To)
				p.judge(t, c)
			}
			require.Equal(t, p.state.Stage.Active(), p.state.ID != "", "an active alert has a name, and nothing else has")

			// The same story with the state written and read at any point.
			var again []alert.Transition
			if p.IntN(3) == 0 {
				restored = writtenAndRead(t, restored)
			}
			restored, again = alert.Step(p.clock, sample, p.rule, restored)
			require.Empty(t, differing(fresh, again))
		}
		p.endsWhenWell(t)
	}
}

// endsWhenWell: whatever was, an alert comes when it must and ends when all is
// well.
func (p *play) endsWhenWell(t *testing.T) {
	t.Helper()
	bad, good := 100.0, -100.0
	if p.rule.Direction == alert.Below {
		bad, good = good, bad
	}
	for range 8 {
		p.step(alert.Sample{Value: &bad}, time.Second)
	}
	require.Equal(t, alert.Firing, p.state.Stage)
	for range 8 {
		p.step(alert.Sample{Value: &good}, time.Second)
	}
	require.Equal(t, alert.OK, p.state.Stage)
	require.Zero(t, p.state.Escalations)
	for i := 1; i < len(p.changes); i++ {
		a, b := p.changes[i-1], p.changes[i]
		require.False(t, a.To == b.To && a.ToSeverity == b.ToSeverity, "two equal transitions in a row")
	}
}

func differing(a, b []alert.Transition) (differ []alert.Transition) {
	if len(a) != len(b) {
		return append(append(differ, a...), b...)
	}
	for i := range a {
		if a[i] != b[i] {
			differ = append(differ, a[i], b[i])
		}
	}
	return differ
}

func writtenAndRead(t *testing.T, s alert.State) (read alert.State) {
	t.Helper()
	text, err := json.Marshal(s)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &read))
	return read
}
