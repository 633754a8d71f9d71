package seal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/report"
	"github.com/signoff-dev/signoff/harness/seal"
)

func TestAnHonestReportIsAllowed(t *testing.T) {
	key := newKey(t)
	dir, run := signed(t, key)
	v := verify(t, dir, pinned(key))
	require.True(t, v.Allow, "%v", v.Reasons)
	require.Equal(t, key.Fingerprint(), v.Signer)
	require.Equal(t, 4, v.Of)
	require.Equal(t, 4, v.Recomputed)
	require.Equal(t, run.ID, v.Run)
	require.Equal(t, testedCommit, v.Commit)
	require.Equal(t, []seal.Code{seal.LeftOut}, codes(v.Notes))

	o := pinned(key)
	o.Commit = strings.ToUpper(testedCommit)
	require.True(t, verify(t, dir, o).Allow)
}

// edit changes one file of dir.
func edit(t *testing.T, dir, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	changed := change(bytes.Clone(text))
	require.NotEqual(t, text, changed)
	require.NoError(t, os.WriteFile(path, changed, 0o644))
}

func replace(was, is string) func([]byte) []byte {
	return func(text []byte) []byte { return bytes.Replace(text, []byte(was), []byte(is), 1) }
}

func TestATamperedReportIsDenied(t *testing.T) {
	tests := map[string]struct {
		tamper func(t *testing.T, dir string)
		codes  []seal.Code
	}{
		"a figure": {func(t *testing.T, dir string) {
			edit(t, dir, report.RecordFile, replace(`41.5`, `40.5`))
		}, []seal.Code{seal.DigestMismatch, seal.VerdictDiffers}},
		"a verdict": {func(t *testing.T, dir string) {
			edit(t, dir, report.RecordFile, replace(`"verdict": "fail"`, `"verdict": "pass"`))
		}, []seal.Code{seal.DigestMismatch, seal.StatementMismatch, seal.VerdictDiffers}},
		"a space that changes nothing": {func(t *testing.T, dir string) {
			edit(t, dir, report.RecordFile, func(b []byte) []byte { return append(b, ' ') })
		}, []seal.Code{seal.DigestMismatch}},
		"a second key of the same name": {func(t *testing.T, dir string) {
			edit(t, dir, report.RecordFile, replace(`"profile": "pr"`, `"profile": "release", "profile": "pr"`))
		}, []seal.Code{seal.DigestMismatch, seal.ReportUnreadable}},
		"a key in another case": {func(t *testing.T, dir string) {
			edit(t, dir, report.RecordFile, replace(`"profile": "pr"`, `"profile": "pr", "Profile": "pr"`))
		}, []seal.Code{seal.DigestMismatch, seal.ReportUnreadable}},
		"the page that people read": {func(t *testing.T, dir string) {
			edit(t, dir, report.PageFile, replace("drawn", "Drawn"))
		}, []seal.Code{seal.DigestMismatch}},
		"a missing summary": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, report.SummaryFile)))
		}, []seal.Code{seal.FileMissing}},
		"a directory instead of the JUnit file": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, report.JUnitFile)))
			require.NoError(t, os.Mkdir(filepath.Join(dir, report.JUnitFile), 0o755))
		}, []seal.Code{seal.FileMissing}},
		"a missing report": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, report.RecordFile)))
		}, []seal.Code{seal.FileMissing}},
		"no bundle": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, seal.BundleName)))
		}, []seal.Code{seal.Unsigned}},
		"a bundle cut short": {func(t *testing.T, dir string) {
			edit(t, dir, seal.BundleName, func(b []byte) []byte { return b[:len(b)/2] })
		}, []seal.Code{seal.BundleUnreadable}},
		"an empty bundle": {func(t *testing.T, dir string) {
			edit(t, dir, seal.BundleName, func([]byte) []byte { return nil })
		}, []seal.Code{seal.BundleUnreadable}},
		"a second member in the bundle": {func(t *testing.T, dir string) {
			edit(t, dir, seal.BundleName, replace(`"mediaType"`, `"MediaType": "x", "mediaType"`))
		}, []seal.Code{seal.BundleUnreadable}},
		"several things at once": {func(t *testing.T, dir string) {
			edit(t, dir, report.PageFile, replace("drawn", "Drawn"))
			edit(t, dir, report.RecordFile, replace(`"exit_code": 0`, `"exit_code": 1`))
			require.NoError(t, os.Remove(filepath.Join(dir, report.SummaryFile)))
		}, []seal.Code{seal.DigestMismatch, seal.FileMissing, seal.DigestMismatch, seal.ResultMismatch, seal.VerdictDiffers, seal.ObjectiveFailed}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			dir, _ := signed(t, key)
			test.tamper(t, dir)
			v := verify(t, dir, pinned(key))
			require.False(t, v.Allow)
			require.Equal(t, test.codes, slices.Compact(codes(v.Reasons)), "%v", v.Reasons)
		})
	}
}

func TestAnyByteOfTheReportCounts(t *testing.T) {
	key := newKey(t)
	dir, _ := signed(t, key)
	path := filepath.Join(dir, report.RecordFile)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := 0; i < len(text); i += 37 {
		flipped := bytes.Clone(text)
		flipped[i] ^= 1
		require.NoError(t, os.WriteFile(path, flipped, 0o644))
		require.Contains(t, codes(verify(t, dir, pinned(key)).Reasons), seal.DigestMismatch, "byte %d", i)
	}
}

func TestAnyByteOfTheBundleCounts(t *testing.T) {
	key := newKey(t)
	dir, _ := signed(t, key)
	text, err := os.ReadFile(filepath.Join(dir, seal.BundleName))
	require.NoError(t, err)
	accepted := func(text []byte) bool {
		e, err := seal.ParseBundle(text)
		return err == nil && e.KeyID == key.Fingerprint() && e.SignedBy(key.Public())
	}
	require.True(t, accepted(text))
	for i := range text {
		if text[i] == ' ' || text[i] == '\n' {
			continue // white space between the members says nothing
		}
		flipped := bytes.Clone(text)
		flipped[i] ^= 1
		require.False(t, accepted(flipped), "byte %d of the bundle: %q", i, text[i])
	}
}

func TestWhatLiesBesideTheReportIsNamed(t *testing.T) {
	key := newKey(t)
	dir, _ := signed(t, key)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "marketd.log"), nil, 0o644))
	v := verify(t, dir, pinned(key))
	require.True(t, v.Allow)
	require.Contains(t, v.Notes, seal.Reason{Code: seal.FileUnsigned, Where: "marketd.log", Detail: "lies beside the report and is covered by no signature"})
}

func TestWhereNothingCanBeVerified(t *testing.T) {
	_, err := seal.Verify(filepath.Join(t.TempDir(), "absent"), seal.VerifyOptions{})
	require.ErrorContains(t, err, "there is no such directory")

	file := filepath.Join(t.TempDir(), "report.json")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err = seal.Verify(file, seal.VerifyOptions{})
	require.ErrorContains(t, err, "not a directory")

	v := verify(t, t.TempDir(), seal.VerifyOptions{})
	require.False(t, v.Allow, "an empty directory proves nothing")
}
