package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/report"
	"github.com/signoff-dev/signoff/harness/seal"
)

const testedCommit = "9f3c2ab000000000000000000000000000000001"

const testedFeature = "Feature: Prices are kept\n"

// signedRun writes and signs a run in which hits of 12,000 inserts were lost,
// with the local key of the user whose home is returned.
func signedRun(t *testing.T, hits int64) (dir, home string) {
	t.Helper()
	home = t.TempDir()
	run := evidence.Run{
		Format: evidence.Format, ID: "20261123T010000Z-9f3c2ab", Service: "marketd", Profile: "pr",
		Commit:  evidence.Commit{SHA: testedCommit},
		Program: evidence.Program{Name: "marketd", Revision: testedCommit},
		Tool:    evidence.Tool{Version: toolVersion()},
		Features: []evidence.Feature{{
			URI: "features/ingest.feature", SHA256: report.File{Content: []byte(testedFeature)}.Digest(), Title: "Prices are kept", Tag: "@ingest",
			Scenarios: []evidence.Scenario{{
				ID: "SLO-INGEST-01", Title: "A busy minute", Tags: []string{"@pr", "@SLO-INGEST-01"},
				Gherkin:    "@pr @SLO-INGEST-01\nScenario: A busy minute\n  Then these objectives hold:\n    | measure      | target    |\n    | inserts lost | exactly 0 |",
				Steps:      []evidence.Step{{Keyword: "Then", Text: "these objectives hold:", Status: evidence.StepPassed}},
				Measures:   []measure.Value{{Name: "inserts lost", Share: &measure.Share{Hits: hits, Of: 12000}}},
				Objectives: []evidence.Objective{{Measure: "inserts lost", Target: "exactly 0", Line: 9}},
			}},
		}},
	}
	require.NoError(t, evidence.Judge(&run))
	key, note, err := seal.LocalKey(home)
	require.NoError(t, err)
	require.Empty(t, note)
	dir = t.TempDir()
	require.NoError(t, report.Write(dir, run, []byte("[]"), report.Signer{KeyID: key.Fingerprint(), Local: true}))
	require.NoError(t, seal.Sign(dir, run, key))
	return dir, home
}

// call runs one command line as the user whose keys are in home.
func call(t *testing.T, home string, args ...string) (code int, out, complaint string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := program{in: strings.NewReader(""), out: &stdout, err: &stderr, getenv: func(name string) string {
		if name == "SIGNOFF_KEYS" {
			return home
		}
		return ""
	}}
	code = run(t.Context(), p, args)
	return code, stdout.String(), stderr.String()
}

func TestVerifyAllowsWhatWasJustSigned(t *testing.T) {
	dir, home := signedRun(t, 0)
	code, out, complaint := call(t, home, "verify", dir)
	require.Equal(t, exitPassed, code, out+complaint)
	require.Empty(t, complaint)
	lines := strings.Split(strings.TrimRight(out, "\n"), "\n")
	require.Len(t, lines, 3, out)
	require.Regexp(t, `^allow  passed     `+dir+` .*run 20261123T010000Z-9f3c2ab of commit `+testedCommit+`, signed by SHA256:`, lines[0])
	require.Regexp(t, `^note   local-key  signature +local key, preview only: `, lines[1])
	require.Equal(t, "       recomputed 1 of 1 verdicts, all equal", lines[2])

	stranger, out, _ := call(t, t.TempDir(), "verify", dir)
	require.Equal(t, exitPassed, stranger, out)
	require.Contains(t, out, "key not pinned, preview only")
}

func TestVerifyDeniesWithEveryReason(t *testing.T) {
	dir, home := signedRun(t, 3)
	other := strings.Repeat("0", 40)
	require.NoError(t, os.WriteFile(filepath.Join(dir, report.SummaryFile), []byte("all is well"), 0o644))
	code, out, complaint := call(t, home, "verify", dir, "--commit", other)
	require.Equal(t, exitFailed, code)
	require.Empty(t, complaint)
	require.Contains(t, out, "deny   page-differs      summary.md     it is not what this version draws from the record")
	require.Contains(t, out, "deny   program-differs   program        marketd was built from "+testedCommit+", "+other+" is asked for")
	require.Contains(t, out, "deny   digest-mismatch   summary.md     was changed after it was signed")
	require.Contains(t, out, "deny   commit-mismatch   commit         "+testedCommit+" was tested, "+other+" is asked for")
	require.Contains(t, out, "deny   objective-failed  SLO-INGEST-01  inserts lost is 3; promised exactly 0")
	require.Contains(t, out, "recomputed 1 of 1 verdicts, all equal")
	require.NotContains(t, out, "allow")
}

