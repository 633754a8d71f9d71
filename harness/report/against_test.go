package report_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
	"github.com/signoff-dev/signoff/harness/report"
)

func TestTheVersionComparedWithIsNamed(t *testing.T) {
	run := compared()
	page := plainly(drawn(t, run, trusted()))
	require.Contains(t, page, "against <code>origin/main</code>, profile pr</p>")
	require.Contains(t, page, "<dt>Compared with</dt><dd>origin/main 1d1d1d1 Say what the partition manager leaves to people")
	require.Contains(t, plainly(string(report.Summary(run, trusted()))), ", compared with origin/main 1d1d1d1 Say what")
	require.Contains(t, page, "signoff run --profile pr --against origin/main --tags @SLO-REGRESSION-02")
	require.NotContains(t, page, "SLO-STREAM-01", "what was left out as a whole would bury what was asked")
	require.Contains(t, page, "17 other promises were not part of it")
}

func TestTheSlowestChangeComesFirst(t *testing.T) {
	section := part(plainly(drawn(t, compared(), trusted())), "against")
	var order []string
	for _, at := range regexp.MustCompile(`<th class="fl"[^>]*>([^<]*)<`).FindAllStringSubmatch(section, -1) {
		order = append(order, at[1])
	}
	require.Equal(t, []string{"looking up the latest price", "telling the health", "looking up the daily bars", "storing in batches of 100"}, order)
	require.Regexp(t, `−2[0-9.]+ % \[−2[0-9.]+ %, −2[0-9.]+ %\]`, section, "throughput ratio − 1")
	require.Regexp(t, `\+1[0-9.]+ % \[\+1[0-9.]+ %, \+1[0-9.]+ %\]`, section)
	require.Contains(t, section, "no change shown beyond the margin")
}

func TestAnUnfitComparisonClaimsNothing(t *testing.T) {
	run := compared()
	o := &run.Features[len(run.Features)-1].Scenarios[1].Objectives[1]
	o.Verdict, o.Value, o.Low, o.High = objective.Unfit, nil, nil, nil
	section := part(plainly(drawn(t, run, trusted())), "against")
	require.Contains(t, section, "4 comparisons: 0 slower, 1 faster, 2 with no change shown beyond the margin, 1 not judged")
	require.Contains(t, section, `unfit</span><span class="sub">nothing is claimed</span>`)
	require.NotContains(t, section, `<ol class="diff"`)
}

func TestASlowerQueryStandsBesideItsPlan(t *testing.T) {
	section := part(plainly(drawn(t, compared(), trusted())), "against")
	diff := strings.Index(section, `<ol class="diff"`)
	require.Positive(t, diff)
	require.Less(t, diff, strings.Index(section, "Every comparison"), "before anything that did not get slower")
	require.Regexp(t, `<li class="gone"><span class="pm" aria-hidden="true">−</span><span class="word">before</span><code>  Index Scan using ticks_p\*_pkey`, section)
	require.Regexp(t, `<li class="come"><span class="pm" aria-hidden="true">\+</span><span class="word">now</span><code>    Seq Scan on ticks_p\*`, section)
	require.NotContains(t, section, "bars_pkey", "a plan that did not change explains nothing")
	require.Contains(t, string(report.Summary(compared(), trusted())), "````diff\n  Limit\n-   Index Scan using ticks_p*_pkey")
}

func TestAComparisonOfVersionsHasAHeadlineOfItsOwn(t *testing.T) {
	without := func(verdicts ...objective.Verdict) evidence.Run {
		run := compared()
		last := &run.Features[len(run.Features)-1]
		var kept []evidence.Scenario
		for _, s := range last.Scenarios {
			drop := false
			for _, o := range s.Objectives {
				for _, v := range verdicts {
					drop = drop || o.Verdict == v
				}
			}
			if !drop {
				kept = append(kept, s)
			}
		}
		last.Scenarios = kept
		run.Queries = nil
		return judged(run)
	}
	for want, run := range map[string]evidence.Run{
		"Nothing is shown to be more than 5 % slower than origin/main: the one comparison holds":            without(objective.Fail, objective.Inconclusive),
		"Nothing is shown to be more than 5 % slower than origin/main, but 1 of 2 comparisons is undecided": without(objective.Fail),
		"This change makes it worse: 1 of 4 comparisons with origin/main fails":                             compared(),
	} {
		require.Contains(t, plainly(drawn(t, run, trusted())), "<span>"+want+"</span></h1>")
	}
}

// alone is a run of one comparison for each ratio, judged by the targets in turn.
func alone(ratios []float64, targets ...string) evidence.Run {
	run := compared()
	run.Queries = nil
	var scenarios []evidence.Scenario
	for i, ratio := range ratios {
		pairs := experiment("answers/s", 4100, ratio, .008, 40, false)
		id, name := fmt.Sprintf("SLO-REGRESSION-0%d", i+1), fmt.Sprintf("measure %d", i+1)
		scenarios = append(scenarios, scenario(id, "One of several", "A rule", measure.Value{Name: name, Pairs: &pairs}).
			holds(name, targets[i%len(targets)]).done())
	}
	run.Features[len(run.Features)-1] = feature("regression", "@regression", "A change makes nothing noticeably slower", "", scenarios...)
	return judged(run)
}

