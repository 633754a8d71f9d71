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

// charts is the section of the page that draws them, and nothing without one.
func charts(t *testing.T, drawnOnes ...evidence.Chart) string {
	t.Helper()
	run := sample()
	run.Charts = drawnOnes
	return part(html.UnescapeString(drawn(t, run, trusted())), "charts")
}

func TestEveryFigureOfAChartStandsInItsTable(t *testing.T) {
	for _, c := range []evidence.Chart{ladder(), sweep(), rising()} {
		t.Run(c.Title, func(t *testing.T) {
			section := charts(t, c)
			require.Contains(t, section, "<h3>"+c.Title+"</h3>")
			_, table, found := strings.Cut(section, "Show as table")
			require.True(t, found)
			for _, l := range c.Lines {
				require.Contains(t, table, l.Name)
				for _, p := range l.Points {
					if p.Low == nil {
						require.Contains(t, table, "<td>"+report.Number(p.Y)+"</td>")
					} else {
						s := report.Alike("", p.Y, *p.Low, *p.High)
						require.Contains(t, table, fmt.Sprintf("<td>%s [%s, %s]</td>", s[0], s[1], s[2]))
					}
				}
			}
			for _, says := range c.Says {
				require.Contains(t, section, "<li>"+says+"</li>")
			}
			for _, m := range c.Marks {
				require.Contains(t, section, ">"+m.Says+"</text>")
			}
		})
	}
}

func TestGroupsArePanelsWithOneAxis(t *testing.T) {
	section := charts(t, ladder())
	panels := strings.Split(section, `<div class="panel">`)[1:]
	require.Len(t, panels, 3)
	ticks := regexp.MustCompile(`<text class="mid"[^>]*>[^<]*</text>`)
	for i, name := range []string{"Baseline", "Current", "Through the service"} {
		require.Contains(t, panels[i], `<p class="pn-t">`+name+`</p>`)
		require.Equal(t, ticks.FindAllString(panels[0], -1), ticks.FindAllString(panels[i], -1), "the panels cannot be compared")
		require.Equal(t, 1, strings.Count(panels[i], ">one transaction</text>"), "a place without a figure keeps its row")
	}
	require.Contains(t, panels[0], "g-base")
	require.NotContains(t, panels[1]+panels[2], "g-base", "grey is the baseline alone")
	require.Contains(t, panels[2], ">–</text>", "and says that it has none")
}

func TestAPanelWithPlacesOfItsOwnHasOnlyThose(t *testing.T) {
	c := ladder()
	c.Lines = c.Lines[:6]
	c.Lines = append(c.Lines, evidence.Line{Name: "batches of 10", Group: "through the service", Points: []evidence.Point{{X: -1, Place: "service", Y: 900}}})
	panels := strings.Split(charts(t, c), `<div class="panel">`)[1:]
	require.Len(t, panels, 3)
	require.NotContains(t, panels[0]+panels[1], ">service</text>")
	require.Contains(t, panels[2], ">service</text>")
	require.NotContains(t, panels[2], ">COPY</text>")
}

func TestPlacesStandInTheOrderOfTheirAxis(t *testing.T) {
	c := bars(5, 6, 7)
	c.Lines[0].Points[0].X = 9
	section := charts(t, c)
	require.Less(t, strings.Index(section, ">place 2</text>"), strings.Index(section, ">place 0</text>"))
}

func TestNothingOnARatioScaleIsABar(t *testing.T) {
	require.NotContains(t, charts(t, ladder()), `class="solid"`)
	plain := bars(12, 30, 7)
	section := charts(t, plain)
	require.Equal(t, 3, strings.Count(section, `<rect class="solid" x="0%"`), "bars start at zero")
	require.Contains(t, section, `width="75%"`, "30 of 40")
}

func TestLinesAreToldApartWithoutColour(t *testing.T) {
	section := charts(t, sweep())
	for _, name := range []string{"8 clients", "32 clients", "128 clients"} {
		require.Contains(t, section, ">"+name+"</text>", "a line has its name at its end")
	}
	require.Equal(t, 7, strings.Count(section, `<circle class="sh"`), "seven sizes of the pool")
	require.Equal(t, 7, strings.Count(section, `<rect class="sh"`))
	require.Equal(t, 7, strings.Count(section, `<polygon class="sh"`))
	legend := charts(t, ladder())
	require.Equal(t, 3, strings.Count(legend, `<svg class="key"`))
}

