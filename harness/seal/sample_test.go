package seal_test

import (
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

const (
	testedCommit = "9f3c2ab000000000000000000000000000000001"
	otherCommit  = "9f3c2ab000000000000000000000000000000002"
)

// record is a small run that passes: a count, a distribution and a wish.
func record() evidence.Run {
	lag := measure.Value{Name: "worst lag", Unit: "ms", Amount: &measure.Amount{Value: 41.5, Of: 5000}}
	lost := measure.Value{Name: "inserts lost", Share: &measure.Share{Hits: 0, Of: 12000}}
	run := evidence.Run{
		Format: evidence.Format, ID: "20261123T010000Z-9f3c2ab", Service: "marketd", Profile: "pr", Seed: 7,
		Commit:  evidence.Commit{SHA: testedCommit, Branch: "main"},
		Program: evidence.Program{Name: "marketd", SHA256: "cd56", Revision: testedCommit},
		Features: []evidence.Feature{{
			URI: "features/ingest.feature", SHA256: "ab34", Title: "Prices are kept", Tag: "@ingest",
			Scenarios: []evidence.Scenario{
				{
					ID: "SLO-INGEST-01", Title: "A busy minute", Tags: []string{"@ingest", "@pr", "@SLO-INGEST-01"}, Line: 5,
					Steps:    []evidence.Step{{Keyword: "Then", Text: "these objectives hold:", Status: evidence.StepPassed}},
					Measures: []measure.Value{lost, lag},
					Objectives: []evidence.Objective{
						{Measure: "inserts lost", Target: "exactly 0", Line: 9},
						{Measure: "worst lag", Target: "at most 250 ms", Line: 10},
						{Measure: "worst lag", Target: "should be at most 10 ms", Line: 11},
					},
				},
				{
					ID: "SLO-INGEST-02", Title: "A busy week", Tags: []string{"@release", "@SLO-INGEST-02"}, Line: 15, Skipped: "runs in profile release",
					Objectives: []evidence.Objective{{Measure: "inserts lost", Target: "exactly 0", Line: 19}},
				},
			},
		}},
	}
	restate(&run)
	return run
}

// restate writes beside each scenario what its record states.
func restate(run *evidence.Run) {
	for f := range run.Features {
		for i := range run.Features[f].Scenarios {
			s := &run.Features[f].Scenarios[i]
			s.Gherkin = strings.Join(s.Tags, " ") + "\nScenario: " + s.Title + "\n  Then these objectives hold:\n    | measure | target |\n"
			for _, o := range s.Objectives {
				s.Gherkin += "    | " + o.Measure + " | " + o.Target + " |\n"
			}
		}
	}
}

// scenarioOf is the scenario of run that was carried out.
func scenarioOf(run *evidence.Run) *evidence.Scenario { return &run.Features[0].Scenarios[0] }

func newKey(t *testing.T) seal.Key {
	t.Helper()
	key, err := seal.GenerateKey()
	require.NoError(t, err)
	return key
}

// written puts run into a new directory, judged as given.
func written(t *testing.T, run evidence.Run) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, run)
	for _, name := range seal.Subjects()[1:] {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("drawn from "+run.ID), 0o644))
	}
	return dir
}

func write(t *testing.T, dir string, run evidence.Run) {
	t.Helper()
	text, err := report.Encode(run)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, report.RecordFile), text, 0o644))
}

// signed is the directory of a judged and signed run, with the run as it was
// changed before it was judged.
func signed(t *testing.T, key seal.Key, change ...func(*evidence.Run)) (string, evidence.Run) {
	t.Helper()
	run := record()
	for _, c := range change {
		c(&run)
	}
	require.NoError(t, evidence.Judge(&run))
	dir := written(t, run)
	require.NoError(t, seal.Sign(dir, run, key))
	return dir, run
}

func verify(t *testing.T, dir string, o seal.VerifyOptions) seal.Verification {
	t.Helper()
	v, err := seal.Verify(dir, o)
	require.NoError(t, err)
	require.Equal(t, len(v.Reasons) == 0, v.Allow, "allow without reasons, and only then")
	return v
}

func pinned(key seal.Key) seal.VerifyOptions {
	public := key.Public()
	return seal.VerifyOptions{Key: &public}
}

func codes(reasons []seal.Reason) []seal.Code {
	list := []seal.Code{}
	for _, r := range reasons {
		list = append(list, r.Code)
	}
	return list
}
