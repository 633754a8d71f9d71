package probe_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/probe"
)

func target(t *testing.T, name string) probe.Target {
	t.Helper()
	for _, one := range probe.Targets() {
		if one.Metric == name {
			return one
		}
	}
	t.Fatalf("no target for %s", name)
	return probe.Target{}
}

func TestATargetIsJudgedByTheWholeInterval(t *testing.T) {
	timed := func(low, high float64) probe.Metric {
		value := (low + high) / 2
		return probe.Metric{Value: &value, Interval: &probe.Interval{Low: low, High: high}}
	}
	without := func(value float64, reason string) probe.Metric {
		return probe.Metric{Value: &value, IntervalReason: &reason}
	}
	tests := map[string]struct {
		name string
		m    probe.Metric
		want probe.Verdict
	}{
		"faster as a whole":           {probe.InsertImprovement, timed(1.3, 2), probe.Met},
		"slower as a whole":           {probe.InsertImprovement, timed(1, 1.29), probe.Missed},
		"on both sides":               {probe.InsertImprovement, timed(1.29, 2), probe.Undecided},
		"few pairs":                   {probe.InsertImprovement, without(2, probe.TooFewPairs), probe.Undecided},
		"what the planner expects":    {probe.IndexEfficiency, without(100, probe.Estimated), probe.Undecided},
		"nothing":                     {probe.InsertImprovement, probe.Metric{}, probe.Undecided},
		"counted, at the limit":       {probe.StorageEfficiency, without(0.6, probe.Counted), probe.Met},
		"counted, beyond the limit":   {probe.StorageEfficiency, without(0.61, probe.Counted), probe.Missed},
		"twice as fast":               {probe.FloatSpeedupSum, timed(2, 3), probe.Met},
		"not quite twice as fast":     {probe.FloatSpeedupSum, timed(1.5, 1.99), probe.Missed},
		"a share that is timed, less": {probe.PartitionCost, timed(0.1, 0.5), probe.Met},
		"a share that is timed, more": {probe.PartitionCost, timed(0.51, 0.6), probe.Missed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, probe.Judge(target(t, test.name), test.m))
		})
	}
}
