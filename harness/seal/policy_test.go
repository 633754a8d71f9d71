package seal_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
	"github.com/signoff-dev/signoff/harness/seal"
)

func TestARunThatDidNotPassIsDenied(t *testing.T) {
	profile := func(name string) func(*evidence.Run) {
		return func(r *evidence.Run) { r.Profile = name }
	}
	fail := func(r *evidence.Run) { scenarioOf(r).Measures[0].Share.Hits = 3 }
	unmeasured := func(r *evidence.Run) { scenarioOf(r).Measures = scenarioOf(r).Measures[1:] }
	open := func(r *evidence.Run) { scenarioOf(r).Measures[0].Share.Of = 0 }
	allOpen := func(r *evidence.Run) { open(r); scenarioOf(r).Measures[1].Amount.Of = 0 }
	only := func(r *evidence.Run) { r.Only = []string{"SLO-INGEST-01"} }
	blind := func(r *evidence.Run) {
		r.SelfTests = []evidence.SelfTest{{Broke: "deleted a price", Must: "lost 1", Said: "nothing"}}
	}
	nothing := func(r *evidence.Run) { scenarioOf(r).Measures = nil }
	broken := func(r *evidence.Run) { scenarioOf(r).Broken = "connection refused" }
	without := func(r *evidence.Run) { r.Features = nil }
	badStep := func(r *evidence.Run) {
		scenarioOf(r).Steps = []evidence.Step{{Keyword: "Then", Text: "version 1 holds", Status: evidence.StepFailed}}
	}
	tests := map[string]struct {
		change []func(*evidence.Run)
		codes  []seal.Code
		where  string
	}{
		"a fail":                      {[]func(*evidence.Run){fail}, []seal.Code{seal.ObjectiveFailed}, "SLO-INGEST-01"},
		"broken":                      {[]func(*evidence.Run){broken}, []seal.Code{seal.RunBroken, seal.NothingJudged}, "SLO-INGEST-01"},
		"broken without a word":       {[]func(*evidence.Run){badStep}, []seal.Code{seal.RunBroken}, "result"},
		"nothing observed":            {[]func(*evidence.Run){nothing}, []seal.Code{seal.RunBroken, seal.RunBroken, seal.NothingJudged}, "SLO-INGEST-01"},
		"not measured in pr":          {[]func(*evidence.Run){unmeasured}, []seal.Code{seal.RunBroken}, "SLO-INGEST-01"},
		"not measured in nightly":     {[]func(*evidence.Run){profile("nightly"), unmeasured}, []seal.Code{seal.RunBroken}, "SLO-INGEST-01"},
		"nothing decided in pr":       {[]func(*evidence.Run){allOpen}, []seal.Code{seal.NothingJudged}, "result"},
		"a self-test went green":      {[]func(*evidence.Run){blind}, []seal.Code{seal.RunBroken}, "self-test"},
		"no promises at all":          {[]func(*evidence.Run){without}, []seal.Code{seal.NothingJudged}, "result"},
		"open in nightly":             {[]func(*evidence.Run){profile("nightly"), open}, []seal.Code{seal.ObjectiveOpen}, "SLO-INGEST-01"},
		"left out in a release":       {[]func(*evidence.Run){profile("release"), only}, []seal.Code{seal.ObjectiveOpen}, "SLO-INGEST-02"},
		"a fail beside an open one":   {[]func(*evidence.Run){fail, func(r *evidence.Run) { scenarioOf(r).Measures[1].Amount.Of = 0 }}, []seal.Code{seal.ObjectiveFailed}, "SLO-INGEST-01"},
		"a wish missed beside a fail": {[]func(*evidence.Run){fail}, []seal.Code{seal.ObjectiveFailed}, "SLO-INGEST-01"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			dir, _ := signed(t, key, test.change...)
			v := verify(t, dir, pinned(key))
			require.Equal(t, test.codes, codes(v.Reasons), "%v", v.Reasons)
			require.Equal(t, test.where, v.Reasons[0].Where)
			require.Equal(t, v.Of, v.Recomputed, "the record itself is honest")
		})
	}
}