func TestNoMoreIsSaidOfAChangeThanWasShown(t *testing.T) {
	same := alone([]float64{1}, "at least 95 % of baseline")
	same.Program.SHA256 = same.Against.Program.SHA256
	for want, run := range map[string]evidence.Run{
		"Nothing is shown to be more than 5 % slower than origin/main: the one comparison holds":                                         alone([]float64{.973}, "at least 95 % of baseline"),
		"Nothing is shown to be more than 7.5 % slower than origin/main: all 2 comparisons hold":                                         alone([]float64{.973, 1}, "at least 92.5 % of baseline"),
		"Nothing is shown to be slower than origin/main: the one comparison holds":                                                       alone([]float64{1.1}, "at least 1 × baseline"),
		"Nothing is shown to be slower than origin/main by more than was allowed: all 2 comparisons hold":                                alone([]float64{1, 1}, "at least 95 % of baseline", "at least 90 % of baseline"),
		"Nothing is shown to be slower than origin/main by more than was allowed: the one comparison holds":                              alone([]float64{1.5}, "at least 30 % faster than baseline"),
		"Nothing is shown to be more than 5 % slower than origin/main: the one comparison holds, and both programs are one and the same": judged(same),
	} {
		require.Contains(t, plainly(drawn(t, run, trusted())), "<span>"+want+"</span></h1>")
	}
}

func TestOnlyWhatLiesBeyondTheMarginIsCalledSlowerOrFaster(t *testing.T) {
	small := part(plainly(drawn(t, alone([]float64{.973, 1.03, 1}, "at least 95 % of baseline"), trusted())), "against")
	require.Regexp(t, `−2\.[0-9] % \[−[23]\.[0-9] %, −[12]\.[0-9] %\]`, small, "an interval that excludes no change")
	require.Contains(t, small, "3 comparisons: 0 slower, 0 faster, 3 with no change shown beyond the margin")
	require.NotContains(t, small, `<span class="sub">slower`)
	large := part(plainly(drawn(t, alone([]float64{.8, 1.2, 1}, "at least 95 % of baseline"), trusted())), "against")
	require.Contains(t, large, "3 comparisons: 1 slower, 1 faster, 1 with no change shown beyond the margin")
	short := part(plainly(drawn(t, alone([]float64{1.1}, "at least 30 % faster than baseline"), trusted())), "against")
	require.Contains(t, short, "1 comparison: 0 slower, 0 faster, 1 with", "a gain that falls short of its target is no loss")

	noisy := alone([]float64{1.08}, "at least 95 % of baseline")
	require.Contains(t, part(plainly(drawn(t, noisy, trusted())), "against"), "0 slower, 1 faster")
	fitness := noisy.Features[len(noisy.Features)-1].Scenarios[0].Measures[0].Pairs.Fitness
	for i := range fitness.B {
		fitness.B[i] = fitness.A[i] * []float64{.9, 1.1}[i%2]
	}
	require.Contains(t, part(plainly(drawn(t, judged(noisy), trusted())), "against"), "0 faster", "twice the noise of the machine")
}

func TestPlansOfOneSideAreShownAndUnchangedOnesFold(t *testing.T) {
	one := part(plainly(drawn(t, charted(), trusted())), "queries")
	require.Contains(t, one, "<p>2 queries</p>")
	require.Contains(t, one, `<pre class="plan">Limit  (about 1 rows expected, 1 came)`)
	require.Contains(t, one, "<summary>SQL</summary>")
	require.NotContains(t, one, `class="diff"`)
	both := part(plainly(drawn(t, compared(), trusted())), "queries")
	require.Contains(t, both, "<p>2 queries, 1 plan changed</p>")
	require.Contains(t, both, "daily bars</span> <span class=\"mono dim\">SLO-REGRESSION-02</span> <span class=\"dim\">· the same plan on both sides</span>")
	require.NotContains(t, both, `class="plan"`, "the plans of both sides are folded")
	same := compared()
	same.Queries = same.Queries[2:]
	require.Contains(t, part(plainly(drawn(t, same, trusted())), "queries"), "<p>1 query, no plan changed</p>")
	alone := compared()
	alone.Queries = alone.Queries[1:]
	require.Contains(t, part(plainly(drawn(t, alone, trusted())), "queries"), "asked by the current version alone")
}

func TestARunThatComparesNothingHasNoSuchSection(t *testing.T) {
	page := drawn(t, sample(), trusted())
	for _, id := range []string{"against", "queries", "charts"} {
		require.Empty(t, part(page, id))
	}
	require.NotContains(t, page, "Compared with")
}
