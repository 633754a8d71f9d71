package report

import (
	"fmt"
	"html/template"
	"slices"

	"github.com/signoff-dev/signoff/harness/evidence"
)

const (
	stairsTop   = 34.0  // of the highest version
	stairsRoom  = 288.0 // at most, for all versions
	stairsRise  = 18.0  // from one version to the next, if there is room
	laneHeight  = 40.0
	laneGap     = 52.0 // from the floor of one lane to the top of the next
	laneLabels  = 8    // columns up to which every bar has its figure
	killsApart  = 14   // columns up to which large crosses do not touch on a phone
	stairsNames = 14   // letters of a migration's name
)

// stairs is a passage on its way into a picture: a column for each step, a
// level for each version.
type stairs struct {
	steps  []evidence.PassageStep
	levels []int64 // versions, lowest first
	rise   float64
}

func stairsOf(p evidence.Passage) stairs {
	s := stairs{steps: p.Steps}
	for _, step := range p.Steps {
		s.levels = append(s.levels, step.From, step.To)
	}
	slices.Sort(s.levels)
	s.levels = slices.Compact(s.levels)
	s.rise = min(stairsRise, stairsRoom/float64(len(s.levels)))
	return s
}

// floor is the height at which the lowest version stands.
func (s stairs) floor() float64 { return stairsTop + s.rise*float64(len(s.levels)-1) }

func (s stairs) y(version int64) float64 {
	i, _ := slices.BinarySearch(s.levels, version)
	return s.floor() - s.rise*float64(i)
}

// x is a place in the column of step i, from its left edge 0 to its right 1.
func (s stairs) x(i int, within float64) float64 {
	return (float64(i) + within) / float64(len(s.steps)) * 100
}

// lane is one figure of every step, as bars under the stairs.
type lane struct {
	title, total, unit string
	values             []float64
}

// lanes are the figures of the steps: how long, how long locked, how long silent.
func (s stairs) lanes() []lane {
	took, locks, stall := lane{unit: "s"}, lane{unit: "ms"}, lane{unit: "ms"}
	sum, locked := 0.0, 0.0
	for _, step := range s.steps {
		took.values = append(took.values, step.Seconds)
		locks.values = append(locks.values, step.ExclusiveMS)
		stall.values = append(stall.values, step.StallMS)
		sum, locked = sum+step.Seconds, locked+step.ExclusiveMS
	}
	took.title, took.total = "Duration", span(sum)+" in all"
	locks.title, locks.total = "Locks that stop writers", milliseconds(locked)+" in all"
	stall.title = "Longest pause in storing"
	return []lane{took, locks.readable(), stall.readable()}
}

// readable turns a lane of long times from milliseconds into seconds.
func (l lane) readable() lane {
	if slices.Max(l.values) < 10_000 {
		return l
	}
	l.unit = "s"
	for i := range l.values {
		l.values[i] /= 1000
	}
	return l
}

// drawPassage shows the versions as a staircase, read from left to right, and
// under each step what it cost those who store prices meanwhile.
func drawPassage(id string, p evidence.Passage) template.HTML {
	s := stairsOf(p)
	lanes := s.lanes()
	bottom := s.floor() + float64(len(lanes))*(laneGap+laneHeight)
	d := chart(id, "", int(bottom)+24, p.Title+": the way through the versions", saysPassage(p))
	d.text("t-ink", "0", "12", "Version of the schema")
	d.versions(s)
	for i, step := range s.steps {
		if len(s.steps) <= killsApart && (step.Killed != "" || step.Lost > 0) {
			at := pc(s.x(i, .5))
			d.line("look", at, px(stairsTop), at, px(bottom))
		}
	}
	d.stairs(s)
	for k, l := range lanes {
		d.lane(s, l, s.floor()+laneGap+float64(k)*(laneGap+laneHeight))
	}
	d.stepNumbers(s, bottom+17)
	return d.done()
}

// versions draws a line for each version, its number at the left, and at the
// right the name of the migration that puts it on.
func (d *drawing) versions(s stairs) {
	names := map[int64]string{}
	for _, step := range s.steps {
		names[max(step.From, step.To)] = words(step.Name)
	}
	every := 1
	for float64(every)*s.rise < 12 {
		every++
	}
	for i, v := range s.levels {
		y := s.y(v)
		d.line("axis", "0", px(y), "100%", px(y))
		if i%every != 0 {
			continue
		}
		d.text("e", "-8", px(y+4), fmt.Sprint(v))
		d.within("100%", func() { d.text("t-dim", "8", px(y+4), clipped(names[v], stairsNames)) })
	}
}

// stairs draws the way: a tread up to the middle of each column, there the step
// itself, and a cross where something was killed in the middle of it.
func (d *drawing) stairs(s stairs) {
	for i, step := range s.steps {
		from, to, middle := px(s.y(step.From)), px(s.y(step.To)), pc(s.x(i, .5))
		d.line("stair", pc(s.x(i, 0)), from, middle, from)
		d.line("stair", middle, from, middle, to)
		d.line("stair", middle, to, pc(s.x(i, 1)), to)
	}
	radius := 6.0
	if len(s.steps) > killsApart {
		radius = 4
	}
	for i, step := range s.steps {
		if step.Killed == "" && step.Lost == 0 {
			continue
		}
		class := "kill"
		if step.Lost > 0 {
			class = "kill-lost"
		}
		y := (s.y(step.From) + s.y(step.To)) / 2
		d.within(pc(s.x(i, .5)), func() {
			arm := radius * .42
			d.dot(class, "0", px(y), radius)
			d.line(class+"-x", px(-arm), px(y-arm), px(arm), px(y+arm))
			d.line(class+"-x", px(-arm), px(y+arm), px(arm), px(y-arm))
		})
	}
}

// lane draws one figure of every step. The longest bar has its figure, and all
// have theirs where there are few.
func (d *drawing) lane(s stairs, l lane, top float64) {
	highest := slices.Max(l.values)
	a := axisFor(highest*1.02, 2)
	y := func(v float64) float64 { return top + laneHeight - a.share(v)*laneHeight }
	title := l.title + in(l.unit)
	if l.total != "" && len(l.values) > 1 {
		title += " · " + l.total
	}
	d.text("t-ink", "0", px(top-20), title)
	d.levels(a, y, "")
	width := min(.6, float64(len(l.values))*.06) // no broad block for a single step
	for i, v := range l.values {
		d.rect("bar", pc(s.x(i, .5-width/2)), px(y(v)), pc(s.x(0, width)), px(top+laneHeight-y(v)))
		if v > 0 && (len(l.values) <= laneLabels || i == slices.Index(l.values, highest)) {
			d.text("mid t-ink", pc(s.x(i, .5)), px(y(v)-5), number(v))
		}
	}
}

func (d *drawing) stepNumbers(s stairs, y float64) {
	for i := range s.steps {
		if i == 0 || (i+1)%step(len(s.steps)) == 0 {
			d.text("mid", pc(s.x(i, .5)), px(y), count(int64(i+1)))
		}
	}
	d.within("100%", func() { d.text("t-dim", "8", px(y), "step") })
}

func saysPassage(p evidence.Passage) string {
	t := togetherOf(p)
	says := capital(t.course()) + ". " + capital(t.pauses()) + ". " + t.stored()
	if t.killed > 0 || t.lost > 0 {
		says += "; " + t.kills()
	}
	return says + ". The table below has every step."
}
