package report

import (
	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/objective"
)

// limits draws each promise of the newest run as it was in each run, and shades
// the side that is not good.
func (c *trendChart) limits() {
	for _, promise := range c.s.Promises {
		if promise.Limit > c.top || promise.Limit < c.bottom {
			c.beyondLimit(promise)
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
		c.within("100%", func() {
			c.text("t-ink", "6", px(c.y(promise.Limit)-1), boundWord(promise))
			c.text("", "6", px(c.y(promise.Limit)+12), quantity(figure(promise.Limit, c.s.Unit), tickUnit(c.s.Unit)))
		})
	}
}

// boundWord is a bound where only a short one fits.
func boundWord(p baseline.Promise) string {
	if !p.Gating {
		return "wish"
	}
	return string(p.Bound)
}

// beyondLimit says that a limit lies outside the picture, and on which side.
func (c *trendChart) beyondLimit(p baseline.Promise) {
	y, mark := trendTop, "↑"
	if p.Limit < c.bottom {
		y, mark = trendFloor-12, "↓"
	}
	c.within("100%", func() {
		c.text("t-ink", "6", px(y+3), mark+" "+boundWord(p))
		c.text("", "6", px(y+16), quantity(figure(p.Limit, c.s.Unit), tickUnit(c.s.Unit)))
	})
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
