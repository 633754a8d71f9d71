package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"

	"github.com/signoff-dev/signoff/harness/measure"
)

// picture is a chart with its title and the same figures as a table.
type picture struct {
	Title, Note string
	Drawing     template.HTML
	Table       figures
	Says        string // what stands under the picture
	Wide        bool   // needs room at its right for labels
}

// figures are a table of what a chart shows.
type figures struct {
	Head []string
	Rows [][]string
}

const (
	pairsTop, pairsFloor = 14.0, 206.0
)

// drawPairs shows every pair of an experiment in the order in which it ran.
func drawPairs(id, name string, p measure.Pairs) picture {
	n := min(len(p.Baseline), len(p.Current))
	if n == 0 {
		return picture{}
	}
	a := axisFor(max(slices.Max(p.Baseline[:n]), slices.Max(p.Current[:n])), 3)
	y := func(x float64) float64 { return pairsFloor - a.share(x)*(pairsFloor-pairsTop) }
	x := func(i int) float64 { return (float64(i) + .5) / float64(n) * 100 }
	title := fmt.Sprintf("%s, %s: all %d pairs", name, p.Unit, n)
	height := 242
	if len(checkpoints(p)) > 0 {
		height = 260
	}
	d := chart(id, "", height, title, saysPairs(p, n))
	d.levels(a, y, "")
	d.looks(p.Looks, n)
	radius := 3.5
	if n > 24 {
		radius = 2.5
	}
	for i := range n {
		at, below, above := pc(x(i)), p.Baseline[i], p.Current[i]
		d.line("pair", at, px(y(below)), at, px(y(above)))
		d.dot("pb", at, px(y(below)), radius)
		d.dot("pc", at, px(y(above)), radius)
		if i < len(p.First) {
			d.within(at, func() {
				d.rect("p"+p.First[i:i+1], px(-radius+.5), "213", px(2*radius-1), px(2*radius-1))
			})
		}
		if i == 0 || (i+1)%step(n) == 0 {
			d.text("mid", at, "236", count(int64(i+1)))
		}
	}
	d.checkpoints(checkpoints(p), x)
	d.pairLabels(y(p.Baseline[n-1]), y(p.Current[n-1]))
	note := fmt.Sprintf("%s, %d pairs as they ran", p.Unit, n)
	if p.LowerIsBetter {
		note = fmt.Sprintf("%s, lower is faster, %d pairs as they ran", p.Unit, n)
	}
	return picture{Title: name, Note: note, Drawing: d.done(), Table: tablePairs(p, n), Wide: true, Says: saysServer(p)}
}

// looks marks where the experiment could have stopped and did not. Labels of
// two neighbours lean away from each other; further ones stay without.
func (d *drawing) looks(looks []int, n int) {
	passed := 0
	for passed < len(looks) && looks[passed] < n {
		passed++
	}
	for i := range passed {
		at := pc(float64(looks[i]) / float64(n) * 100)
		d.line("look", at, px(pairsTop), at, px(pairsFloor))
		switch {
		case passed == 1:
			d.text("mid t-dim", at, "8", "first look")
		case i == 0:
			d.within(at, func() { d.text("e t-dim", "4", "8", "first look") })
		case i == 1:
			d.within(at, func() { d.text("t-dim", "-4", "8", "second look") })
		}
	}
}

// pairLabels names the two arms at the right end, never on top of each other.
func (d *drawing) pairLabels(baseline, current float64) {
	if gap := math.Abs(baseline - current); gap < 14 {
		push := (14 - gap) / 2
		if current <= baseline {
			push = -push
		}
		current, baseline = current+push, baseline-push
	}
	d.within("100%", func() {
		d.text("t-cur", "6", px(current+4), "current")
		d.text("", "6", px(baseline+4), "baseline")
		d.text("t-dim", "6", "220", "ran first")
		d.text("t-dim", "6", "236", "pair")
	})
}

// levels draws the horizontal lines of a vertical axis.
func (d *drawing) levels(a axis, y func(float64) float64, unit string) {
	for i, t := range a.ticks {
		line, says := "axis", number(t)
		if i == 0 {
			line = "axis0"
		}
		if i == len(a.ticks)-1 {
			says = quantity(says, unit)
		}
		d.line(line, "0", px(y(t)), "100%", px(y(t)))
		d.text("e", "-8", px(y(t)+4), says)
	}
}

func saysPairs(p measure.Pairs, n int) string {
	ratios, err := p.Ratios()
	if err != nil {
		return fmt.Sprintf("%d pairs.", n)
	}
	better := 0
	for _, r := range ratios {
		if r > 1 {
			better++
		}
	}
	return fmt.Sprintf("%d pairs in the order in which they ran. The current arm was faster in %d of them; its throughput was between %s and %s times that of the baseline.",
		n, better, number(slices.Min(ratios)), number(slices.Max(ratios)))
}

func tablePairs(p measure.Pairs, n int) figures {
	t := figures{Head: []string{"Pair", "Ran first", "Baseline, " + p.Unit, "Current, " + p.Unit, "Throughput ratio"}}
	ratios, err := p.Ratios()
	for i := range n {
		first, ratio := "", ""
		if i < len(p.First) {
			first = map[byte]string{'b': "baseline", 'c': "current"}[p.First[i]]
		}
		if err == nil {
			ratio = number(ratios[i])
		}
		t.Rows = append(t.Rows, append([]string{count(int64(i + 1)), first, number(p.Baseline[i]), number(p.Current[i]), ratio}, cellsOfServer(p, i)...))
	}
	t.Head = append(t.Head, headOfServer(p)...)
	return t
}

// step is the distance between numbered pairs: at most ten numbers.
func step(n int) int {
	for _, s := range []int{1, 5, 10, 20, 50, 100} {
		if n/s <= 10 && (s > 1 || n <= 10) {
			return s
		}
	}
	return n
}
