package report_test

import (
	"fmt"
	"html"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
)

// passages is the section of the page that tells them, and nothing without one.
func passages(t *testing.T, told ...evidence.Passage) string {
	t.Helper()
	run := sample()
	run.Passages = told
	page := html.UnescapeString(drawn(t, run, trusted()))
	_, part, found := strings.Cut(page, `id="passages"`)
	if !found {
		return ""
	}
	part, _, _ = strings.Cut(part, "</section>")
	return strings.ReplaceAll(part, "\u00a0", " ")
}

func TestEveryStepOfAPassageStandsOnThePage(t *testing.T) {
	for _, p := range []evidence.Passage{thereAndBack(), badDay()} {
		t.Run(p.Title, func(t *testing.T) {
			part := passages(t, p)
			require.Contains(t, part, "<h3>"+p.Title+"</h3>")
			rows := regexp.MustCompile(`(?s)<tr role="row"><th scope="row".*?</tr>`).FindAllString(part, -1)
			require.Len(t, rows, len(p.Steps))
			for i, s := range p.Steps {
				require.Contains(t, rows[i], fmt.Sprintf("%d → %d<", s.From, s.To))
				require.Contains(t, rows[i], `data-l="Stored">`+report.Count(s.Acknowledged)+"<")
				require.Contains(t, rows[i], `data-l="Locks">`+report.Number(s.ExclusiveMS)+" ms<")
				require.Contains(t, rows[i], `data-l="Longest pause">`+report.Number(s.StallMS)+" ms<")
				require.Equal(t, s.Killed != "", strings.Contains(rows[i], " lost</span>"), "what became of the prices is said after a kill, and nowhere else")
			}
			require.Equal(t, 3*len(p.Steps), strings.Count(part, `<rect class="bar"`), "three bars for each step")
			require.Equal(t, 3*len(p.Steps), strings.Count(part, `<line class="stair"`))
		})
	}
}

func TestAPassageIsToldInOneSentence(t *testing.T) {
	step := func(from, to int64) evidence.PassageStep {
		return evidence.PassageStep{From: from, To: to, Seconds: 1, Acknowledged: 100}
	}
	killed := func(who string, lost int64) evidence.PassageStep {
		return evidence.PassageStep{From: 1, To: 2, Seconds: 1, Killed: who, Lost: lost}
	}
	tests := map[string]struct {
		steps []evidence.PassageStep
		want  string
	}{
		"there":                        {[]evidence.PassageStep{step(1, 2), step(2, 3)}, "2 steps, version 1 → 3, in 2 s. 200 prices stored meanwhile."},
		"there and back":               {[]evidence.PassageStep{step(1, 2), step(2, 3), step(3, 2)}, "3 steps, version 1 → 3 → 2, in 3 s. 300 prices stored meanwhile."},
		"to and fro":                   {[]evidence.PassageStep{step(1, 2), step(2, 1), step(1, 2), step(2, 1)}, "4 steps, between versions 1 and 2, in 4 s. 400 prices stored meanwhile."},
		"one kill":                     {[]evidence.PassageStep{killed("server", 0)}, "1 step, version 1 → 2, in 1 s. 0 prices stored meanwhile; server killed once, nothing lost."},
		"two kills and a loss":         {[]evidence.PassageStep{killed("server", 1), killed("migrator", 2)}, "server killed once, migrator once, 3 lost."},
		"a loss without a known cause": {[]evidence.PassageStep{killed("", 2)}, "nothing killed, 2 lost."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, passages(t, evidence.Passage{Scenario: "SLO-ROLL-01", Title: "A way", Steps: test.steps}), test.want)
		})
	}
}

func TestAKillIsMarked(t *testing.T) {
	part := passages(t, badDay())
	require.Equal(t, 2, strings.Count(part, `<circle class="kill"`))
	require.Equal(t, 1, strings.Count(part, `<circle class="kill-lost"`), "after one of them prices are missing")
	require.Contains(t, part, `<use href="#m-fail"/></svg>2 lost</span>`)
	require.Equal(t, 2, strings.Count(part, `<use href="#m-pass"/></svg>nothing lost</span>`))
	quiet := passages(t, thereAndBack())
	require.NotContains(t, quiet, `class="kill`)
	require.NotContains(t, quiet, "Killed in the middle", "a column without anything in it")
	require.Contains(t, part, "Killed in the middle")
}

func TestNoPassageNoSection(t *testing.T) {
	require.Empty(t, passages(t))
	require.Empty(t, passages(t, evidence.Passage{Scenario: "SLO-ROLL-01", Title: "Nothing was done"}))
	require.NotContains(t, string(report.Summary(passing(), trusted())), "The way there and back")
}

func TestNoPassageIsTooOddToDraw(t *testing.T) {
	many := evidence.Passage{Title: "Long", Scenario: "SLO-ROLL-01"}
	for i := range int64(300) {
		many.Steps = append(many.Steps, evidence.PassageStep{From: i, To: i + 1, Name: "step", Seconds: float64(i), StallMS: 1e6})
	}
	tests := map[string]evidence.Passage{
		"hundreds of versions":   many,
		"versions far apart":     {Steps: []evidence.PassageStep{{From: math.MinInt64, To: math.MaxInt64}}},
		"steps that do not join": {Steps: []evidence.PassageStep{{From: 1, To: 2}, {From: 5, To: 4}}},
		"a step in place":        {Steps: []evidence.PassageStep{{From: 3, To: 3}}},
		"figures below zero":     {Steps: []evidence.PassageStep{{From: 1, To: 2, Seconds: -1, ExclusiveMS: -1, StallMS: -1}}},
		"figures beyond reason":  {Steps: []evidence.PassageStep{{From: 1, To: 2, Seconds: math.MaxFloat64, ExclusiveMS: math.MaxFloat64, StallMS: 1e-300}}},
	}
	for name, p := range tests {
		t.Run(name, func(t *testing.T) {
			part := passages(t, p)
			require.NotEmpty(t, part)
			require.NotRegexp(t, `NaN|Inf`, part)
			for _, at := range regexp.MustCompile(` (?:height|width|y|y1|y2|cy)="(-?[0-9.e]+)%?"`).FindAllStringSubmatch(part, -1) {
				require.NotContains(t, at[1], "e", "%s is no place", at[0])
				require.LessOrEqual(t, len(at[1]), 7, "%s lies off the page", at[0])
			}
		})
	}
}

func TestTheSummaryHasALineForEveryPassage(t *testing.T) {
	text := strings.ReplaceAll(string(report.Summary(sample(), trusted())), "\u00a0", " ")
	require.Contains(t, text, "## The way there and back\n\n- **Every step forward and back** (SLO-ROLL-01): 12 steps, version 1 → 7 → 1, in 25 s; "+
		"locks that stop writers 93.9 ms in sum, longest pause in storing 213 ms; 2,486 prices stored meanwhile.\n- **The bad day** (SLO-ROLL-01): 4 steps, version 3 → 4 → 3 → 5, in 39 s; ")
	require.Contains(t, text, "; server killed twice, migrator once, 2 lost.\n")
}
