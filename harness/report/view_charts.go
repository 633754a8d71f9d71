package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// chartView is a chart of the record: panels that share their axes, the figures
// behind them and what was found.
type chartView struct {
	Title, ScenarioID string
	Axis, Note        string // what is drawn, and in which unit
	Reads             []string
	Legend            []legendItem
	Panels            []panelView
	Table             figures
	Says              []string
}

// legendItem is the mark of a line with its name.
type legendItem struct {
	Mark template.HTML
	Name string
}

// panelView is one group of a chart.
type panelView struct {
	Title, Class string
	Drawing      template.HTML
}

// group are the lines that share a panel.
type group struct {
	name  string
	lines []evidence.Line
	at    map[string][]placed // by place
}

// placed is a point with the number of its line.
type placed struct {
	evidence.Point
	line int
}

// grouped are the lines of a chart on their way into pictures.
type grouped struct {
	chart  evidence.Chart
	groups []group
	names  []string // of lines, each once: its place is its shape
	places []string // of a chart over places
	xs, ys []float64
}

func chartsOf(run evidence.Run) []chartView {
	var views []chartView
	for i, c := range run.Charts {
		g := groupsOf(c)
		if len(g.ys) == 0 {
			continue
		}
		id := fmt.Sprintf("c%d", i+1)
		v := chartView{
			Title: c.Title, ScenarioID: c.Scenario, Axis: capital(c.Y.Name), Table: g.table(), Says: c.Says,
		}
		if c.Kind == evidence.ChartCurve {
			g.curves(&v, id)
		} else {
			g.dots(&v, id)
		}
		views = append(views, v)
	}
	return views
}

func groupsOf(c evidence.Chart) grouped {
	g := grouped{chart: c}
	first := map[string]float64{} // where a place stands on the axis
	for _, l := range c.Lines {
		i := slices.IndexFunc(g.groups, func(o group) bool { return o.name == l.Group })
		if i < 0 {
			i, g.groups = len(g.groups), append(g.groups, group{name: l.Group, at: map[string][]placed{}})
		}
		g.groups[i].lines = append(g.groups[i].lines, l)
		if !slices.Contains(g.names, l.Name) {
			g.names = append(g.names, l.Name)
		}
		for _, p := range l.Points {
			g.xs, g.ys = append(g.xs, p.X), append(g.ys, p.Y)
			if p.Low != nil && p.High != nil {
				g.ys = append(g.ys, *p.Low, *p.High)
			}
			place := placeOf(p)
			if _, known := first[place]; !known {
				first[place], g.places = p.X, append(g.places, place)
			}
			at := g.groups[i].at
			at[place] = append(at[place], placed{p, g.shape(l.Name)})
		}
	}
	slices.SortStableFunc(g.places, func(a, b string) int { return cmp.Compare(first[a], first[b]) })
	return g
}

// placeOf is what a point stands at, in words.
func placeOf(p evidence.Point) string {
	if p.Place != "" {
		return p.Place
	}
	return number(p.X)
}

// placesOf are the rows of a panel, in order: its own places and those of the
// panels that it can be compared with, because they have one in common.
func (g grouped) placesOf(of group) []string {
	wanted := map[string]bool{}
	for _, other := range g.groups {
		alike := false
		for place := range other.at {
			alike = alike || of.at[place] != nil
		}
		for place := range other.at {
			wanted[place] = wanted[place] || alike
		}
	}
	return slices.DeleteFunc(slices.Clone(g.places), func(p string) bool { return !wanted[p] })
}

// gutter is the class for the room that the longest name of a place needs.
func gutter(places []string) string {
	longest := 0
	for _, p := range places {
		longest = max(longest, len([]rune(p)))
	}
	switch {
	case longest <= 8:
		return "places short"
	case longest <= 15:
		return "places middling"
	default:
		return "places"
	}
}

// shape is the number of the mark that a line has in every panel.
func (g grouped) shape(name string) int { return slices.Index(g.names, name) }

// panelClass colours a panel: grey is the baseline, blue everything else.
func panelClass(name string) string {
	if strings.Contains(strings.ToLower(name), "baseline") {
		return "g-base"
	}
	return "g-cur"
}

// legend names the marks where no line has its name beside it.
func (g grouped) legend() []legendItem {
	if len(g.names) < 2 {
		return nil
	}
	var items []legendItem
	for i, name := range g.names {
		d := &drawing{}
		d.open("svg", "class", "key", "aria-hidden", "true", "width", "14", "height", "14")
		d.shape(i, "7", 7, 4.5)
		items = append(items, legendItem{d.done(), name})
	}
	return items
}

// table has a row for each place of each group and a column for each line.
func (g grouped) table() figures {
	c := g.chart
	t := figures{Head: []string{capital(c.X.Name + in(c.X.Unit))}}
	many := len(g.groups) > 1
	if many {
		t.Head = []string{"Of", capital(c.X.Name + in(c.X.Unit))}
	}
	for _, name := range g.names {
		t.Head = append(t.Head, strings.TrimSpace(name+in(c.Y.Unit)))
	}
	for _, group := range g.groups {
		for _, place := range g.places {
			if group.at[place] == nil {
				continue
			}
			cells := make([]string, len(g.names))
			for _, p := range group.at[place] {
				cells[p.line] = withInterval(p.Point)
			}
			row := append([]string{place}, cells...)
			if many {
				row = append([]string{group.name}, row...)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// withInterval writes a point and how sure it is.
func withInterval(p evidence.Point) string {
	if p.Low == nil || p.High == nil {
		return number(p.Y)
	}
	s := alike("", p.Y, *p.Low, *p.High)
	return s[0] + " [" + s[1] + "," + nbsp + s[2] + "]"
}

// says reads the figures of a panel aloud.
func (g grouped) says(of group) string {
	var said []string
	for _, l := range of.lines {
		var figures []string
		for _, p := range l.Points {
			figures = append(figures, placeOf(p)+" "+number(p.Y))
		}
		said = append(said, strings.TrimSpace(l.Name+": "+strings.Join(figures, ", ")))
	}
	for _, m := range g.chart.Marks {
		said = append(said, fmt.Sprintf("%s at %s", m.Says, quantity(number(m.X), g.chart.X.Unit)))
	}
	const enough = 900 // the table below has all
	return clipped(g.chart.Y.Name+in(g.chart.Y.Unit)+". "+strings.Join(said, "; "), enough)
}
