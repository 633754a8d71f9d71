package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
)

const (
	curvesHead  = 20.0  // above the plot, without the words of marks
	curvesMark  = 15.0  // for the words of each mark
	curvesTall  = 190.0 // the plot
	curvesNames = 15    // letters of a line at its end, in one of two rows
	manyPoints  = 24    // from here on a line has no marks, and a band for whiskers
	labelRoom   = 13.0  // between the names of two lines
)

// curves draws a chart over numbers: a line for each series, named where it
// ends, and an upright line for each mark.
func (g grouped) curves(v *chartView, id string) {
	c := g.chart
	var marked []float64
	for _, m := range c.Marks {
		marked = append(marked, m.X)
	}
	x, y := widths(g.xs, marked, c.X.Log), heights(g.ys, c.Y.Log, 4)
	v.Note = y.unit(c.Y.Unit)
	switch {
	case x.log && y.log:
		v.Reads = append(v.Reads, "Both axes are logarithmic: equal steps are equal ratios.")
	case x.log:
		v.Reads = append(v.Reads, "The horizontal axis is logarithmic: equal steps are equal ratios.")
	case y.log:
		v.Reads = append(v.Reads, "The vertical axis is logarithmic: equal steps are equal ratios, and it does not start at zero.")
	}
	if len(g.groups) > 1 {
		v.Reads = append(v.Reads, "All panels have the same axes.")
	}
	top := curvesHead + curvesMark*float64(len(c.Marks))
	for i, of := range g.groups {
		p := plot{x: x, y: y, top: top, floor: top + curvesTall}
		d := chart(id+"-"+strconv.Itoa(i+1), "", int(p.floor)+40, panelTitle(c, of), g.says(of))
		d.frame(p, c)
		for k, m := range c.Marks {
			d.mark(p, m, curvesHead-8+curvesMark*float64(k))
		}
		for _, l := range of.lines {
			d.series(p, l, g.shape(l.Name))
		}
		d.lineNames(p, of.lines)
		v.Panels = append(v.Panels, panelView{capital(of.name), "curves " + panelClass(of.name), d.done()})
	}
}

// plot is the room of a picture between its axes.
type plot struct {
	x, y       scale
	top, floor float64
}

func (p plot) height(v float64) float64 { return p.floor - p.y.share(v)*(p.floor-p.top) }

// frame draws the axes.
func (d *drawing) frame(p plot, c evidence.Chart) {
	for _, t := range p.y.ticks {
		d.line("axis", "0", px(p.height(t)), "100%", px(p.height(t)))
		d.text("e", "-8", px(p.height(t)+4), p.y.tick(t))
	}
	d.line("axis0", "0", px(p.floor), "100%", px(p.floor))
	for _, t := range p.x.ticks {
		d.line("axis0", p.x.at(t), px(p.floor), p.x.at(t), px(p.floor+4))
		d.text("mid", p.x.at(t), px(p.floor+17), p.x.tick(t))
	}
	d.text("mid t-dim", "50%", px(p.floor+34), capital(c.X.Name)+in(p.x.unit(c.X.Unit)))
}

// mark draws an upright line with its words above the plot, on the side that
// has more room.
func (d *drawing) mark(p plot, m evidence.Mark, y float64) {
	if !p.x.has(m.X) {
		return
	}
	const letters = 34
	at := p.x.at(m.X)
	d.line("markline", at, px(y-8), at, px(p.floor))
	class, offset := "t-ink", "5"
	if p.x.share(m.X) > .5 {
		class, offset = "t-ink e", "-5"
	}
	d.within(at, func() { d.text(class, offset, px(y+2), clipped(m.Says, letters)) })
}

