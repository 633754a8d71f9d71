package seal_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
	"github.com/signoff-dev/signoff/harness/seal"
)

func TestSignRefusesWhatWouldNotVerify(t *testing.T) {
	tests := map[string]struct {
		spoil func(t *testing.T, dir string, run *evidence.Run)
		says  string
	}{
		"the report of another run": {func(_ *testing.T, _ string, run *evidence.Run) { run.ID = "other" }, `it holds the report of run "20261123T010000Z-9f3c2ab", not of "other"`},
		"no report": {func(t *testing.T, dir string, _ *evidence.Run) {
			require.NoError(t, os.Remove(filepath.Join(dir, report.RecordFile)))
		}, "reading report.json: no such file"},
		"no page": {func(t *testing.T, dir string, _ *evidence.Run) {
			require.NoError(t, os.Remove(filepath.Join(dir, report.PageFile)))
		}, "reading report.html: no such file"},
		"half a report": {func(t *testing.T, dir string, _ *evidence.Run) {
			edit(t, dir, report.RecordFile, func(b []byte) []byte { return b[:len(b)/2] })
		}, "report.json"},
		"a verdict that the evidence does not give": {func(t *testing.T, dir string, _ *evidence.Run) {
			edit(t, dir, report.RecordFile, replace(`41.5`, `999.5`))
		}, "SLO-INGEST-01 worst lag is recorded as"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run := record()
			require.NoError(t, evidence.Judge(&run))
			dir := written(t, run)
			test.spoil(t, dir, &run)
			require.ErrorContains(t, seal.Sign(dir, run, newKey(t)), test.says)
			require.NoFileExists(t, filepath.Join(dir, seal.BundleName))
			require.NoFileExists(t, filepath.Join(dir, seal.SignerName))
		})
	}
}

func TestSigningLeavesTheBundleAndTheKeyAndNoMore(t *testing.T) {
	dir, run := signed(t, newKey(t))
	require.NoError(t, seal.Sign(dir, run, newKey(t)), "signing again replaces the signature")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, len(seal.Subjects())+2)
	require.True(t, verify(t, dir, seal.VerifyOptions{}).Allow)
	info, err := os.Stat(filepath.Join(dir, seal.BundleName))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode().Perm())
}
