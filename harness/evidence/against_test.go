package evidence_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// leftOut is a scenario that the selection of the run leaves out.
func leftOut(s evidence.Scenario) evidence.Scenario {
	s.Skipped, s.Steps, s.Measures = "left out", nil, nil
	return s
}

// twoFeatures is a run of two features, the second of which compares versions.
func twoFeatures(profile string, plain, comparing evidence.Scenario) evidence.Run {
	r := run(profile, plain)
	second := run(profile, comparing).Features[0]
	second.URI, second.Tag = "features/regression.feature", evidence.RegressionTag
	r.Features = append(r.Features, second)
	return r
}

// mainBranch is a version to compare with.
func mainBranch() *evidence.Against {
	return &evidence.Against{
		Ref:     "origin/main",
		Commit:  evidence.Commit{SHA: strings.Repeat("0a", 20)},
		Program: evidence.Program{Name: "marketd", SHA256: strings.Repeat("7f", 32)},
	}
}

func TestComparisonsOfVersionsRunIfAndOnlyIfThereIsAnotherVersion(t *testing.T) {
	tests := map[string]struct {
		profile          string
		against          bool
		plain, comparing evidence.Scenario
		outcome          string
		code             int
		reason           string
	}{
		"without another version they are left out":      {"pr", false, one("A"), leftOut(one("B")), evidence.Passed, 0, "All 1 gating objectives passed."},
		"a release does not need them":                   {"release", false, one("A"), leftOut(one("B")), evidence.Passed, 0, "All 1 gating objectives passed."},
		"with another version nothing else runs":         {"pr", true, leftOut(one("A")), one("B"), evidence.Passed, 0, "All 1 gating objectives passed. These are only part of the promises: --against origin/main."},
		"a regression fails the run":                     {"pr", true, leftOut(one("A")), failing("B"), evidence.Failed, 1, "SLO-B-01"},
		"a comparison is no release":                     {"release", true, leftOut(one("A")), one("B"), evidence.Warned, 3, "SLO-A-01 inserts lost (not run)"},
		"they are recorded as run without a version":     {"pr", false, one("A"), one("B"), "", 0, "SLO-B-01: it is not recorded as skipped, and profile pr leaves it out"},
		"they are recorded as skipped beside a version":  {"pr", true, leftOut(one("A")), leftOut(one("B")), "", 0, "SLO-B-01: it is recorded as skipped, and profile pr with --against origin/main has it run"},
		"another scenario is recorded as run beside it":  {"pr", true, one("A"), one("B"), "", 0, "SLO-A-01: it is not recorded as skipped, and profile pr with --against origin/main leaves it out"},
		"a release that leaves out another one is short": {"release", false, leftOut(one("A")), leftOut(one("B")), "", 0, "SLO-A-01: it is recorded as skipped, and profile release has it run"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := twoFeatures(test.profile, test.plain, test.comparing)
			if test.against {
				r.Against = mainBranch()
			}
			err := evidence.Judge(&r)
			if test.outcome == "" {
				require.ErrorContains(t, err, test.reason)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.outcome, r.Result.Outcome, r.Result.Reason)
			require.Equal(t, test.code, r.Result.ExitCode)
			require.Contains(t, r.Result.Reason, test.reason)
			require.Equal(t, test.against, r.Narrowed())
		})
	}
}

func TestAComparisonNarrowedByTagsIsNeverTheWholeOfIt(t *testing.T) {
	r := twoFeatures("pr", leftOut(one("A")), one("B"))
	r.Against, r.Only = mainBranch(), []string{"SLO-B-01"}
	require.NoError(t, evidence.Judge(&r))
	require.Equal(t, evidence.Warned, r.Result.Outcome)
	require.Equal(t, "--against origin/main --only SLO-B-01", r.Narrowing())
}

func TestTheVersionComparedWithCanBeFoundAgain(t *testing.T) {
	tests := map[string]struct {
		change func(*evidence.Against)
		says   string
	}{
		"no name":          {func(a *evidence.Against) { a.Ref = "" }, "the version compared with has no name"},
		"a short commit":   {func(a *evidence.Against) { a.Commit.SHA = "9f3c2ab" }, `"origin/main", has the commit "9f3c2ab", not one of 40 hex digits`},
		"no commit":        {func(a *evidence.Against) { a.Commit.SHA = "" }, "not one of 40 hex digits"},
		"no commit at all": {func(a *evidence.Against) { a.Commit.SHA = strings.Repeat("g", 40) }, "not one of 40 hex digits"},
		"no program":       {func(a *evidence.Against) { a.Program.SHA256 = "" }, `has a program with the digest "", not a SHA-256 of 64 hex digits`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := twoFeatures("pr", leftOut(one("A")), one("B"))
			r.Against = mainBranch()
			require.NoError(t, evidence.Judge(&r))
			test.change(r.Against)
			_, err := evidence.Rejudge(r)
			require.ErrorContains(t, err, test.says)
		})
	}
	t.Run("the same program is said", func(t *testing.T) {
		r := twoFeatures("pr", leftOut(one("A")), one("B"))
		r.Against = mainBranch()
		r.Program.SHA256 = r.Against.Program.SHA256
		require.NoError(t, evidence.Judge(&r))
		require.Equal(t, evidence.Passed, r.Result.Outcome)
		require.Contains(t, r.Result.Reason, "Both programs are one and the same")
	})
}