func TestAnOpenObjectiveOfAPullRequestIsANote(t *testing.T) {
	key := newKey(t)
	dir, run := signed(t, key, func(r *evidence.Run) { scenarioOf(r).Measures[0].Share.Of = 0 })
	require.Equal(t, evidence.Warned, run.Result.Outcome)
	v := verify(t, dir, pinned(key))
	require.True(t, v.Allow, "%v", v.Reasons)
	require.Contains(t, codes(v.Notes), seal.LeftOpen)
}

func TestAPartOfThePromisesIsAllowedAndNamed(t *testing.T) {
	key := newKey(t)
	dir, run := signed(t, key, func(r *evidence.Run) { r.Tags, r.Only = "@ingest", []string{"SLO-INGEST-01"} })
	require.Equal(t, evidence.Warned, run.Result.Outcome)
	v := verify(t, dir, pinned(key))
	require.True(t, v.Allow, "%v", v.Reasons)
	require.Contains(t, v.Notes, seal.Reason{Code: seal.Narrowed, Where: "result", Detail: `only part of what profile pr runs was asked for: --tags "@ingest" --only SLO-INGEST-01`})

	p := seal.PredicateOf(run)
	require.Equal(t, seal.ResultWarned, p.Result)
	chosen := p.Configuration[len(p.Configuration)-1]
	require.Equal(t, seal.Resource{Name: "selection", Annotations: map[string]string{"profile": "pr", "tags": "@ingest", "only": "SLO-INGEST-01"}}, chosen)
	delete(chosen.Annotations, "only")
	require.NoError(t, seal.SignPredicate(dir, p, key))
	require.Equal(t, []seal.Code{seal.StatementMismatch}, codes(verify(t, dir, pinned(key)).Reasons))
}

// comparing has a run compare with another version, and do nothing else.
func comparing(r *evidence.Run) {
	r.Against = &evidence.Against{Ref: "origin/main", Commit: evidence.Commit{SHA: otherCommit}, Program: evidence.Program{Name: "marketd", SHA256: strings.Repeat("ef", 32)}}
	r.Features[0].URI, r.Features[0].Tag = "features/regression.feature", evidence.RegressionTag
}

func TestARunThatComparesIsNotTakenForOneThatProvesPromises(t *testing.T) {
	key := newKey(t)
	dir, run := signed(t, key, comparing)
	require.Equal(t, evidence.Passed, run.Result.Outcome)
	v := verify(t, dir, pinned(key))
	require.True(t, v.Allow, "%v", v.Reasons)
	require.Contains(t, v.Notes, seal.Reason{Code: seal.Compared, Where: "result", Detail: "the run compared with origin/main (commit " + otherCommit +
		", program with SHA-256 " + strings.Repeat("ef", 32) + ") and proves no other promise of the features"})
	require.NotContains(t, codes(v.Notes), seal.SameProgram)

	p := seal.PredicateOf(run)
	n := len(p.Configuration)
	require.Equal(t, []seal.Resource{
		{Name: "base", Digest: map[string]string{"gitCommit": otherCommit}},
		{Name: "base program", Digest: map[string]string{"sha256": strings.Repeat("ef", 32)}},
		{Name: "selection", Annotations: map[string]string{"profile": "pr", "against": "origin/main"}},
	}, p.Configuration[n-3:])
	for name, hide := range map[string]func(seal.Predicate) seal.Predicate{
		"all of it": func(p seal.Predicate) seal.Predicate {
			p.Configuration = slices.Delete(p.Configuration, n-3, n-1)
			return p
		},
		"the reference":   func(p seal.Predicate) seal.Predicate { delete(p.Configuration[n-1].Annotations, "against"); return p },
		"another program": func(p seal.Predicate) seal.Predicate { p.Configuration[n-2].Digest["sha256"] = "00"; return p },
		"another base": func(p seal.Predicate) seal.Predicate {
			p.Configuration[n-3].Digest["gitCommit"] = testedCommit
			return p
		},
	} {
		require.NoError(t, seal.SignPredicate(dir, hide(seal.PredicateOf(run)), key))
		require.Equal(t, []seal.Code{seal.StatementMismatch}, codes(verify(t, dir, pinned(key)).Reasons), name)
	}
}

