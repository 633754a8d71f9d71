package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/objective"
)

const (
	trendTop, trendFloor = 26.0, 160.0
	trendHeight          = 198
)

// trendChart is a measure over the runs under construction.
type trendChart struct {
	*drawing
	t      baseline.Trend
	s      baseline.Series
	bottom float64 // of the scale
	top    float64
	ticks  []float64
}

// drawTrend shows s over the runs of t: a dot for each run with its interval,
// the limits as they were, the level between changes, and the changes.
func drawTrend(id string, t baseline.Trend, s baseline.Series) template.HTML {
	c := trendChart{drawing: chart(id, "trend", trendHeight, s.Measure+", "+s.Title, trendSays(t, s)), t: t, s: s}
	c.scale()
	c.levels()
	c.limits()
	c.commits()
	c.thread()
	c.shifts()
	c.points()
	return c.done()
}

func trendSays(t baseline.Trend, s baseline.Series) string {
	at := latest(s)
	text := fmt.Sprintf("%s; newest %s; %s.", plural(len(s.Points), "run", "runs"), historyFigure(s.Unit, at.Value, at.Low, at.High), targetsSaid(s))
	for _, shift := range s.Shifts {
		text += " " + capital(shiftSentence(t, s, shift)) + "."
	}
	return text
}

// scale covers the figures, and the limits if the figures are not lost in the
// distance to them.
func (c *trendChart) scale() {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range c.s.Points {
		if p.Value != nil {
			low, high = min(low, *p.Value), max(high, *p.Value)
		}
	}
	if math.IsInf(low, 0) {
		low, high = 0, 1
	}
	spread := max(high-low, math.Abs(high)*.02, 1e-12)
	for _, p := range c.s.Points { // intervals, unless one of them is many times wider than all figures
		if p.Low != nil && *p.Low > low-spread && *p.High < high+spread {
			low, high = min(low, *p.Low), max(high, *p.High)
		}
	}
	for _, p := range c.s.Promises {
		if p.Limit > high && p.Limit < high+3*spread {
			high = p.Limit
		}
		if p.Limit < low && p.Limit > low-3*spread {
			low = p.Limit
		}
	}
	margin := max(high-low, math.Abs(high)*.02, 1e-12) * .08
	bottom := low - margin
	if low >= 0 {
		bottom = max(bottom, 0)
	}
	c.bottom, c.top, c.ticks = niceScale(bottom, high+margin, 4)
}

// niceScale covers low to high with about n steps of a round width.
func niceScale(low, high float64, n int) (bottom, top float64, ticks []float64) {
	step := axisFor(high-low, n).ticks[1]
	first, last := math.Floor(low/step+1e-9), math.Ceil(high/step-1e-9)
	for i := first; i <= last; i++ {
		ticks = append(ticks, i*step)
	}
	return ticks[0], ticks[len(ticks)-1], ticks
}

// x is the middle of a run's column, in per cent; y is the height of a figure.
func (c *trendChart) x(run int) float64 { return (float64(run) + .5) / float64(len(c.t.Runs)) * 100 }
func (c *trendChart) y(v float64) float64 {
	v = min(max(v, c.bottom), c.top)
	return trendFloor - (v-c.bottom)/(c.top-c.bottom)*(trendFloor-trendTop)
}

func (c *trendChart) levels() {
	said := alike(c.s.Unit, c.ticks...)
	for i, v := range c.ticks {
		if i > 0 {
			c.line("axis", "0", px(c.y(v)), "100%", px(c.y(v)))
		}
		if i < len(c.ticks)-1 || len(c.ticks) < 3 {
			c.text("e t-dim", "-8", px(c.y(v)+4), said[i])
			continue
		}
		c.text("e t-dim", "-8", px(c.y(v)+4), quantity(said[i], tickUnit(c.s.Unit)))
	}
}

// tickUnit is the unit at an axis, where only short ones fit.
func tickUnit(unit string) string {
	if unit = shortUnit(unit); len([]rune(unit)) <= 2 {
		return unit
	}
	return ""
}

// thread joins the figures, and draws the level on either side of each change.
func (c *trendChart) thread() {
	last := -1
	var at *float64
	for _, p := range c.s.Points {
		if p.Value == nil {
			continue
		}
		if at != nil {
			c.line("thread", pc(c.x(last)), px(c.y(*at)), pc(c.x(p.Run)), px(c.y(*p.Value)))
		}
		last, at = p.Run, p.Value
	}
	for _, s := range c.s.Shifts {
		edge := c.x(s.At) - c.half()
		c.line("level", pc(c.x(s.From)-c.half()), px(c.y(s.Before)), pc(edge), px(c.y(s.Before)))
		c.line("level", pc(edge), px(c.y(s.After)), pc(c.x(s.Until)+c.half()), px(c.y(s.After)))
	}
}