func TestAChartShowsFiguresOfAScenarioThatRan(t *testing.T) {
	inf, low, high := math.Inf(1), 2.0, 1.0
	tests := map[string]struct {
		change func(*evidence.Chart)
		says   string
	}{
		"no such scenario":    {func(c *evidence.Chart) { c.Scenario = "SLO-Z-01" }, `a chart is recorded for "SLO-Z-01", and there is no such scenario`},
		"a skipped scenario":  {func(c *evidence.Chart) { c.Scenario = "SLO-B-01" }, "a chart is recorded for SLO-B-01, which was skipped"},
		"an unknown kind":     {func(c *evidence.Chart) { c.Kind = "pie" }, `chart 1, "The ladder" of SLO-A-01: its kind is "pie", neither bars nor curve`},
		"no title":            {func(c *evidence.Chart) { c.Title = "" }, "it has no title"},
		"no point":            {func(c *evidence.Chart) { c.Lines = nil }, "it shows no point"},
		"an infinite figure":  {func(c *evidence.Chart) { c.Lines[0].Points[1].Y = inf }, `point 2 of line "COPY": 2, +Inf is no pair of numbers`},
		"no figure":           {func(c *evidence.Chart) { c.Lines[0].Points[0].X = inf - inf }, "point 1 of line"},
		"an endless interval": {func(c *evidence.Chart) { c.Lines[0].Points[0].High = &inf }, "an end of its interval is no number"},
		"an interval reversed": {func(c *evidence.Chart) {
			c.Lines[0].Points[0].Low, c.Lines[0].Points[0].High = &low, &high
		}, "its interval from 2 to 1 ends before it begins"},
		"a bar without a place": {func(c *evidence.Chart) { c.Kind = evidence.ChartBars }, "a bar needs a place"},
		"a mark without a word": {func(c *evidence.Chart) { c.Marks = []evidence.Mark{{X: 3}} }, "no place with a word about it"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := run("nightly", one("A"), skipped(one("B")))
			r.Charts = []evidence.Chart{{
				Scenario: "SLO-A-01", Kind: evidence.ChartCurve, Title: "The ladder",
				Lines: []evidence.Line{{Name: "COPY", Points: []evidence.Point{{X: 1, Y: 5}, {X: 2, Y: 7}}}},
			}}
			require.NoError(t, evidence.Judge(&r))
			require.Equal(t, evidence.Passed, r.Result.Outcome, "a chart gates nothing")
			test.change(&r.Charts[0])
			_, err := evidence.Rejudge(r)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestAQueryCanBeComparedWithItselfLater(t *testing.T) {
	tests := map[string]struct {
		change func(*evidence.Query)
		says   string
	}{
		"no such scenario":   {func(q *evidence.Query) { q.Scenario = "SLO-Z-01" }, `a query is recorded for "SLO-Z-01", and there is no such scenario`},
		"a skipped scenario": {func(q *evidence.Query) { q.Scenario = "SLO-B-01" }, "a query is recorded for SLO-B-01, which was skipped"},
		"an unknown arm":     {func(q *evidence.Query) { q.Arm = "third" }, `query 1, "latest price" of SLO-A-01: its arm is "third"`},
		"no shape":           {func(q *evidence.Query) { q.Shape = nil }, "its plan has no shape"},
		"no name":            {func(q *evidence.Query) { q.Name = "" }, "it has no name"},
		"no SQL":             {func(q *evidence.Query) { q.SQL = "" }, "it has no SQL"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := run("nightly", one("A"), skipped(one("B")))
			for _, arm := range []string{"", "baseline", "current"} {
				r.Queries = append(r.Queries, evidence.Query{Scenario: "SLO-A-01", Name: "latest price", Arm: arm, SQL: "SELECT 1", Shape: []string{"Result"}})
			}
			require.NoError(t, evidence.Judge(&r))
			test.change(&r.Queries[0])
			_, err := evidence.Rejudge(r)
			require.ErrorContains(t, err, test.says)
		})
	}
}
