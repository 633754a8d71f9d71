package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/objective"
	"github.com/signoff-dev/signoff/harness/report"
)

// past is a made-up history of n runs: inserts become 15 % slower two thirds of
// the way, a limit is raised early, one run is unfit, one loses a price.
func past(n int) baseline.Reading {
	coin := rand.New(rand.NewPCG(4, 4))
	var r baseline.Reading
	for i := range n {
		at := time.Date(2026, 9, 28, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * 33 * time.Hour)
		ratio, limit := 1.62*(1+.02*coin.NormFloat64()), 1.25
		if i >= 2*n/3 {
			ratio *= .85
		}
		if i >= n/4 {
			limit = 1.3
		}
		low, high, lost, all := ratio*.97, ratio*1.03, float64(i/(n-1)*3), 100.0
		inserts := baseline.Figure{
			Measure: "insert throughput", Kind: baseline.Ratio, Unit: objective.Ratio, Better: baseline.More,
			Value: &ratio, Low: &low, High: &high, Samples: 20, SampleUnit: "pairs", Verdict: objective.Pass,
			Promises: []baseline.Promise{
				{Target: "at least 30 % faster than baseline", Bound: objective.AtLeast, Limit: limit, Gating: true, Verdict: objective.Pass},
				{Target: "should be 80 % faster than baseline", Bound: objective.AtLeast, Limit: 1.8, Verdict: objective.Fail},
			},
		}
		if i == n/5 {
			inserts.Value, inserts.Low, inserts.High, inserts.Verdict = nil, nil, nil, objective.Unfit
		}
		count := func(name, unit string, value *float64, bound objective.Bound, limit float64) baseline.Figure {
			verdict := objective.Pass
			if bound == objective.Exactly && *value != limit {
				verdict = objective.Fail
			}
			return baseline.Figure{
				Measure: name, Kind: baseline.Share, Unit: unit, Better: baseline.Less, Value: value, Samples: 12000, Verdict: verdict,
				Promises: []baseline.Promise{{Target: "a <target>", Bound: bound, Limit: limit, Gating: true, Verdict: verdict}},
			}
		}
		r.Entries = append(r.Entries, baseline.Entry{
			Format: baseline.Format, Run: fmt.Sprintf("run-%d", i), Started: at, Service: "marketd", Profile: "pr", Outcome: "PASSED",
			Commit:      baseline.Commit{SHA: sha(i), Subject: "Change <b>it</b>", Dirty: i == n-1},
			Environment: baseline.Environment{ID: "b77349bf1fa9", Says: "2 cores"},
			Scenarios: []baseline.Scenario{{ID: "SLO-A-01", Title: "One <writer>", Situation: "a", Figures: []baseline.Figure{
				inserts, count("prices lost", "", &lost, objective.Exactly, 0), count("prices delivered", "%", &all, objective.AtLeast, 99.99),
			}}},
		})
	}
	r.Faults = []baseline.Fault{{Place: "2026-10.jsonl line 3", Reason: "it is <no> JSON"}}
	return r
}

func sha(nth int) string { return fmt.Sprintf("%07x", 0xabcdef0+nth) + strings.Repeat("0", 33) }

func trendOf(t *testing.T, n int) baseline.Trend {
	t.Helper()
	trend, err := baseline.TrendOf(past(n), baseline.View{})
	require.NoError(t, err)
	return trend
}

func trendDrawn(t *testing.T, n int) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, report.TrendPage(&b, trendOf(t, n)))
	return b.String()
}

func TestTheTrendNeedsNothingFromOutside(t *testing.T) {
	for _, n := range []int{2, 12, 40, 200} {
		page := trendDrawn(t, n)
		require.NotRegexp(t, `(?i)<script|<link|<img|<iframe|<object|<embed|<base|javascript:|@import|url\(|srcset|\son[a-z]+=|https?://`, page)
		require.NotRegexp(t, `\sstyle="`, page, "the policy forbids inline styles")
		require.NotRegexp(t, `NaN|Inf|<writer>|<b>it|<no>|a <target>`, page)
		css := page[strings.Index(page, "<style>")+len("<style>") : strings.Index(page, "</style>")]
		sum := sha256.Sum256([]byte(css))
		require.Contains(t, html.UnescapeString(page), "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		ids := map[string]int{}
		for _, at := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			ids[at[1]]++
			require.Equal(t, 1, ids[at[1]], "id %s is taken twice", at[1])
		}
		for _, at := range regexp.MustCompile(`(?:href="#|aria-labelledby=")([^"]*)"`).FindAllStringSubmatch(page, -1) {
			for _, id := range strings.Fields(at[1]) {
				require.Equal(t, 1, ids[id], "nothing has the id %s", id)
			}
		}
	}
}

func TestTheTrendShowsRunsLimitsAndChanges(t *testing.T) {
	page := html.UnescapeString(trendDrawn(t, 40))
	require.Contains(t, page, "3\u00a0measures over 40\u00a0runs: 1\u00a0change for the worse")
	chart := page[strings.Index(page, `class="trend"`):]
	chart = chart[:strings.Index(chart, "</svg></div>")]
	require.Equal(t, 39, strings.Count(chart, "<circle"), "every run with a figure is a dot")
	require.Equal(t, 1, strings.Count(chart, `class="v-unfit"`), "the one without is its verdict")
	require.Equal(t, 1, strings.Count(chart, `class="other"`), "a dirty tree is hollow")
	require.Equal(t, 2, strings.Count(chart, `class="lim"`), "the limit as it was, and as it is")
	require.Equal(t, 1, strings.Count(chart, `class="wish"`))
	require.Equal(t, 1, strings.Count(chart, `class="shift"`))
	require.Contains(t, chart, "▼ 16\u00a0% slower")
	axis := chart[strings.Index(chart, `class="sha`):strings.Index(chart, `class="thread"`)]
	require.NotContains(t, axis, sha(39)[:7], "the commit of the change has the room")
	for _, run := range []int{0, 26} { // the first and that of the change
		require.Contains(t, axis, sha(run)[:7])
	}
	require.Contains(t, page, "Never moved")
	require.Contains(t, page, "at least\u00a099.99\u00a0%")
	require.Contains(t, page, "Not read: 2026-10.jsonl line 3")
	require.Contains(t, page, "A change is advice, not a verdict")
}