// shifts marks every change where it lies, and says how large it is.
func (c *trendChart) shifts() {
	for i, s := range c.s.Shifts {
		at := c.x(s.At) - c.half()
		c.line("shift", pc(at), px(trendTop-8), pc(at), px(trendFloor))
		class, offset := "t-ink mid", "0"
		switch {
		case at > 72:
			class, offset = "t-ink e", "5"
		case at < 28:
			class, offset = "t-ink", "-5"
		}
		mark := "▲ "
		if s.Worse {
			mark = "▼ "
		}
		y := 12.0
		if i%2 == 1 && len(c.s.Shifts) > 1 && s.At-c.s.Shifts[i-1].At < len(c.t.Runs)/3 {
			y = 24
		}
		c.within(pc(at), func() { c.text(class, offset, px(y), mark+shiftWords(c.s, s)) })
	}
}

// points draws the runs: a plain dot for a pass, the mark of the verdict for
// anything else, and at the floor where there is no figure.
func (c *trendChart) points() {
	for _, p := range c.s.Points {
		says := c.hover(p)
		if p.Value == nil {
			c.mark(p, trendFloor-7, says)
			continue
		}
		if p.Low != nil && p.High != nil {
			c.line("span", pc(c.x(p.Run)), px(c.y(*p.Low)), pc(c.x(p.Run)), px(c.y(*p.High)))
		}
		if len(c.s.Promises) > 0 && p.Verdict != objective.Pass && c.gates(p) {
			c.mark(p, c.y(*p.Value), says)
			continue
		}
		class := "pt"
		if c.t.Runs[p.Run].Commit.Dirty {
			class = "other"
		}
		c.open("circle", "class", class, "cx", pc(c.x(p.Run)), "cy", px(c.y(*p.Value)), "r", "3.5")
		c.words("title", says)
		c.close("circle")
	}
}

func (c *trendChart) gates(p baseline.Point) bool {
	return slices.ContainsFunc(p.Promises, func(p baseline.Promise) bool { return p.Gating })
}

func (c *trendChart) mark(p baseline.Point, y float64, says string) {
	name := class(p.Verdict)
	if name == "" {
		name = "none"
	}
	c.within(pc(c.x(p.Run)), func() {
		c.open("g", "class", "v-"+name)
		c.words("title", says)
		c.rect("paper", "-5", px(y-5), "10", "10")
		c.open("use", "href", "#m-"+name, "x", "-5", "y", px(y-5), "width", "10", "height", "10")
		c.close("use")
		c.close("g")
	})
}

func (c *trendChart) hover(p baseline.Point) string {
	run := c.t.Runs[p.Run]
	text := fmt.Sprintf("%s, %s: %s", commitWords(run.Commit), run.Started.Format("2 Jan 2006 15:04"), historyFigure(c.s.Unit, p.Value, p.Low, p.High))
	if len(c.s.Promises) > 0 {
		text += ", " + string(p.Verdict)
	}
	return text
}

// commits draws the axis with the commits that there is room for: those of the
// changes before the newest, the oldest and one in the middle.
func (c *trendChart) commits() {
	c.line("axis0", "0", px(trendFloor), "100%", px(trendFloor))
	var runs []int
	for _, s := range slices.Backward(c.s.Shifts) {
		runs = append(runs, s.At)
	}
	last := len(c.t.Runs) - 1
	var taken [][2]float64
	for _, run := range append(runs, last, 0, last/2) {
		const width = 30 // of a commit, in per cent
		class, from := "mid", c.x(run)-width/2
		switch run {
		case 0:
			class, from = "", c.x(run)
		case last:
			class, from = "e", c.x(run)-width
		}
		if slices.ContainsFunc(taken, func(t [2]float64) bool { return from < t[1] && t[0] < from+width }) {
			continue
		}
		taken = append(taken, [2]float64{from, from + width})
		at := pc(c.x(run))
		c.line("axis0", at, px(trendFloor), at, px(trendFloor+4))
		c.text("sha "+class, at, px(trendFloor+18), commitWords(c.t.Runs[run].Commit))
		c.text("t-dim "+class, at, px(trendFloor+32), c.t.Runs[run].Started.Format("2 Jan"))
	}
}
