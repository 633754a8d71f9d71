package objective_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

func TestAnArmWithoutAServerHasNoDurabilityToTellOf(t *testing.T) {
	without := func() map[string]string {
		return map[string]string{measure.ServerSetting: measure.NoServer, "go": "go1.26"}
	}
	tests := map[string]struct {
		change func(*measure.Pairs)
		want   objective.Verdict
		reason string
	}{
		"neither arm has one":         {func(*measure.Pairs) {}, objective.Pass, "2.50 times as fast"},
		"one arm has one":             {func(p *measure.Pairs) { p.CurrentArm.Settings = trial(1, 1, 1, 0).CurrentArm.Settings }, objective.Unfit, "different settings"},
		"another word is no excuse":   {func(p *measure.Pairs) { p.BaselineArm.Settings["server"], p.CurrentArm.Settings["server"] = "no", "no" }, objective.Unfit, `The durability of the arm "baseline" is not known`},
		"they tell of its durability": {func(p *measure.Pairs) { p.BaselineArm.Settings["fsync"], p.CurrentArm.Settings["fsync"] = "off", "off" }, objective.Unfit, `The arm "baseline" contradicts itself: it ran without a server and tells of its fsync.`},
		"one tells of a plan":         {func(p *measure.Pairs) { p.CurrentArm.Plan = "Seq Scan on ticks" }, objective.Unfit, `The arm "current" contradicts itself: it ran without a server and tells of its plan.`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := steady(20, 2.5)
			p.BaselineArm.Settings, p.CurrentArm.Settings = without(), without()
			test.change(&p)
			j := parse(t, "program calculation (sum)", "at least 2 × baseline").Judge(paired(p), 1)
			require.Equal(t, test.want, j.Verdict, j.Reason)
			require.Contains(t, j.Reason, test.reason)
		})
	}
}