func TestTheTrendIsToldOnATerminal(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.TrendText(&b, trendOf(t, 40)))
	said := b.String()
	require.Contains(t, said, "3 measures over 40 runs: 1 change for the worse\n")
	require.Regexp(t, `insert throughput +[▁▂▃▄▅▆▇█]{8}·[▁▂▃▄▅▆▇█]{31}  1\.\d\d × \[1\.\d\d, 1\.\d\d\] +at least 1\.3 × +pass`, said)
	require.Regexp(t, `    ▼ worse, 16 % slower: 1\.6\d → 1\.3\d × since abcdf0a of 3 Nov`, said)
	require.Regexp(t, `prices lost +▁{39}█  3 `, said)
	require.Contains(t, said, "not read: 2026-10.jsonl line 3: it is <no> JSON\n")
	require.NotContains(t, said, "\u00a0")
	for line := range strings.Lines(said) {
		require.NotRegexp(t, ` \n$`, line)
	}
	b.Reset()
	require.NoError(t, report.TrendText(&b, trendOf(t, 5)))
	require.Contains(t, b.String(), "SLO-A-01 insert throughput: 4 runs with a figure; a change is looked for from 10 on.")
}

func TestAComparisonIsToldOnATerminal(t *testing.T) {
	r := past(40)
	var b bytes.Buffer
	c := baseline.Compare(r.Entries[20], r.Entries[39], baseline.Terms{})
	c.Before.Asked = "main"
	require.NoError(t, report.ComparisonText(&b, c))
	said := b.String()
	require.Regexp(t, `(?m)^before  main +run-20  [0-9a-f]{7} `, said)
	require.Regexp(t, `(?m)^fail +SLO-A-01  insert throughput .* 1\d % slower \[−\d+\.?\d*, −\d.*  pass$`, said)
	require.Regexp(t, `(?m)^\(inconclusive\)  SLO-A-01  prices lost +0 +3 +– +pass → fail$`, said)
	require.NotContains(t, said, "The plan of")
	require.Regexp(t, `(?m)^SLO-A-01 insert throughput: The change lies from \d+ % slower to`, said)
	require.True(t, strings.HasSuffix(said, "1 of 1 gating measure became slower: SLO-A-01 insert throughput.\n"), said)

	r.Entries[39].Environment.ID = "0123456789ab"
	b.Reset()
	require.NoError(t, report.ComparisonText(&b, baseline.Compare(r.Entries[20], r.Entries[39], baseline.Terms{})))
	require.Contains(t, b.String(), "unfit")
	require.Contains(t, b.String(), "different environments: b77349bf1fa9 (2 cores) and 0123456789ab")
}

func TestNoPassStandsBesideABrokenPromise(t *testing.T) {
	r := past(40)
	was, is := r.Entries[10], r.Entries[11]
	lost := &is.Scenarios[0].Figures[1]
	lost.Verdict, lost.Promises[0].Verdict, lost.Promises[0].Target = objective.Fail, objective.Fail, "exactly 7"
	is.Against = &baseline.Against{Ref: "v1.4", Commit: baseline.Commit{SHA: sha(3)}}
	was.Against = is.Against
	was.Queries = []baseline.Query{{Scenario: "SLO-A-01", Name: "latest price", Arm: "current", Shape: []string{"Limit", "  Index Scan"}}}
	is.Queries = []baseline.Query{{Scenario: "SLO-A-01", Name: "latest price", Arm: "current", Shape: []string{"Limit", "  Seq Scan"}}}
	var b bytes.Buffer
	require.NoError(t, report.ComparisonText(&b, baseline.Compare(was, is, baseline.Terms{})))
	said := b.String()
	require.Regexp(t, `(?m)^\(no worse\) +SLO-A-01  prices lost +0 +0 +– +pass → fail$`, said)
	require.NotContains(t, said, "prices delivered")
	require.Contains(t, said, "\nnot listed: 1 figure the same in both runs\n")
	require.Contains(t, said, "SLO-A-01 prices lost: the later run breaks its promise, exactly 7; the earlier run was held to another, a <target>.\n")
	require.Equal(t, 2, strings.Count(said, "against v1.4 ("+sha(3)[:7]+")"))
	require.Contains(t, said, "\n\nThe plan of latest price (SLO-A-01, current) changed:\n    Limit\n  -   Index Scan\n  +   Seq Scan\nA plan that changed decides nothing by itself.\n\n")
}

func TestWhatManyMeasuresHaveInCommonIsSaidOnce(t *testing.T) {
	r := past(40)
	was, is := r.Entries[10], r.Entries[11]
	is.Against = &baseline.Against{Ref: "v1.4", Commit: baseline.Commit{SHA: sha(3)}}
	var b bytes.Buffer
	require.NoError(t, report.ComparisonText(&b, baseline.Compare(was, is, baseline.Terms{})))
	require.Contains(t, b.String(), "\nSLO-A-01 insert throughput, SLO-A-01 prices lost, and 1 more: The earlier run compared with no other version and the later one with v1.4 (")
}
