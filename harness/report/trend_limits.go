package report

import (
	"cmp"
	"slices"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/objective"
)

// limits draws each promise of the newest run as it was in each run, and shades
// the side that is not good. One that lies outside the picture is only named,
// with the side on which it does.
func (c *trendChart) limits() {
	var names []limitName
	for _, promise := range c.s.Promises {
		name := limitName{c.y(promise.Limit), boundWord(promise), quantity(figure(promise.Limit, c.s.Unit), tickUnit(c.s.Unit))}
		switch {
		case promise.Limit > c.top:
			name.word = "↑ " + name.word
		case promise.Limit < c.bottom:
			name.word = "↓ " + name.word
		}
		names = append(names, name)
		if promise.Limit > c.top || promise.Limit < c.bottom {
			continue
		}
		class := "lim"
		if !promise.Gating {
			class = "wish"
		}
		for _, stretch := range c.stretches(promise) {
			from, to := c.x(stretch.from)-c.half(), c.x(stretch.to)+c.half()
			if promise.Gating && promise.Bound == objective.AtLeast {
				c.rect("bad", pc(from), px(c.y(stretch.limit)), pc(to-from), px(trendFloor-c.y(stretch.limit)))
			}
			if promise.Gating && promise.Bound == objective.AtMost {
				c.rect("bad", pc(from), px(trendTop), pc(to-from), px(c.y(stretch.limit)-trendTop))
			}
			c.line(class, pc(from), px(c.y(stretch.limit)), pc(to), px(c.y(stretch.limit)))
		}
	}
	for _, n := range apart(names) {
		c.within("100%", func() {
			c.text("t-ink", "6", px(n.y-1), n.word)
			c.text("", "6", px(n.y+12), n.limit)
		})
	}
}

// limitName is what stands beside a limit, in two lines.
type limitName struct {
	y           float64
	word, limit string
}

// apart moves names that would stand on each other, as far up as they must and
// the floor lets them, and tells the same thing once.
func apart(names []limitName) []limitName {
	const room = 27
	slices.SortStableFunc(names, func(a, b limitName) int { return cmp.Compare(a.y, b.y) })
	names = slices.Compact(names)
	for i := 1; i < len(names); i++ {
		names[i].y = max(names[i].y, names[i-1].y+room)
	}
	highest := trendFloor - 6
	for i := len(names) - 1; i >= 0; i-- {
		names[i].y = min(names[i].y, highest)
		highest = names[i].y - room
	}
	return names
}

// boundWord is a bound where only a short one fits.
func boundWord(p baseline.Promise) string {
	if !p.Gating {
		return "wish"
	}
	return string(p.Bound)
}

func (c *trendChart) half() float64 { return 50 / float64(len(c.t.Runs)) }

// stretch is a span of runs in which a limit was the same.
type stretch struct {
	from, to int
	limit    float64
}

// stretches follows the promise of the newest run with the same bound and the
// same weight through the runs.
func (c *trendChart) stretches(of baseline.Promise) []stretch {
	nth, same := 0, func(p baseline.Promise) bool { return p.Bound == of.Bound && p.Gating == of.Gating }
	for _, p := range c.s.Promises {
		if p.Limit == of.Limit && same(p) {
			break
		}
		if same(p) {
			nth++
		}
	}
	var all []stretch
	for _, point := range c.s.Points {
		i := 0
		for _, p := range point.Promises {
			if !same(p) {
				continue
			}
			if i == nth {
				if n := len(all); n > 0 && all[n-1].limit == p.Limit {
					all[n-1].to = point.Run
				} else {
					all = append(all, stretch{point.Run, point.Run, p.Limit})
				}
			}
			i++
		}
	}
	for i := 0; i+1 < len(all); i++ { // no gap where a run has no figure
		all[i].to = all[i+1].from - 1
	}
	return all
}