func TestALongNameStandsInTwoRows(t *testing.T) {
	section := charts(t, rising())
	require.Regexp(t, `y="([0-9.]+)">prices stored</text><text class="t-ink" x="12" y="[0-9.]+">in time</text>`, section)
}

func TestNamesOfLinesDoNotOverlap(t *testing.T) {
	c := evidence.Chart{Scenario: "SLO-INGEST-01", Kind: evidence.ChartCurve, Title: "Close"}
	for i := range 9 {
		c.Lines = append(c.Lines, evidence.Line{Name: fmt.Sprintf("line %d", i), Points: []evidence.Point{{X: 1, Y: 1}, {X: 2, Y: 10 + float64(i)/100}}})
	}
	at := regexp.MustCompile(`<text class="t-ink" x="12" y="([0-9.]+)">line`).FindAllStringSubmatch(charts(t, c), -1)
	require.Len(t, at, 9)
	before := -100.0
	for _, y := range at {
		var here float64
		_, err := fmt.Sscan(y[1], &here)
		require.NoError(t, err)
		require.GreaterOrEqual(t, here-before, 12.9)
		before = here
	}
}

func TestNoChartNoSection(t *testing.T) {
	require.Empty(t, charts(t))
	require.Empty(t, charts(t, evidence.Chart{Title: "Nothing measured", Kind: evidence.ChartBars}))
	require.Empty(t, charts(t, evidence.Chart{Title: "Nothing measured", Kind: evidence.ChartCurve, Lines: []evidence.Line{{Name: "empty"}}}))
}

func TestNoChartIsTooOddToDraw(t *testing.T) {
	long := evidence.Line{Name: "long"}
	for i := range 3000 {
		long.Points = append(long.Points, evidence.Point{X: float64(i), Y: float64(i % 7)})
	}
	line := func(points ...evidence.Point) []evidence.Line { return []evidence.Line{{Name: "a", Points: points}} }
	low, high := -1.0, math.MaxFloat64
	odd := map[string][]evidence.Line{
		"one point":               line(evidence.Point{X: 1, Y: 1}),
		"nothing but zero":        line(evidence.Point{}, evidence.Point{}),
		"figures below zero":      line(evidence.Point{X: -4, Y: -3}, evidence.Point{X: 2, Y: 5}),
		"figures beyond reason":   line(evidence.Point{X: math.MaxFloat64, Y: math.MaxFloat64}, evidence.Point{X: 1e-300, Y: 1e-300}),
		"an interval off scale":   line(evidence.Point{X: 1, Y: 2, Low: &low, High: &high}),
		"half an interval":        line(evidence.Point{X: 1, Y: 2, Low: &low}),
		"thousands of points":     {long},
		"points in any order":     line(evidence.Point{X: 4, Y: 1}, evidence.Point{X: 1, Y: 1}, evidence.Point{X: 4, Y: 2}),
		"the smallest of figures": line(evidence.Point{X: math.SmallestNonzeroFloat64, Y: math.SmallestNonzeroFloat64}),
	}
	for name, lines := range odd {
		for _, kind := range []string{evidence.ChartBars, evidence.ChartCurve, "unheard of"} {
			for _, log := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, log %v", name, kind, log), func(t *testing.T) {
					section := charts(t, evidence.Chart{
						Scenario: "SLO-INGEST-01", Kind: kind, Title: "Odd", X: evidence.Axis{Log: log}, Y: evidence.Axis{Log: log}, Lines: lines,
						Marks: []evidence.Mark{{X: 0, Says: "at zero"}, {X: -1, Says: "below"}, {X: math.MaxFloat64, Says: "beyond"}},
					})
					require.NotEmpty(t, section)
					require.NotRegexp(t, `NaN|Inf`, section)
					for _, at := range regexp.MustCompile(` (?:height|width|x1|x2|y|y1|y2|cy)="(-?[0-9.e]+)%?"`).FindAllStringSubmatch(section, -1) {
						require.LessOrEqual(t, len(at[1]), 7, "%s lies off the page", at[0])
					}
				})
			}
		}
	}
}

// bars is a chart of plain figures over places.
func bars(figures ...float64) evidence.Chart {
	c := evidence.Chart{Scenario: "SLO-INGEST-01", Kind: evidence.ChartBars, Title: "Bars", Y: evidence.Axis{Name: "speed"}, Lines: []evidence.Line{{Name: "speed"}}}
	for i, y := range figures {
		c.Lines[0].Points = append(c.Lines[0].Points, evidence.Point{X: float64(i), Place: fmt.Sprintf("place %d", i), Y: y})
	}
	return c
}
