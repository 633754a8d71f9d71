package alert_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
)

// usage is a rule of two severities.
func usage() alert.Rule {
	return alert.Rule{
		Name: "usage", Measure: "pool.utilisation", Direction: alert.Above,
		Warning: &alert.Threshold{Fire: 0.8, Clear: 0.7}, Critical: &alert.Threshold{Fire: 0.95, Clear: 0.85},
		For: 2 * time.Second, KeepFiring: 3 * time.Second,
	}
}

func epoch() time.Time { return time.Date(2026, 1, 5, 14, 30, 0, 0, time.UTC) }

func value(v float64) alert.Sample { return alert.Sample{Value: &v} }

// story feeds one sample a second and notes the stage after each.
func story(rule alert.Rule, samples []alert.Sample) (told []string, last alert.State) {
	for i, sample := range samples {
		var changes []alert.Transition
		last, changes = alert.Step(epoch().Add(time.Duration(i)*time.Second), sample, rule, last)
		for _, c := range changes {
			told = append(told, string(c.To)+" "+string(c.ToSeverity))
		}
	}
	return told, last
}

func TestAnAlertGoesItsWay(t *testing.T) {
	gone, unread, held := alert.Sample{}, alert.Sample{Unread: true}, value(0.99)
	held.Held = true
	values := func(vs ...float64) (samples []alert.Sample) {
		for _, v := range vs {
			samples = append(samples, value(v))
		}
		return samples
	}
	then := func(samples []alert.Sample, more ...alert.Sample) []alert.Sample { return append(samples, more...) }
	tests := map[string]struct {
		samples []alert.Sample
		told    []string
	}{
		"nothing known is nothing told":  {[]alert.Sample{gone, gone}, nil},
		"all is well":                    {values(0.1, 0.2, 0.75), []string{"ok "}},
		"a short breach fires nothing":   {values(0.1, 0.8, 0.8, 0.1), []string{"ok ", "pending warning", "ok "}},
		"a long one fires":               {values(0.1, 0.8, 0.8, 0.8), []string{"ok ", "pending warning", "firing warning"}},
		"a break begins anew":            {values(0.1, 0.8, 0.8, 0.75, 0.8, 0.8), []string{"ok ", "pending warning"}},
		"the band keeps it pending":      {values(0.1, 0.8, 0.75, 0.75, 0.75), []string{"ok ", "pending warning"}},
		"the band keeps it firing":       {values(0.8, 0.8, 0.8, 0.75, 0.71, 0.79), []string{"pending warning", "firing warning"}},
		"well for long enough ends it":   {values(0.8, 0.8, 0.8, 0.7, 0.6, 0.6, 0.6), []string{"pending warning", "firing warning", "recovering warning", "ok "}},
		"a relapse goes on":              {values(0.8, 0.8, 0.8, 0.7, 0.8), []string{"pending warning", "firing warning", "recovering warning", "firing warning"}},
		"the band keeps it recovering":   {values(0.8, 0.8, 0.8, 0.7, 0.75, 0.7, 0.7, 0.7), []string{"pending warning", "firing warning", "recovering warning"}},
		"worse escalates the same alert": {values(0.8, 0.8, 0.8, 0.96, 0.96, 0.96), []string{"pending warning", "firing warning", "firing critical"}},
		"bad at once is critical":        {values(0.96, 0.96, 0.96), []string{"pending warning", "firing critical"}},
		"better de-escalates":            {values(0.96, 0.96, 0.96, 0.84, 0.84, 0.84, 0.84), []string{"pending warning", "firing critical", "firing warning"}},
		"no figure ends what is pending": {then(values(0.8), gone), []string{"pending warning", "nodata "}},
		"no figure ends it after a time": {then(values(0.8, 0.8, 0.8), gone, gone, gone, gone), []string{"pending warning", "firing warning", "nodata "}},
		"unread ends nothing that fires": {then(values(0.8, 0.8, 0.8), unread, unread, unread, unread, unread), []string{"pending warning", "firing warning"}},
		"unread is told of what is well": {then(values(0.1), unread), []string{"ok ", "error "}},
		"held begins nothing":            {[]alert.Sample{value(0.1), held, held, held, held}, []string{"ok "}},
		"held ends nothing":              {then(values(0.8, 0.8, 0.8), held, held), []string{"pending warning", "firing warning"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			told, _ := story(usage(), test.samples)
			require.Equal(t, test.told, told)
		})
	}
}

func TestEscalationIsOfTheSameAlertAndIsCounted(t *testing.T) {
	rule := usage()
	rule.For = 0
	state, _ := alert.Step(epoch(), value(0.9), rule, alert.State{})
	require.Equal(t, alert.Firing, state.Stage)
	later, _ := alert.Step(epoch().Add(time.Second), value(0.9), rule, state)
	require.Zero(t, later.Escalations)
	worse, changes := alert.Step(epoch().Add(2*time.Second), value(0.96), rule, later)
	require.Equal(t, state.ID, worse.ID)
	require.Equal(t, epoch(), worse.Began)
	require.Equal(t, 1, worse.Escalations)
	require.Equal(t, []alert.Transition{{
		At: epoch().Add(2 * time.Second), From: alert.Firing, To: alert.Firing, FromSeverity: alert.Warning, ToSeverity: alert.Critical,
	}}, changes)
}

func TestAClockThatJumpsFiresNothing(t *testing.T) {
	for name, jump := range map[string]time.Duration{"a day on": 24 * time.Hour, "a day back": -24 * time.Hour, "not at all": 0} {
		t.Run(name, func(t *testing.T) {
			state, _ := alert.Step(epoch(), value(0.9), usage(), alert.State{})
			state, changes := alert.Step(epoch().Add(jump), value(0.9), usage(), state)
			require.Empty(t, changes)
			require.Equal(t, alert.Pending, state.Stage)
			state, _ = alert.Step(epoch().Add(jump+time.Second), value(0.9), usage(), state)
			state, _ = alert.Step(epoch().Add(jump+2*time.Second), value(0.9), usage(), state)
			require.Equal(t, alert.Firing, state.Stage, "time goes on after the jump")
		})
	}
}

func TestAStateOfAnotherFigureMeansNothing(t *testing.T) {
	_, state := story(usage(), []alert.Sample{value(0.9), value(0.9), value(0.9)})
	require.Equal(t, alert.Firing, state.Stage)
	other := usage()
	other.Measure = "pool.wait_share"
	after, changes := alert.Step(epoch().Add(3*time.Second), value(0.9), other, state)
	require.Equal(t, alert.Pending, after.Stage)
	require.Len(t, changes, 1)
	require.NotEqual(t, state.ID, after.ID)
}
