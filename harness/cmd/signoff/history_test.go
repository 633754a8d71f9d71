package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/report"
	"github.com/signoff-dev/signoff/harness/seal"
)

// remembered is a history that holds the run of signedRun with a time and an
// environment, and the home of whoever signed it.
func remembered(t *testing.T) (dir, history, home string) {
	t.Helper()
	dir, home = signedRun(t, 0)
	raw, err := os.ReadFile(filepath.Join(dir, report.RecordFile))
	require.NoError(t, err)
	run, err := report.Decode(raw)
	require.NoError(t, err)
	run.Started, run.Ended = run.Started.AddDate(2025, 10, 22), run.Started.AddDate(2025, 10, 22)
	run.Environment.ID = "b77349bf1fa9"
	key, _, err := seal.LocalKey(home)
	require.NoError(t, err)
	require.NoError(t, report.Write(dir, run, []byte("[]"), report.Signer{KeyID: key.Fingerprint(), Local: true}))
	require.NoError(t, seal.Sign(dir, run, key))
	history = filepath.Join(t.TempDir(), "history")
	code, out, complaint := call(t, home, "history", "add", dir, "--history", history)
	require.Equal(t, exitPassed, code, out+complaint)
	require.Equal(t, run.ID+"  "+history+"\n", out)
	return dir, history, home
}

func TestARunIsPromotedComparedAndShown(t *testing.T) {
	dir, history, home := remembered(t)
	said := func(want int, args ...string) string {
		t.Helper()
		code, out, complaint := call(t, home, append(args, "--history", history)...)
		require.Equal(t, want, code, out+complaint)
		return out + complaint
	}
	require.Contains(t, said(exitPassed, "baseline", "list"), "no baseline yet; signoff baseline promote latest names one")
	require.Contains(t, said(exitBroken, "baseline", "show"), "there is no baseline main; signoff baseline promote latest --name main makes it")
	require.Contains(t, said(exitPassed, "baseline", "promote", dir), "main is run 20261123T010000Z-9f3c2ab in profile pr, environment b77349bf1fa9\n")
	require.Contains(t, said(exitPassed, "baseline", "promote", "20261123", "--name", "v1"), "v1 is run 20261123T010000Z-9f3c2ab")
	require.Contains(t, said(exitPassed, "baseline", "promote", "latest", "--name", "v1", "--out", filepath.Join(home, "none")), "v1 is run 20261123T010000Z-9f3c2ab")
	require.Regexp(t, `(?m)^main  20261123T010000Z-9f3c2ab  9f3c2ab  pr `, said(exitPassed, "baseline", "list"))
	require.Regexp(t, `SLO-INGEST-01  inserts lost +0 +pass`, said(exitPassed, "baseline", "show", "v1"))
	require.Contains(t, said(exitBroken, "baseline", "show", "v2"), "there is no baseline v2; signoff baseline list tells which there are")

	require.Contains(t, said(exitPassed, "compare", "main", dir, "--all-gate"), "None of 1 gating measure became slower.")
	require.Contains(t, said(exitOpen, "compare", "main", dir), "the two runs have 1 measure in common, and a count or a percentile")
	var c baseline.Comparison
	require.NoError(t, json.Unmarshal([]byte(said(exitPassed, "compare", "main", "v1", "--all-gate", "--json")), &c))
	require.Equal(t, "main", c.Before.Asked)
	require.Equal(t, "pass", string(c.Changes[0].Verdict))

	require.Contains(t, said(exitPassed, "trend"), "1 measure over 1 run: no change stands out")
	page := filepath.Join(t.TempDir(), "trend.html")
	require.Contains(t, said(exitPassed, "trend", "--html", page), "wrote "+page+": 1 measures over 1 runs")
	require.FileExists(t, page)
	require.Contains(t, said(exitPassed, "history", "check"), "runs: 1, baselines: 2")
}

func TestARunThatFailedIsPromotedOnlyWhenInsisted(t *testing.T) {
	dir, home := signedRun(t, 3)
	raw, err := os.ReadFile(filepath.Join(dir, report.RecordFile))
	require.NoError(t, err)
	require.Contains(t, string(raw), "FAILED")
	history := filepath.Join(t.TempDir(), "history")
	code, _, complaint := call(t, home, "baseline", "promote", dir, "--history", history)
	require.Equal(t, exitBroken, code)
	require.Contains(t, complaint, "ended FAILED, and every later run would be compared with that; choose another, or add --anyway")
}