func TestAComparisonOfAProgramWithItselfIsNamed(t *testing.T) {
	key := newKey(t)
	dir, run := signed(t, key, comparing, func(r *evidence.Run) { r.Program.SHA256 = r.Against.Program.SHA256 })
	require.Equal(t, evidence.ExitPassed, run.Result.ExitCode)
	v := verify(t, dir, pinned(key))
	require.True(t, v.Allow, "%v", v.Reasons)
	require.Contains(t, codes(v.Notes), seal.SameProgram)
	p := seal.PredicateOf(run)
	require.Equal(t, map[string]string{"sameAs": "tested program"}, p.Configuration[len(p.Configuration)-2].Annotations)
}

func TestTheBaseIsNeverTakenForTheTestedCommit(t *testing.T) {
	key := newKey(t)
	dir, _ := signed(t, key, comparing, func(r *evidence.Run) { r.Commit.SHA = "" })
	require.NoError(t, os.Remove(filepath.Join(dir, report.RecordFile)))
	o := pinned(key)
	o.Commit = otherCommit
	v := verify(t, dir, o)
	require.Contains(t, codes(v.Reasons), seal.CommitMismatch)
}

func TestTheTestedProgramIsOfTheCommit(t *testing.T) {
	key := newKey(t)
	tests := map[string]struct {
		change func(*evidence.Run)
		wanted string
		codes  []seal.Code
		note   bool
	}{
		"of the commit":          {func(*evidence.Run) {}, testedCommit, []seal.Code{}, false},
		"of another commit":      {func(r *evidence.Run) { r.Program.Revision = otherCommit }, testedCommit, []seal.Code{seal.ProgramDiffers}, false},
		"of a changed work tree": {func(r *evidence.Run) { r.Program.Modified = true }, testedCommit, []seal.Code{seal.ProgramDiffers}, false},
		"the report says so too": {func(r *evidence.Run) { r.Program.Modified, r.Commit.Dirty = true, true }, testedCommit, []seal.Code{seal.CommitDirty}, false},
		"without a stamp":        {func(r *evidence.Run) { r.Program.Revision = "" }, testedCommit, []seal.Code{}, true},
		"not asked for":          {func(r *evidence.Run) { r.Program.Revision = otherCommit }, "", []seal.Code{}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir, _ := signed(t, key, test.change)
			o := pinned(key)
			o.Commit = test.wanted
			v := verify(t, dir, o)
			require.Equal(t, test.codes, codes(v.Reasons), "%v", v.Reasons)
			require.Equal(t, test.note, slices.Contains(codes(v.Notes), seal.ProgramUnstamped))
		})
	}
}

func TestTheCommitIsWhatTheVerifierAsksFor(t *testing.T) {
	key := newKey(t)
	tests := map[string]struct {
		change func(*evidence.Run)
		wanted string
		codes  []seal.Code
	}{
		"the tested one":     {func(*evidence.Run) {}, testedCommit, []seal.Code{}},
		"another one":        {func(*evidence.Run) {}, otherCommit, []seal.Code{seal.CommitMismatch, seal.ProgramDiffers}},
		"none was recorded":  {func(r *evidence.Run) { r.Commit.SHA = "" }, testedCommit, []seal.Code{seal.CommitMismatch}},
		"a changed worktree": {func(r *evidence.Run) { r.Commit.Dirty = true }, testedCommit, []seal.Code{seal.CommitDirty}},
		"not asked for":      {func(r *evidence.Run) { r.Commit.Dirty = true }, "", []seal.Code{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir, _ := signed(t, key, test.change)
			o := pinned(key)
			o.Commit = test.wanted
			require.Equal(t, test.codes, codes(verify(t, dir, o).Reasons))
		})
	}
	t.Run("a short one proves nothing", func(t *testing.T) {
		dir, _ := signed(t, key)
		_, err := seal.Verify(dir, seal.VerifyOptions{Commit: "9f3c2ab"})
		require.ErrorContains(t, err, `commit "9f3c2ab" is not a full one of 40 digits`)
	})
	t.Run("the statement answers when the report is gone", func(t *testing.T) {
		dir, _ := signed(t, key)
		require.NoError(t, os.Remove(filepath.Join(dir, report.RecordFile)))
		o := pinned(key)
		o.Commit = otherCommit
		require.Equal(t, []seal.Code{seal.FileMissing, seal.CommitMismatch}, codes(verify(t, dir, o).Reasons))
	})
}