// series draws one line with its marks and how sure they are.
func (d *drawing) series(p plot, l evidence.Line, k int) {
	points := slices.DeleteFunc(slices.Clone(l.Points), func(o evidence.Point) bool { return !p.x.has(o.X) || !p.y.has(o.Y) })
	slices.SortStableFunc(points, func(a, b evidence.Point) int { return cmp.Compare(a.X, b.X) })
	class := " s" + strconv.Itoa(k%6)
	d.open("svg", "y", px(p.top), "height", px(p.floor-p.top), "width", "100%", "viewBox", "0 0 100 100", "preserveAspectRatio", "none")
	if band := p.band(points); band != "" && len(points) > manyPoints {
		d.open("polygon", "class", "band"+class, "points", band)
		d.close("polygon")
	}
	d.open("polyline", "class", "series"+class, "points", p.path(points, func(o evidence.Point) float64 { return o.Y }))
	d.close("polyline")
	d.close("svg")
	if len(points) > manyPoints {
		return
	}
	d.open("g", "class", "marks"+class)
	for _, o := range points {
		if at := p.x.at(o.X); o.Low != nil && o.High != nil && p.y.has(*o.Low) && p.y.has(*o.High) {
			low, high := px(p.height(*o.Low)), px(p.height(*o.High))
			d.line("whisker", at, low, at, high)
			d.within(at, func() {
				d.line("whisker", "-4", low, "4", low)
				d.line("whisker", "-4", high, "4", high)
			})
		}
		d.shape(k, p.x.at(o.X), p.height(o.Y), 3.5)
	}
	d.close("g")
}

// path lists points on a square of 100 by 100.
func (p plot) path(points []evidence.Point, of func(evidence.Point) float64) string {
	var b strings.Builder
	for _, o := range points {
		b.WriteString(px(p.x.share(o.X)*100) + "," + px(100-p.y.share(of(o))*100) + " ")
	}
	return strings.TrimSpace(b.String())
}

// band goes along the upper ends of the intervals and back along the lower; it
// is empty where a point has none.
func (p plot) band(points []evidence.Point) string {
	for _, o := range points {
		if o.Low == nil || o.High == nil {
			return ""
		}
	}
	there := p.path(points, func(o evidence.Point) float64 { return *o.High })
	back := slices.Clone(points)
	slices.Reverse(back)
	return strings.TrimSpace(there + " " + p.path(back, func(o evidence.Point) float64 { return *o.Low }))
}

// lineNames writes the name of each line beside its end, never two on top of
// each other.
func (d *drawing) lineNames(p plot, lines []evidence.Line) {
	var names []lineName
	for _, l := range lines {
		last, found := evidence.Point{X: math.Inf(-1)}, false
		for _, o := range l.Points {
			if p.x.has(o.X) && p.y.has(o.Y) && o.X >= last.X {
				last, found = o, true
			}
		}
		if found && l.Name != "" {
			at := p.height(last.Y)
			names = append(names, lineName{wrapped(l.Name, curvesNames), at, at, last.X})
		}
	}
	slices.SortStableFunc(names, func(a, b lineName) int { return cmp.Compare(a.end, b.end) })
	for i := 1; i < len(names); i++ {
		names[i].at = max(names[i].at, names[i-1].at+apartBy(names[i-1], names[i]))
	}
	for i := len(names) - 1; i >= 0; i-- {
		if i == len(names)-1 {
			names[i].at = min(names[i].at, p.floor)
			continue
		}
		names[i].at = min(names[i].at, names[i+1].at-apartBy(names[i], names[i+1]))
	}
	for _, n := range names {
		d.within("100%", func() {
			d.line("leader", "2", px(n.end), "9", px(n.at))
			for row, says := range n.says {
				d.text("t-ink", "12", px(n.at+4+labelRoom*(float64(row)-float64(len(n.says)-1)/2)), says)
			}
		})
		if p.x.share(n.x) < .995 {
			d.line("leader", p.x.at(n.x), px(n.end), "100%", px(n.end))
		}
	}
}

// lineName is the name of a line beside its end.
type lineName struct {
	says    []string // row by row
	end, at float64  // where the line ends and where its name stands
	x       float64
}

// apartBy is how far the middles of two names must be from each other.
func apartBy(a, b lineName) float64 { return labelRoom * float64(len(a.says)+len(b.says)) / 2 }

// wrapped breaks text into at most two rows.
func wrapped(text string, most int) []string {
	if len([]rune(text)) <= most {
		return []string{text}
	}
	for i := len(text) - 1; i > 0; i-- {
		if text[i] == ' ' && len([]rune(text[:i])) <= most {
			return []string{text[:i], clipped(text[i+1:], most)}
		}
	}
	return []string{clipped(text, most)}
}