func TestBadInputIsSaidWithTheWayOut(t *testing.T) {
	dir, history, home := remembered(t)
	empty, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	changed, _ := signedRun(t, 0)
	record := filepath.Join(changed, report.RecordFile)
	text, err := os.ReadFile(record)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(record, []byte(strings.Replace(string(text), `"of": 12000`, `"of": 99000`, 1)), 0o600))
	tests := map[string]struct {
		args []string
		says string
	}{
		"no history yet":              {[]string{"trend", "--history", filepath.Join(empty, "none")}, "there is no history yet in " + filepath.Join(empty, "none") + "; signoff run begins one"},
		"none where one is needed":    {[]string{"trend", "--history", "none"}, "this needs a history"},
		"a history that is a file":    {[]string{"trend", "--history", file}, "it is a file and no directory"},
		"an unknown baseline":         {[]string{"compare", "v9", dir, "--history", history}, "v9 is no baseline, no run of the history, and no directory of a report; there is no baseline yet"},
		"an empty directory":          {[]string{"compare", empty, dir, "--history", history}, empty + " holds no report.json, so that it is no run: name a directory that signoff run made"},
		"no directory":                {[]string{"compare", file, dir, "--history", history}, file + " is no directory"},
		"a report that was changed":   {[]string{"compare", changed, dir, "--history", history}, "does not verify, and its figures are not used: digest-mismatch report.json"},
		"and it is not promoted":      {[]string{"baseline", "promote", changed, "--history", history}, "does not verify"},
		"and it is not remembered":    {[]string{"history", "add", changed, "--history", history}, "does not verify"},
		"a key that did not sign":     {[]string{"history", "add", dir, "--history", history, "--key", file}, file},
		"an unknown scenario":         {[]string{"trend", "--scenario", "SLO-X-01", "--history", history}, "a promise in SLO-X-01; there are SLO-INGEST-01"},
		"an environment of nobody":    {[]string{"trend", "--environment", "x", "--history", history}, "it has profile pr in b77349bf1fa9"},
		"a margin of everything":      {[]string{"compare", dir, dir, "--margin", "100"}, "--margin 100 is no slowdown"},
		"a page that cannot be":       {[]string{"trend", "--html", filepath.Join(file, "x.html"), "--history", history}, "name another file with --html"},
		"a name like a path":          {[]string{"baseline", "promote", dir, "--name", "../x", "--history", history}, `"../x" is no name of a baseline`},
		"an address that is no place": {[]string{"run", "--history", "ftp://example"}, "a history is a directory or a postgres:// address"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.args[0] == "run" {
				test.args = append(test.args, "--features", "testdata/features", "--service", theService(t).marketd, "--out", filepath.Join(empty, "out"))
			}
			code, out, complaint := call(t, home, test.args...)
			require.Equal(t, exitBroken, code, out)
			require.Contains(t, complaint, test.says)
			require.Empty(t, out)
		})
	}
}

func TestABrokenLineIsWarnedOfAndPassedOver(t *testing.T) {
	dir, history, home := remembered(t)
	file := filepath.Join(history, "2026-11.jsonl")
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append([]byte("{\"run\":\x1b[31m\n"), whole...), 0o600))
	code, out, complaint := call(t, home, "compare", dir, dir, "--all-gate", "--history", history)
	require.Equal(t, exitPassed, code)
	require.Contains(t, out, "Both are the same run, so that nothing can differ.")
	require.Contains(t, complaint, "WARNING: not read: "+file+" line 1: it is no JSON")
	require.NotContains(t, complaint, "\x1b")
	code, out, _ = call(t, home, "history", "check", "--history", history)
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "runs: 1, baselines: 0\n"+file+" line 1: it is no JSON")
	code, out, _ = call(t, home, "trend", "--history", history)
	require.Equal(t, exitPassed, code)
	require.Contains(t, out, "not read: "+file+" line 1")
}

func TestARunIsRememberedByItself(t *testing.T) {
	s := newSite(t)
	code, said, run := s.carryOutFloor(t, theService(t).marketd)
	require.Equal(t, exitPassed, code, said)
	history := filepath.Join(s.out, "history")
	require.Contains(t, said, "history    "+history+", see signoff trend")
	r, err := mustOpen(t, history).Entries(t.Context(), baseline.Filter{Run: run.ID})
	require.NoError(t, err)
	require.Equal(t, []baseline.Entry{baseline.EntryOf(*run)}, r.Entries, "the history says what the report says")
}

func TestAHistoryThatCannotBeWrittenTakesNothingFromARun(t *testing.T) {
	run, home := signedRun(t, 0)
	file := filepath.Join(home, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	raw, err := os.ReadFile(filepath.Join(run, report.RecordFile))
	require.NoError(t, err)
	record, err := report.Decode(raw)
	require.NoError(t, err)
	said, err := remember(t.Context(), mustOpen(t, file), record, run)
	require.Error(t, err)
	require.Contains(t, said, "WARNING    not remembered: ")
	require.Contains(t, said, "the report stands; add it later with: signoff history add "+run)
	said, err = remember(t.Context(), nil, record, run)
	require.NoError(t, err)
	require.Equal(t, "history    none, as asked", said)
}

func mustOpen(t *testing.T, where string) baseline.History {
	t.Helper()
	h, err := baseline.Open(where)
	require.NoError(t, err)
	return h
}
