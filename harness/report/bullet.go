package report

import (
	"html/template"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// reading is a figure with its interval on the scale of a bullet.
type reading struct {
	value, low, high, limit float64
	interval                bool
	good                    objective.Bound // the side of the limit that is good
	baseline                bool            // 1 is the baseline
}

// readingOf puts o on a scale that starts at zero. A share that is promised to
// be nearly whole is turned inside out, so that what is missing can be seen.
func readingOf(o evidence.Objective, v *measure.Value) (reading, bool) {
	r := reading{limit: o.Limit, good: boundOf(o), baseline: o.Unit == objective.Ratio}
	if o.Value == nil {
		return r, false
	}
	r.value, r.low, r.high = *o.Value, *o.Value, *o.Value
	if o.Low != nil && o.High != nil {
		r.low, r.high, r.interval = *o.Low, *o.High, true
	}
	if _, _, ok := missed(o, v); ok {
		r.value, r.low, r.high, r.limit = 100-r.value, 100-r.high, 100-r.low, 100-r.limit
		r.good = objective.AtMost
	}
	return r, true
}

// bullet draws o against its limit: from zero to twice the limit, the limit in
// the middle, the bad side shaded, the interval as a band.
func bullet(o evidence.Objective, v *measure.Value, says string) template.HTML {
	d := &drawing{}
	d.open("svg", "class", "b b-"+markOf(o).Class, "role", "img", "width", "100%", "height", "16")
	d.words("title", says)
	r, measured := readingOf(o, v)
	switch {
	case r.good == "":
	case r.limit <= 0:
		d.allOrNothing(r, measured)
	default:
		d.againstLimit(r, measured)
	}
	return d.done()
}

// allOrNothing is the form of "exactly 0": anything at all is on the bad side.
func (d *drawing) allOrNothing(r reading, measured bool) {
	d.rect("bad", "0", "6", "100%", "4")
	switch {
	case measured && r.value > r.limit:
		d.rect("bar", "0", "6", "100%", "4")
		d.beyond()
	case measured:
		d.dot("dot", "0", "8", 3.5)
	}
	d.line("lim", "0", "-1", "0", "17")
}

func (d *drawing) againstLimit(r reading, measured bool) {
	at := func(x float64) float64 { return x / r.limit * 50 }
	switch r.good {
	case objective.AtLeast:
		d.rect("bad", "0", "0", "50%", "16")
	case objective.AtMost:
		d.rect("bad", "50%", "0", "50%", "16")
	default:
		d.rect("bad", "0", "0", "100%", "16")
	}
	if measured {
		d.rect("bar", "0", "6", pc(at(r.value)), "4")
		if r.interval && at(r.low) < 100 {
			d.rect("ci-b", pc(at(r.low)), "2", pc(at(min(r.high, 2*r.limit))-max(at(r.low), 0)), "12")
		}
		if at(r.value) > 100 {
			d.beyond()
		} else {
			d.line("est", pc(at(r.value)), "2", pc(at(r.value)), "14")
		}
	}
	if r.baseline {
		d.line("one", pc(at(1)), "12", pc(at(1)), "16")
	}
	d.line("lim", "50%", "-1", "50%", "17")
}

// beyond is the arrow at the end of a bar that does not fit.
func (d *drawing) beyond() {
	d.within("100%", func() {
		d.open("path", "d", "M-5 3l5 5-5 5", "fill", "none", "class", "est")
		d.close("path")
	})
}

// wide draws o large, with the single figures behind it as dots.
func wide(id string, o evidence.Objective, v *measure.Value, dots []float64, says string) template.HTML {
	r, measured := readingOf(o, v)
	if !measured || r.limit <= 0 || r.good == "" || r.good == objective.Exactly {
		return ""
	}
	highest := max(r.limit*1.5, r.high*1.05, r.value*1.05)
	for _, x := range dots {
		highest = max(highest, x*1.02)
	}
	a := axisFor(highest, 5)
	at := func(x float64) string { return pc(a.share(x) * 100) }
	base := 92.0
	if len(dots) == 0 {
		base = 58
	}
	d := chart(id, "w-"+class(verdictOf(o)), int(base)+20, o.Measure+" against its limit", says)
	if r.good == objective.AtLeast {
		d.rect("bad", "0", "20", at(r.limit), "24")
	} else {
		d.rect("bad", at(r.limit), "20", pc(100-a.share(r.limit)*100), "24")
	}
	d.rect("bar", "0", "28", at(r.value), "8")
	if r.interval {
		d.rect("ci-b", at(r.low), "22", pc((a.share(r.high)-a.share(r.low))*100), "20")
	}
	d.line("est", at(r.value), "22", at(r.value), "42")
	d.line("lim", at(r.limit), "16", at(r.limit), px(base))
	side, offset := "t-ink", "4"
	if a.share(r.limit) > .5 {
		side, offset = "t-ink e", "-4"
	}
	d.within(at(r.limit), func() { d.text(side, offset, "12", limitWords(o, r)) })
	for i, x := range dots {
		d.dot("pd", at(x), px([]float64{56, 77, 70, 63}[i%4]), 2.5)
	}
	d.floor(a, base, r.baseline, o.Unit)
	return d.done()
}

// floor draws a horizontal axis at height y with its ticks.
func (d *drawing) floor(a axis, y float64, baseline bool, unit string) {
	d.line("axis0", "0", px(y), "100%", px(y))
	d.line("axis0", "0", "20", "0", px(y))
	for i, x := range a.ticks {
		at := pc(a.share(x) * 100)
		d.line("axis0", at, px(y), at, px(y+4))
		class, says := "mid", number(x)
		switch {
		case i == 0:
			class = ""
		case i == len(a.ticks)-1:
			class = "e"
			says = quantity(says, map[bool]string{true: "×", false: unit}[baseline])
		case baseline && x == 1:
			says = "1" + nbsp + "× baseline"
		}
		d.text(class, at, px(y+16), says)
	}
}

// limitWords is the limit as a picture names it.
func limitWords(o evidence.Objective, r reading) string {
	unit := o.Unit
	if r.baseline {
		unit = "×"
	}
	return string(r.good) + nbsp + quantity(figure(r.limit, ""), unit)
}

// class is the name of a verdict in a style sheet.
func class(v objective.Verdict) string {
	if v == objective.NotRun {
		return "notrun"
	}
	return string(v)
}
