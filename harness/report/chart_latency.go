package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// curve is one distribution of a chart of percentiles, with its limits.
type curve struct {
	label  string
	h      *measure.Histogram
	limits []limit
}

type limit struct {
	percentile float64 // 99 for p99; 0 for the whole
	at         float64 // ms
	verdict    objective.Verdict
}

const (
	latencyTop, latencyFloor = 24.0, 194.0
	fewest                   = 10 // observations that must lie beyond a percentile
)

// nines is the place of percentile q (0 to 1) on an axis that gives equal room
// to each further nine: p90 at 1, p99 at 2.
func nines(q float64) float64 { return -math.Log10(1 - q) }

// end is the last place of a curve on that axis: ten observations lie beyond.
func (c curve) end() float64 {
	n := float64(c.h.Count())
	if n <= fewest {
		return 0
	}
	return math.Log10(n / fewest)
}

// drawLatency shows how long the slowest wait: duration by percentile, with
// each limit where it binds.
func drawLatency(id, name string, c curve) picture {
	reach, highest := max(2, c.end()), c.at(c.end())
	for _, l := range c.limits {
		highest = max(highest, l.at)
		reach = max(reach, nines(l.percentile/100))
	}
	reach += .4
	a := axisFor(highest*1.02, 3)
	x := func(n float64) string { return pc(n / reach * 100) }
	y := func(ms float64) float64 { return latencyFloor - a.share(ms)*(latencyFloor-latencyTop) }
	d := chart(id, "", 234, name+" by percentile: "+c.label, saysLatency(c))
	d.levels(a, y, "ms")
	for _, p := range percentiles() {
		if nines(p.q) > reach-.2 {
			break
		}
		at := x(nines(p.q))
		d.line("axis", at, px(latencyTop), at, px(latencyFloor+4))
		d.text("mid t-ink", at, px(latencyFloor+18), p.name)
		d.text("mid t-dim", at, px(latencyFloor+33), p.says)
	}
	d.curve(c, reach, a)
	for _, l := range c.limits {
		d.limitMark(c, l, x, y)
	}
	return picture{Title: name, Note: c.label + ", " + count(c.h.Count()) + " observations", Drawing: d.done(), Table: tableLatency(c)}
}

// at is the duration at a place of the axis of nines, in milliseconds.
func (c curve) at(n float64) float64 {
	return measure.InMilliseconds(c.h.Quantile(1 - math.Pow(10, -n)))
}

func (d *drawing) curve(c curve, reach float64, a axis) {
	const points = 96
	var path strings.Builder
	for k := range points + 1 {
		n := c.end() * float64(k) / points
		fmt.Fprintf(&path, "%s,%s ", trimmed(n/reach*100), trimmed(100-a.share(c.at(n))*100))
	}
	d.open("svg", "y", px(latencyTop), "height", px(latencyFloor-latencyTop), "width", "100%", "viewBox", "0 0 100 100", "preserveAspectRatio", "none")
	d.open("polyline", "class", "curve", "points", strings.TrimSpace(path.String()))
	d.close("polyline")
	d.close("svg")
}

// limitMark draws the limit at the percentile it binds, with the figure there.
func (d *drawing) limitMark(c curve, l limit, x func(float64) string, y func(float64) float64) {
	colour := ""
	if l.verdict == objective.Fail {
		colour = " l-fail"
	}
	if l.percentile == 0 {
		d.line("lim", "0", px(y(l.at)), "100%", px(y(l.at)))
		d.text("t-ink", "4", px(y(l.at)-6), "limit "+quantity(number(l.at), "ms")+" for the longest")
		return
	}
	n := nines(l.percentile / 100)
	here := c.at(n)
	if c.h.Count() > 0 && n <= c.end()+1e-9 {
		d.dot("pt"+colour, x(n), px(y(here)), 4)
	}
	d.within(x(n), func() {
		d.line("lim", "-22", px(y(l.at)), "22", px(y(l.at)))
		words, figure := y(l.at)-6, y(here)-5
		if here > l.at { // the limit's words go where the curve is not
			words = y(l.at) + 14
		} else if math.Abs(figure-words) < 12 {
			figure = y(here) + 14
		}
		d.text("t-ink mid", "0", px(words), "limit "+number(l.at))
		d.text("t-cur e"+colour, "-7", px(figure), quantity(number(here), "ms"))
	})
}

type mark struct {
	q          float64
	name, says string
}

func percentiles() []mark {
	return []mark{
		{.5, "p50", "1 in 2"},
		{.9, "p90", "1 in 10"},
		{.99, "p99", "1 in 100"},
		{.999, "p99.9", "1 in 1,000"},
		{.9999, "p99.99", "1 in 10,000"},
		{.99999, "p99.999", "1 in 100,000"},
	}
}

func saysLatency(c curve) string {
	said := c.label + ":"
	for _, p := range percentiles() {
		if c.h.Beyond(p.q) >= fewest {
			said += fmt.Sprintf(" %s %s ms,", p.name, number(measure.InMilliseconds(c.h.Quantile(p.q))))
		}
	}
	for _, l := range c.limits {
		said += fmt.Sprintf(" limit %s ms,", number(l.at))
	}
	return strings.TrimSuffix(said, ",") + ". The curve ends where fewer than ten observations lie beyond it."
}

func tableLatency(c curve) figures {
	t := figures{Head: []string{"Percentile", "Duration, ms", "Observations beyond"}}
	for _, p := range percentiles() {
		said := "too few to tell"
		if c.h.Beyond(p.q) >= fewest {
			said = number(measure.InMilliseconds(c.h.Quantile(p.q)))
		}
		t.Rows = append(t.Rows, []string{p.name, said, count(c.h.Beyond(p.q))})
	}
	return figures{t.Head, append(t.Rows, []string{"longest", number(measure.InMilliseconds(c.h.Max())), "0"})}
}

// limitsOf are the limits that s puts on the distribution v.
func limitsOf(s evidence.Scenario, v measure.Value) []limit {
	var out []limit
	for _, o := range s.Objectives {
		row, ok := readRow(o)
		if !ok || row.Measure != v.Name || row.Bound != objective.AtMost {
			continue
		}
		out = append(out, limit{row.Percentile, o.Limit * perUnit(o.Unit), verdictOf(o)})
	}
	return out
}

// perUnit is how many milliseconds a unit of time has.
func perUnit(unit string) float64 {
	switch unit {
	case "s":
		return 1000
	case "min":
		return 60000
	case "µs":
		return .001
	default:
		return 1
	}
}
