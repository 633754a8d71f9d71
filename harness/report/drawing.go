package report

import (
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// drawing is an SVG under construction. Places along x are per cent of the
// width and sizes are pixels, so that geometry stretches and text does not.
// Everything that is put into it is escaped.
type drawing struct{ b strings.Builder }

// chart begins a picture with the words that stand for it where it cannot be
// seen. The id must be unique on the page.
func chart(id, class string, height int, title, says string) *drawing {
	d := &drawing{}
	d.open("svg", "class", class, "height", strconv.Itoa(height), "width", "100%", "role", "img",
		"aria-labelledby", id+"-t "+id+"-d")
	d.words("title", title, "id", id+"-t")
	d.words("desc", says, "id", id+"-d")
	return d
}

// done ends the picture.
func (d *drawing) done() template.HTML {
	d.close("svg")
	return template.HTML(d.b.String()) //nolint:gosec // every attribute and word went through html.EscapeString
}

func (d *drawing) open(name string, attributes ...string) {
	d.b.WriteString("<" + name)
	for i := 0; i+1 < len(attributes); i += 2 {
		if attributes[i+1] != "" {
			d.b.WriteString(" " + attributes[i] + `="` + html.EscapeString(attributes[i+1]) + `"`)
		}
	}
	d.b.WriteString(">")
}

func (d *drawing) close(name string) { d.b.WriteString("</" + name + ">") }

func (d *drawing) words(name, text string, attributes ...string) {
	d.open(name, attributes...)
	d.b.WriteString(html.EscapeString(text))
	d.close(name)
}

// within draws with its origin at x, where offsets are pixels.
func (d *drawing) within(x string, draw func()) {
	d.open("svg", "x", x)
	draw()
	d.close("svg")
}

func (d *drawing) line(class, x1, y1, x2, y2 string) {
	d.open("line", "class", class, "x1", x1, "y1", y1, "x2", x2, "y2", y2)
	d.close("line")
}

func (d *drawing) rect(class, x, y, width, height string) {
	d.open("rect", "class", class, "x", x, "y", y, "width", width, "height", height)
	d.close("rect")
}

func (d *drawing) dot(class, x, y string, radius float64) {
	d.open("circle", "class", class, "cx", x, "cy", y, "r", px(radius))
	d.close("circle")
}

func (d *drawing) text(class, x, y, says string) {
	d.words("text", says, "class", class, "x", x, "y", y)
}

// pc writes a place in per cent, kept on the drawing.
func pc(x float64) string { return trimmed(min(max(x, 0), 100)) + "%" }

// px writes a size in pixels.
func px(x float64) string { return trimmed(x) }

func trimmed(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "0"
	}
	s := strconv.FormatFloat(x, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// axis is a linear scale from zero with round ticks.
type axis struct {
	top   float64
	ticks []float64
}

// axisFor covers everything up to highest in about n steps of a round width.
func axisFor(highest float64, n int) axis {
	if !(highest > 0) || math.IsInf(highest, 0) {
		highest = 1
	}
	raw := highest / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := power * 10
	for _, m := range []float64{1, 2, 2.5, 5} {
		if power*m >= raw*0.999 {
			step = power * m
			break
		}
	}
	a := axis{}
	steps := int(math.Ceil(highest/step - 1e-9))
	for i := 0; i <= steps; i++ {
		a.ticks = append(a.ticks, step*float64(i))
	}
	a.top = step * float64(steps)
	return a
}

// share is the place of x on the axis, from 0 to 1.
func (a axis) share(x float64) float64 { return min(max(x/a.top, 0), 1) }
