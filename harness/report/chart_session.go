package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

const (
	windowsTop, windowsFloor = 24.0, 180.0
)

// drawWindows shows a session window by window against its target.
func drawWindows(id string, s evidence.Scenario, v measure.Value) picture {
	w := v.Series.Windows
	if len(w) == 0 {
		return picture{}
	}
	target, has := targetOf(s, v)
	highest := slices.Max(w)
	if has {
		highest = max(highest, target.at)
	}
	a := axisFor(highest*1.02, 3)
	y := func(x float64) float64 { return windowsFloor - a.share(x)*(windowsFloor-windowsTop) }
	width := 100 / float64(len(w))
	d := chart(id, "", 216, v.Name+" in each window of "+span(v.Series.Width), saysWindows(v, target, has))
	d.levels(a, y, "")
	for i, x := range w {
		colour := "bar"
		if has && target.breaks(x) {
			colour = "bar bar-fail"
		}
		d.rect(colour, pc(width*(float64(i)+.14)), px(y(x)), pc(width*.72), px(windowsFloor-y(x)))
		if len(w) <= 8 {
			d.text("mid t-ink", pc(width*(float64(i)+.5)), px(y(x)-5), number(x))
		}
	}
	d.windowTicks(v.Series.Width, len(w))
	if has {
		d.line("lim", "0", px(y(target.at)), "100%", px(y(target.at)))
		d.within("100%", func() {
			d.text("t-ink", "6", px(y(target.at)), string(target.bound))
			d.text("", "6", px(y(target.at)+13), number(target.at))
		})
	}
	t := figures{Head: []string{"Window", "From, s", quantity(v.Name, "") + in(v.Unit)}}
	for i, x := range w {
		t.Rows = append(t.Rows, []string{count(int64(i + 1)), number(float64(i) * v.Series.Width), number(x)})
	}
	note := fmt.Sprintf("%s, each %s", s.Title, span(v.Series.Width))
	return picture{Title: v.Name + in(v.Unit), Note: note, Drawing: d.done(), Table: t, Wide: true}
}

// windowTicks writes the time under at most seven window borders.
func (d *drawing) windowTicks(width float64, n int) {
	every := 1
	for _, e := range []int{1, 2, 5, 10, 20, 50, 100, 200, 500} {
		if every = e; n/e <= 6 {
			break
		}
	}
	for i := 0; i <= n; i += every {
		at := pc(float64(i) / float64(n) * 100)
		d.line("axis0", at, px(windowsFloor), at, px(windowsFloor+4))
		says := number(float64(i) * width)
		if i == 0 || i+every > n {
			says = quantity(says, "s")
		}
		d.text("mid", at, px(windowsFloor+18), says)
	}
}

// goal is a target on the scale of the windows.
type goal struct {
	at    float64
	bound objective.Bound
}

func (g goal) breaks(x float64) bool {
	return g.bound == objective.AtLeast && x < g.at || g.bound == objective.AtMost && x > g.at
}

// targetOf is the first gating target that s sets to v, in the unit of v.
func targetOf(s evidence.Scenario, v measure.Value) (goal, bool) {
	for _, o := range s.Objectives {
		row, ok := readRow(o)
		if !ok || row.Measure != v.Name || !o.Gating {
			continue
		}
		if factor := perMinute(o.Unit) / perMinute(v.Unit); o.Unit == v.Unit || factor != 1 && !math.IsNaN(factor) {
			return goal{o.Limit * factor, row.Bound}, true
		}
	}
	return goal{}, false
}

// perMinute is the size of a rate; other units compare only with themselves.
func perMinute(unit string) float64 {
	if unit == "a second" {
		return 60
	}
	return 1
}

func saysWindows(v measure.Value, g goal, has bool) string {
	says := fmt.Sprintf("%d windows of %s, between %s and %s%s.", len(v.Series.Windows), span(v.Series.Width),
		number(slices.Min(v.Series.Windows)), number(slices.Max(v.Series.Windows)), in(v.Unit))
	if !has {
		return says
	}
	broken := 0
	for _, x := range v.Series.Windows {
		if g.breaks(x) {
			broken++
		}
	}
	return says + fmt.Sprintf(" The target is %s %s; %d windows miss it.", g.bound, number(g.at), broken)
}

// in puts a unit behind a name: ", ms", and " a minute".
func in(unit string) string {
	switch unit {
	case "":
		return ""
	case "a minute", "a second":
		return " " + unit
	default:
		return ", " + unit
	}
}
