package report_test

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/objective"
	"github.com/signoff-dev/signoff/harness/report"
)

// many is a history of n runs with the scenario that became slower behind
// others, which jitter without a change.
func many(n, others int) baseline.Reading {
	r := past(n)
	for i := range r.Entries {
		e := &r.Entries[i]
		slow := e.Scenarios[0]
		e.Scenarios = nil
		for s := range others {
			value := 10 + float64((i*7+s)%5)
			e.Scenarios = append(e.Scenarios, baseline.Scenario{ID: fmt.Sprintf("SLO-%d-01", s), Title: fmt.Sprintf("Day %d", s), Figures: []baseline.Figure{{
				Measure: "lag, p99", Kind: baseline.Percentile, Unit: "ms", Better: baseline.Less, Value: &value, Verdict: objective.Pass,
				Promises: []baseline.Promise{{Target: "at most 250 ms", Bound: objective.AtMost, Limit: 250, Gating: true, Verdict: objective.Pass}},
			}}})
		}
		slow.ID = "SLO-Z-01"
		e.Scenarios = append(e.Scenarios, slow)
	}
	return r
}

func pageOf(t *testing.T, r baseline.Reading) string {
	t.Helper()
	trend, err := baseline.TrendOf(r, baseline.View{})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, report.TrendPage(&b, trend))
	return html.UnescapeString(b.String())
}

func TestWhatChangedIsDrawnFirstAndTheRestByScenario(t *testing.T) {
	page := pageOf(t, many(30, 60))
	require.Equal(t, 61, strings.Count(page, `class="tr-group"`), "a scenario of which only a part changed is there again")
	require.Equal(t, 62, strings.Count(page, `class="trend"`))
	changed := strings.Index(page, `id="changes"`)
	others := strings.Index(page, `id="measures"`)
	moved := strings.Index(page, `insert throughput, × baseline`)
	require.True(t, changed < moved && moved < others, "%d %d %d", changed, moved, others)
	require.Contains(t, page, `<a href="#gt1">SLO-0-01</a>`)
	require.Contains(t, page, "Every other measure")
	require.Contains(t, page, "Of 62 series, as here, chance alone moves about 0.6: the smaller p, the surer.")
	require.NotContains(t, pageOf(t, many(30, 2)), "chance alone moves", "of a few none is to be expected")
}

func TestAChangeWithinOneCommitIsNotBlamedOnIt(t *testing.T) {
	r := past(30)
	require.NotContains(t, pageOf(t, r), "the same commit")
	r.Entries[19].Commit = r.Entries[20].Commit
	require.Contains(t, pageOf(t, r), "the run before: the same commit, so that it is not the cause")
	r.Entries[19].Commit.Dirty = true
	require.NotContains(t, pageOf(t, r), "the same commit", "a tree with changes is another one")
}

func TestNamesOfLimitsDoNotStandOnEachOther(t *testing.T) {
	r := past(30)
	for i := range r.Entries {
		f := &r.Entries[i].Scenarios[0].Figures[0]
		f.Promises = append(f.Promises, f.Promises[0], f.Promises[1])
		f.Promises[2].Limit, f.Promises[3].Limit = 1.31, 1.32
	}
	page := pageOf(t, r)
	chart := page[strings.Index(page, `class="trend"`):]
	chart = chart[:strings.Index(chart, "</svg></div>")]
	var heights []float64
	for _, found := range regexp.MustCompile(`y="([0-9.]+)"[^>]*>(?:[↑↓] )?(?:at least|wish)<`).FindAllStringSubmatch(chart, -1) {
		y, err := strconv.ParseFloat(found[1], 64)
		require.NoError(t, err)
		heights = append(heights, y)
	}
	require.Len(t, heights, 4)
	slices.Sort(heights)
	for i := 1; i < len(heights); i++ {
		require.GreaterOrEqual(t, heights[i]-heights[i-1], 26.0)
	}
	require.Less(t, heights[3], 160.0, "and stay above the floor")
}
