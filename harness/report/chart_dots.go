package report

import (
	"math"
	"strconv"

	"github.com/signoff-dev/signoff/harness/evidence"
)

const (
	dotsRow   = 27.0 // height of a place
	dotsTop   = 18.0
	dotsNames = 19 // letters of a place
)

// dots draws a chart over places: a row for each, and on it a mark for each
// line. Only a single line from zero on is drawn as bars: on a scale of ratios
// there is no zero to start from, and a bar would lie about it.
func (g grouped) dots(v *chartView, id string) {
	c := g.chart
	y := heights(g.ys, c.Y.Log, 3)
	y.ticks = y.apart(y.ticks, .22)
	v.Note, v.Legend = y.unit(c.Y.Unit), g.legend()
	if y.log {
		v.Reads = append(v.Reads, "The axis is logarithmic: equal steps are equal ratios, and it does not start at zero.")
	}
	if len(g.groups) > 1 {
		v.Reads = append(v.Reads, "All panels have the same axis.")
	}
	bars := !y.log && len(g.names) == 1
	for i, of := range g.groups {
		places := g.placesOf(of)
		height := dotsTop + dotsRow*float64(len(places)) + 22
		d := chart(id+"-"+strconv.Itoa(i+1), "", int(height), panelTitle(c, of), g.says(of))
		floor := height - 22
		for _, t := range y.ticks {
			d.line("axis", y.at(t), px(dotsTop), y.at(t), px(floor+4))
			d.text("mid", y.at(t), px(floor+17), y.tick(t))
		}
		d.line("axis0", y.at(y.low), px(dotsTop), y.at(y.low), px(floor))
		if bars {
			d.line("axis0", y.at(0), px(dotsTop), y.at(0), px(floor))
		}
		if len(of.lines) > 1 {
			d.within("100%", func() { d.text("t-dim", "8", "10", "highest") })
		}
		for k, place := range places {
			d.placeRow(of, place, y, bars, dotsTop+dotsRow*(float64(k)+.5))
		}
		v.Panels = append(v.Panels, panelView{capital(of.name), gutter(g.places) + " " + panelClass(of.name), d.done()})
	}
}

// placeRow draws the marks of one place, its name at the left and its highest
// figure at the right.
func (d *drawing) placeRow(of group, place string, s scale, bars bool, y float64) {
	d.text("e t-ink", "-8", px(y+4), clipped(place, dotsNames))
	d.line("ref", "0", px(y), "100%", px(y))
	var at []placed
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range of.at[place] {
		if s.has(p.Y) {
			at, low, high = append(at, p), min(low, p.Y), max(high, p.Y)
		}
	}
	if len(at) == 0 {
		d.within("100%", func() { d.text("t-dim", "8", px(y+4), "–") })
		return
	}
	if len(at) > 1 {
		d.line("reach", s.at(low), px(y), s.at(high), px(y))
	}
	for _, p := range at {
		if bars {
			from, to := min(s.share(0), s.share(p.Y)), max(s.share(0), s.share(p.Y))
			d.rect("solid", pc(from*100), px(y-6), pc((to-from)*100), "12")
		}
		d.interval(p.Point, s, y)
		if !bars {
			d.shape(p.line, s.at(p.Y), y, 5)
		}
	}
	d.within("100%", func() { d.text("t-ink", "8", px(y+4), number(high)) })
}

// interval draws how sure a point on a row is.
func (d *drawing) interval(p evidence.Point, s scale, y float64) {
	if p.Low == nil || p.High == nil || !s.has(*p.Low) || !s.has(*p.High) {
		return
	}
	low, high := s.at(*p.Low), s.at(*p.High)
	d.line("whisker", low, px(y), high, px(y))
	d.line("whisker", low, px(y-4), low, px(y+4))
	d.line("whisker", high, px(y-4), high, px(y+4))
}

// shape draws the mark of line number k: what tells lines apart is never the
// colour alone.
func (d *drawing) shape(k int, x string, y, r float64) {
	class := "sh"
	if k%8 >= 4 {
		class = "sh hollow"
	}
	d.within(x, func() {
		switch k % 4 {
		case 0:
			d.dot(class, "0", px(y), r)
		case 1:
			d.rect(class, px(-r*.9), px(y-r*.9), px(2*r*.9), px(2*r*.9))
		case 2:
			d.polygon(class, 0, y-r*1.3, r*1.3, y, 0, y+r*1.3, -r*1.3, y)
		default:
			d.polygon(class, 0, y-r*1.2, r*1.15, y+r*.9, -r*1.15, y+r*.9)
		}
	})
}

// polygon draws a closed shape through points in pixels.
func (d *drawing) polygon(class string, xy ...float64) {
	points := ""
	for i := 0; i+1 < len(xy); i += 2 {
		points += px(xy[i]) + "," + px(xy[i+1]) + " "
	}
	d.open("polygon", "class", class, "points", points[:max(0, len(points)-1)])
	d.close("polygon")
}

func panelTitle(c evidence.Chart, of group) string {
	if of.name == "" {
		return c.Title
	}
	return c.Title + ": " + of.name
}