func TestVerifyComparesTheFeaturesWithThoseOfADirectory(t *testing.T) {
	dir, home := signedRun(t, 0)
	features := t.TempDir()
	path := filepath.Join(features, "ingest.feature")
	require.NoError(t, os.WriteFile(path, []byte(testedFeature), 0o644))
	code, out, complaint := call(t, home, "verify", dir, "--features", features)
	require.Equal(t, exitPassed, code, out+complaint)

	require.NoError(t, os.WriteFile(path, []byte(testedFeature+"# changed\n"), 0o644))
	code, out, _ = call(t, home, "verify", dir, "--features", features)
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "deny   features-differ  ingest.feature  another content was tested")

	code, out, complaint = call(t, home, "verify", dir, "--features", filepath.Join(features, "absent"))
	require.Equal(t, exitBroken, code, out)
	require.Contains(t, complaint, "absent: no such file or directory")
}

func TestVerifyAnswersInJSON(t *testing.T) {
	for hits, want := range map[int64]int{0: exitPassed, 3: exitFailed} {
		dir, home := signedRun(t, hits)
		code, out, _ := call(t, home, "verify", dir, "--json")
		require.Equal(t, want, code)
		var answer seal.Verification
		require.NoError(t, json.Unmarshal([]byte(out), &answer))
		require.Equal(t, hits == 0, answer.Allow)
		require.NotNil(t, answer.Reasons, "a list, even if it is empty")
	}
}

func TestVerifyThatCannotBeDone(t *testing.T) {
	dir, home := signedRun(t, 0)
	_, _, err := newKeyPair(t, home)
	require.NoError(t, err)
	tests := map[string]struct {
		args []string
		says string
	}{
		"no such directory":  {[]string{"verify", filepath.Join(home, "absent")}, "there is no such directory"},
		"no such key":        {[]string{"verify", dir, "--key", filepath.Join(home, "absent.pub")}, "there is no such file"},
		"a private key":      {[]string{"verify", dir, "--key", filepath.Join(home, "ci.key")}, "it is a private key"},
		"a shortened commit": {[]string{"verify", dir, "--commit", "9f3c2ab"}, "is not a full one"},
		"no directory given": {[]string{"verify"}, "accepts 1 arg"},
		"an unknown flag":    {[]string{"verify", dir, "--pub", "x"}, "unknown flag"},
		"two directories":    {[]string{"verify", dir, dir}, "accepts 1 arg"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, out, complaint := call(t, home, test.args...)
			require.Equal(t, exitBroken, code)
			require.Empty(t, out)
			require.Contains(t, complaint, test.says)
			require.Equal(t, 1, strings.Count(complaint, "\n"), "one clear line: %s", complaint)
		})
	}
}

func newKeyPair(t *testing.T, dir string) (private, public string, err error) {
	t.Helper()
	key, err := seal.GenerateKey()
	require.NoError(t, err)
	return key.Save(filepath.Join(dir, "ci"))
}

func TestWhatAForeignFileSaysCannotCommandATerminal(t *testing.T) {
	require.Equal(t, "a?[2Jb c", printable("a\x1b[2Jb\nc"))
	require.Equal(t, "2 × für 1 €", printable("2 × für 1 €"))
	require.Equal(t, "?abc", printable("\u202eabc"), "nor turn its lines around")
}

func TestKeygenMakesAPairAndNeverReplacesIt(t *testing.T) {
	dir := t.TempDir()
	prefix := filepath.Join(dir, "release")
	code, out, complaint := call(t, dir, "keygen", "--out", prefix)
	require.Equal(t, exitPassed, code, complaint)
	public, err := seal.LoadPublicKey(prefix + ".pub")
	require.NoError(t, err)
	require.Contains(t, out, "fingerprint  "+public.Fingerprint()+"\n")
	require.Contains(t, out, "signoff run --key "+prefix+".key\n")
	require.Contains(t, out, "signoff verify --key "+prefix+".pub out/latest\n")

	code, out, complaint = call(t, dir, "keygen", "--out", prefix)
	require.Equal(t, exitBroken, code)
	require.Empty(t, out)
	require.Contains(t, complaint, "release.key: it exists, and a key is never replaced: choose another --out")
}
