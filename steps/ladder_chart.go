package steps

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
)

// The panels of the ladder.
const (
	before  = "baseline"
	after   = "current"
	through = "through the service"
)

// serviceBar is the only bar of the service, which picks its method itself.
const serviceBar = "service"

// ladder is the picture of the methods of one scenario: a panel for each
// system, a bar for each method and size of batch.
type ladder struct{ *evidence.Chart }

// ladder finds the picture of the scenario, or begins it.
func (w *world) ladder() ladder {
	for i, c := range w.bench.charts {
		if c.Scenario == w.record.ID {
			return ladder{&w.bench.charts[i]}
		}
	}
	w.bench.charts = append(w.bench.charts, evidence.Chart{
		Scenario: w.record.ID,
		Kind:     evidence.ChartBars,
		Title:    "The ladder of methods: prices a second on one connection",
		X:        evidence.Axis{Name: "method"},
		Y:        evidence.Axis{Name: "throughput", Unit: "prices/s", Log: true},
	})
	return ladder{&w.bench.charts[len(w.bench.charts)-1]}
}

// climb draws what both systems reached by each method, and the service, and
// says which came first: by rounds, in which all met the same machine.
func (l ladder) climb(size string, methods []string, rounds experiment.Rounds, service measure.Pairs) {
	var says []string
	for side, system := range []string{before, after} {
		place := func(method string) int { return 2*slices.Index(methods, method) + side }
		for _, method := range methods {
			l.draw(system, size, method, rounds.Rates[place(method)])
		}
		rate := func(method string) float64 { return quartiles(rounds.Rates[place(method)])[1] }
		best := slices.SortedStableFunc(slices.Values(methods), func(a, b string) int { return cmp.Compare(rate(b), rate(a)) })
		ahead, err := rounds.Pairs(place(best[1]), place(best[0])).Interval(1 - measure.Alpha)
		if err != nil || ahead.Low <= 1 {
			says = append(says, fmt.Sprintf("on the %s system %s and %s cannot be told apart (%s and %s prices/s)",
				system, best[0], best[1], rounded(rate(best[0])), rounded(rate(best[1]))))
			continue
		}
		says = append(says, fmt.Sprintf("on the %s system %s came first (%s prices/s, %.0f %% ahead of %s)",
			system, best[0], rounded(rate(best[0])), 100*(ahead.Estimate-1), best[1]))
	}
	l.Says = append(l.Says, fmt.Sprintf("Batches of %s: %s.", size, strings.Join(says, ", ")))
	l.through(size, service)
}

// through draws what the service reached, and says what it costs.
func (l ladder) through(size string, p measure.Pairs) {
	l.draw(through, size, serviceBar, p.Current)
	says := fmt.Sprintf("Through the service, batches of %s reach %s prices/s", size, rounded(quartiles(p.Current)[1]))
	if i, err := p.Interval(1 - measure.Alpha); err == nil {
		says += fmt.Sprintf(", %.0f %% of what the database takes without it (%.0f to %.0f %%)", 100*i.Estimate, 100*i.Low, 100*i.High)
	}
	l.Says = append(l.Says, says+".")
}

// gain says what batches are worth on the current system.
func (l ladder) gain(size string, p measure.Pairs) {
	if i, err := p.Interval(1 - measure.Alpha); err == nil {
		l.Says = append(l.Says, fmt.Sprintf("On the current system, batches of %s are stored %.1f × as fast as one price at a time (%.1f to %.1f).",
			size, i.Estimate, i.Low, i.High))
	}
}

// draw adds a bar: the median of the blocks, between their quartiles.
func (l ladder) draw(system, size, place string, figures []float64) {
	q := quartiles(figures)
	x := slices.Index(append(drive.Methods(0), serviceBar), place) + 1
	line := l.line(system, size)
	line.Points = append(line.Points, evidence.Point{X: float64(x), Place: place, Y: q[1], Low: &q[0], High: &q[2]})
}

// line finds the bars of one system and size of batch, or begins them.
func (l ladder) line(system, size string) *evidence.Line {
	name := "batches of " + size
	for i, line := range l.Lines {
		if line.Group == system && line.Name == name {
			return &l.Lines[i]
		}
	}
	l.Lines = append(l.Lines, evidence.Line{Name: name, Group: system})
	return &l.Lines[len(l.Lines)-1]
}

// quartiles are the first, the second (the median) and the third.
func quartiles(figures []float64) [3]float64 {
	sorted := slices.Sorted(slices.Values(figures))
	at := func(q float64) float64 {
		place := q * float64(len(sorted)-1)
		low := int(place)
		high := min(low+1, len(sorted)-1)
		return sorted[low] + (place-float64(low))*(sorted[high]-sorted[low])
	}
	return [3]float64{at(0.25), at(0.5), at(0.75)}
}

// rounded writes a rate with three significant digits.
func rounded(rate float64) string {
	if !(rate >= 1) {
		return strconv.FormatFloat(rate, 'g', 3, 64)
	}
	unit := math.Pow(10, max(0, math.Floor(math.Log10(rate))-2))
	digits := strconv.FormatFloat(math.Round(rate/unit)*unit, 'f', 0, 64)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