func TestAReleaseDoesNotWaitForAnotherVersionToCompareWith(t *testing.T) {
	compared := func(r *evidence.Run) {
		r.Profile = "release"
		second := r.Features[0]
		second.URI, second.Tag = "features/regression.feature", evidence.RegressionTag
		second.Scenarios = []evidence.Scenario{r.Features[0].Scenarios[1]}
		second.Scenarios[0].Skipped = "runs with --against"
		r.Features[0].Scenarios = r.Features[0].Scenarios[:1]
		r.Features = append(r.Features, second)
	}
	key := newKey(t)
	dir, run := signed(t, key, compared)
	require.Equal(t, evidence.Passed, run.Result.Outcome, run.Result.Reason)
	v := verify(t, dir, pinned(key))
	require.True(t, v.Allow, "%v", v.Reasons)
	require.Contains(t, codes(v.Notes), seal.LeftOut, "what was left out is told")
}

func TestWhatTheKeyProves(t *testing.T) {
	key, stranger := newKey(t), newKey(t)
	local := key.Public()
	release := func(r *evidence.Run) {
		r.Profile = "release"
		r.Features[0].Scenarios = r.Features[0].Scenarios[:1]
	}
	t.Run("another key is denied", func(t *testing.T) {
		dir, _ := signed(t, key)
		v := verify(t, dir, pinned(stranger))
		require.Equal(t, []seal.Code{seal.KeyMismatch}, codes(v.Reasons))
		require.Empty(t, v.Signer)
	})
	t.Run("the user's own key is a preview", func(t *testing.T) {
		dir, _ := signed(t, key)
		v := verify(t, dir, seal.VerifyOptions{Local: &local})
		require.True(t, v.Allow)
		require.Contains(t, codes(v.Notes), seal.LocalKeyUsed)
		require.Contains(t, v.Notes[1].Detail+v.Notes[0].Detail, "local key, preview only")
	})
	t.Run("the key beside the report shows integrity only", func(t *testing.T) {
		dir, _ := signed(t, key)
		v := verify(t, dir, seal.VerifyOptions{})
		require.True(t, v.Allow)
		require.Contains(t, codes(v.Notes), seal.KeyNotPinned)
	})
	t.Run("the key beside the report is never asked when one is pinned", func(t *testing.T) {
		dir, run := signed(t, key)
		require.NoError(t, seal.Sign(dir, run, stranger))
		require.Equal(t, []seal.Code{seal.KeyMismatch}, codes(verify(t, dir, pinned(key)).Reasons))
		v := verify(t, dir, seal.VerifyOptions{Local: &local})
		require.Contains(t, codes(v.Notes), seal.KeyNotPinned, "somebody else's key is never called local")
	})
	t.Run("a key swapped beside the report is denied", func(t *testing.T) {
		dir, _ := signed(t, key)
		text, err := stranger.Public().PEM()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, seal.SignerName), text, 0o644))
		require.Equal(t, []seal.Code{seal.KeyMismatch}, codes(verify(t, dir, seal.VerifyOptions{}).Reasons))
	})
	t.Run("no key anywhere is denied", func(t *testing.T) {
		dir, _ := signed(t, key)
		require.NoError(t, os.Remove(filepath.Join(dir, seal.SignerName)))
		require.Equal(t, []seal.Code{seal.KeyMissing}, codes(verify(t, dir, seal.VerifyOptions{}).Reasons))
	})
	t.Run("a release needs a pinned key", func(t *testing.T) {
		dir, _ := signed(t, key, release)
		require.Equal(t, []seal.Code{seal.KeyNotPinned}, codes(verify(t, dir, seal.VerifyOptions{Local: &local}).Reasons))
		require.True(t, verify(t, dir, pinned(key)).Allow)
	})
}
