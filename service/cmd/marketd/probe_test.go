package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/probe"
)

func TestPerformanceIsMeasuredByHand(t *testing.T) {
	dsn := testdb.Migrated(t)
	code, out, complaint := marketd(t, "performance", "measure", "--json", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.NoError(t, contracts.Check("http/health_performance", []byte(out)))
	code, out, complaint = marketd(t, "performance", "measure", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Contains(t, out, "index_efficiency      -")
	require.Contains(t, out, "too_few_rows")

	code, _, complaint = marketd(t, "performance", "measure", "--database", testdb.Mute(t))
	require.Equal(t, exitFailed, code)
	require.Contains(t, complaint, "no answer within")
	code, _, complaint = marketd(t, "performance")
	require.Equal(t, exitUsage, code)
	require.Contains(t, complaint, "marketd performance targets")
}

func TestTheTargetsAreListed(t *testing.T) {
	code, out, _ := marketd(t, "performance", "targets", "--json")
	require.Equal(t, exitDone, code)
	var listed struct{ Targets []probe.Target }
	require.NoError(t, json.Unmarshal([]byte(out), &listed))
	require.Len(t, listed.Targets, len(probe.Targets()))
	require.Contains(t, out, `"target":"at least 30 % faster than baseline"`)
	code, out, _ = marketd(t, "performance", "targets")
	require.Equal(t, exitDone, code)
	require.Contains(t, out, "insert_improvement")
}

func TestTheProbeKeepsAwayFromABusyDatabase(t *testing.T) {
	some := func(v float64) monitor.Pool { return monitor.Pool{WaitShare: &v} }
	tests := map[string]struct {
		snapshot monitor.Snapshot
		want     bool
	}{
		"an ordinary day":    {monitor.Snapshot{Status: monitor.Pass}, false},
		"nobody waits":       {monitor.Snapshot{Status: monitor.Pass, Pool: some(0)}, false},
		"users wait":         {monitor.Snapshot{Status: monitor.Pass, Pool: some(0.02)}, true},
		"it is not well":     {monitor.Snapshot{Status: monitor.Warn}, true},
		"it does not answer": {monitor.Snapshot{Status: monitor.Fail}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, busy(test.snapshot)) })
	}
}
