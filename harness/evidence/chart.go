package evidence

import (
	"errors"
	"fmt"
	"math"
)

// Chart is a picture's worth of figures that no single measure holds: a ladder
// of methods, a sweep over sizes, a rising load. It shows; no verdict rests on
// it.
type Chart struct {
	Scenario string `json:"scenario"` // its id
	// Kind says how it is drawn: ChartBars, over named places, or ChartCurve,
	// over numbers.
	Kind  string `json:"kind"`
	Title string `json:"title"`
	X     Axis   `json:"x"`
	Y     Axis   `json:"y"`
	Lines []Line `json:"lines"`
	// Marks are places on the X axis worth a word: a knee, a recommendation.
	Marks []Mark `json:"marks,omitempty"`
	// Says are findings in full sentences, in order.
	Says []string `json:"says,omitempty"`
}

// The kinds of charts.
const (
	ChartBars  = "bars"
	ChartCurve = "curve"
)

// Axis is one direction of a chart.
type Axis struct {
	Name string `json:"name"`
	Unit string `json:"unit,omitempty"`
	// Log says that equal steps are equal ratios.
	Log bool `json:"log,omitempty"`
}

// Line is one series of a chart. Lines of one Group belong together, such as
// the methods of one system, and share a panel.
type Line struct {
	Name   string  `json:"name"`
	Group  string  `json:"group,omitempty"`
	Points []Point `json:"points"`
}

// Point is one figure of a line. Low and High are its interval, if it has one.
type Point struct {
	X float64 `json:"x"`
	// Place names X where a chart has bars.
	Place string   `json:"place,omitempty"`
	Y     float64  `json:"y"`
	Low   *float64 `json:"low,omitempty"`
	High  *float64 `json:"high,omitempty"`
}

// Mark is a place on the X axis of a chart with a word about it.
type Mark struct {
	X    float64 `json:"x"`
	Says string  `json:"says"`
}

// wrongCharts finds the charts of no scenario that ran, and those that nobody
// can draw. A scenario that broke may have measured some of a chart.
func wrongCharts(run *Run) []error {
	scenarios := scenariosOf(run)
	var found []error
	for i, c := range run.Charts {
		if err := ran(scenarios, c.Scenario, "a chart"); err != nil {
			found = append(found, err)
			continue
		}
		for _, err := range c.faults() {
			found = append(found, fmt.Errorf("chart %d, %q of %s: %w", i+1, c.Title, c.Scenario, err))
		}
	}
	return found
}

func (c Chart) faults() []error {
	var found []error
	if c.Kind != ChartBars && c.Kind != ChartCurve {
		found = append(found, fmt.Errorf("its kind is %q, neither %s nor %s", c.Kind, ChartBars, ChartCurve))
	}
	if c.Title == "" {
		found = append(found, errors.New("it has no title"))
	}
	points := 0
	for _, l := range c.Lines {
		points += len(l.Points)
		for n, p := range l.Points {
			if err := p.fault(c.Kind); err != nil {
				found = append(found, fmt.Errorf("point %d of line %q: %w", n+1, l.Name, err))
			}
		}
	}
	if points == 0 {
		found = append(found, errors.New("it shows no point"))
	}
	for _, m := range c.Marks {
		if !finite(m.X) || m.Says == "" {
			found = append(found, fmt.Errorf("its mark at %v, %q, is no place with a word about it", m.X, m.Says))
		}
	}
	return found
}

func (p Point) fault(kind string) error {
	switch {
	case !finite(p.X) || !finite(p.Y):
		return fmt.Errorf("%v, %v is no pair of numbers", p.X, p.Y)
	case kind == ChartBars && p.Place == "":
		return errors.New("a bar needs a place")
	case p.Low != nil && !finite(*p.Low) || p.High != nil && !finite(*p.High):
		return errors.New("an end of its interval is no number")
	case p.Low != nil && p.High != nil && *p.Low > *p.High:
		return fmt.Errorf("its interval from %v to %v ends before it begins", *p.Low, *p.High)
	}
	return nil
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
