package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
)

func TestAPlanThatChangedIsToldWhenARunIsRemembered(t *testing.T) {
	dir, _ := signedRun(t, 0)
	raw, err := os.ReadFile(filepath.Join(dir, report.RecordFile))
	require.NoError(t, err)
	run, err := report.Decode(raw)
	require.NoError(t, err)
	run.Started, run.Environment.ID = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC), "b77349bf1fa9"
	h := mustOpen(t, filepath.Join(t.TempDir(), "history"))
	said := func(id string, shapes map[string]string) string {
		t.Helper()
		run.ID, run.Started, run.Queries = id, run.Started.Add(time.Hour), nil
		for _, name := range []string{"latest price", "daily bars", "volume", "history"} {
			if shape := shapes[name]; shape != "" {
				run.Queries = append(run.Queries, evidence.Query{Scenario: "SLO-INGEST-01", Name: name, SQL: "SELECT 1", Plan: "for people", Shape: []string{shape}})
			}
		}
		text, err := remember(t.Context(), h, run, dir)
		require.NoError(t, err)
		return text
	}
	plain := "history    " + h.String() + ", see signoff trend"
	require.Equal(t, plain, said("run-1", map[string]string{"latest price": "Index Scan", "daily bars": "Index Scan"}), "nothing to compare with")
	require.Equal(t, plain, said("run-2", map[string]string{"latest price": "Index Scan", "daily bars": "Index Scan", "volume": "a", "history": "a"}))
	require.Equal(t, plain+"\nNOTICE     plan of latest price changed since run run-2: see signoff compare run-2 run-3",
		said("run-3", map[string]string{"latest price": "Seq Scan", "daily bars": "Index Scan"}))
	require.Equal(t, plain, said("run-4", nil), "a run without queries says nothing about them")
	require.Equal(t, plain+"\nNOTICE     plans of latest price and daily bars changed since run run-3: see signoff compare run-3 run-5",
		said("run-5", map[string]string{"latest price": "a", "daily bars": "b", "volume": "c", "history": "d"}))
	require.Equal(t, plain+"\nNOTICE     plans of latest price, daily bars and 2 more changed since run run-5: see signoff compare run-5 run-6",
		said("run-6", map[string]string{"latest price": "1", "daily bars": "2", "volume": "3", "history": "4"}))
	r, err := h.Entries(t.Context(), baseline.Filter{})
	require.NoError(t, err)
	require.Len(t, r.Entries, 6)
}

func TestARunAgainstAVersionIsNoBaseline(t *testing.T) {
	_, history, home := remembered(t)
	r, err := mustOpen(t, history).Entries(t.Context(), baseline.Filter{})
	require.NoError(t, err)
	e := r.Entries[0]
	e.Run, e.Started = "run-against", e.Started.Add(time.Hour)
	e.Against = &baseline.Against{Ref: "origin/main", Commit: baseline.Commit{SHA: "9f3c2ab000000000000000000000000000000000"}}
	require.NoError(t, mustOpen(t, history).Append(t.Context(), e))
	code, _, complaint := call(t, home, "baseline", "promote", "run-against", "--anyway", "--history", history)
	require.Equal(t, exitBroken, code)
	require.Contains(t, complaint, "making run run-against the baseline main: it compared with another version")
	code, out, complaint := call(t, home, "trend", "--history", history)
	require.Equal(t, exitPassed, code, complaint)
	require.Contains(t, out, "1 measure over 1 run")
	require.Contains(t, out, "1 run of profile pr in environment b77349bf1fa9")
	code, out, complaint = call(t, home, "trend", "--against", "9f3c2ab", "--history", history)
	require.Equal(t, exitPassed, code, complaint)
	require.Contains(t, out, "compared with origin/main (9f3c2ab)\n")
}
