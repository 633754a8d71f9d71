package evidence

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
