package history

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/service/monitor"
)

const (
	// MaxMeasures is how many measures a question may name.
	MaxMeasures = 10
	// MaxPoints is how many points an answer may have for each of them.
	MaxPoints = 2000
	// usualPoints is how many it has at most if the question leaves the step
	// open.
	usualPoints = 600
	// manyRows is where rows that are coarser, and less recent, are read
	// instead, if the step lets them.
	manyRows = 7500
	// partRows is how many rows one statement reads at most, so that it ends
	// within its time also on a busy server.
	partRows = 2000
	// spare is for how much longer rows are kept than is said, so that a
	// question about the last two hours still finds them all.
	spare = 2 * time.Minute
)

// resolution is how finely something is kept, and for how long.
type resolution struct {
	table string
	step  time.Duration
	keep  time.Duration
}

// resolutions begin with the finest.
func resolutions() []resolution {
	const day = 24 * time.Hour
	return []resolution{
		{"history_seconds", time.Second, 2 * time.Hour},
		{"history_minutes", time.Minute, 14 * day},
		{"history_hours", time.Hour, 3 * 365 * day},
	}
}

// steps are those that are taken where the question leaves the step open.
func steps() []time.Duration {
	var all []time.Duration
	for unit, multiples := range map[time.Duration][]int{
		time.Second: {1, 2, 5, 10, 15, 30}, time.Minute: {1, 2, 5, 10, 15, 30}, time.Hour: {1, 2, 3, 6, 12, 24, 48, 168},
	} {
		for _, m := range multiples {
			all = append(all, time.Duration(m)*unit)
		}
	}
	slices.Sort(all)
	return all
}

// Question asks how measures were. Times are rounded outwards to whole steps,
// and what is older than anything that is kept, or in the future, is left out.
type Question struct {
	// Measures are names of monitor.Measures, each once, at most MaxMeasures.
	Measures []string
	// From and To bound the time. Zero is the last hour, and now.
	From, To time.Time
	// Step is between two points: whole seconds, minutes or hours. Zero takes
	// the finest with at most 600 points.
	Step time.Duration
}

// Invalid is a question that cannot be answered.
type Invalid struct {
	// Field is the part of the question: measure, from, to or step.
	Field string
	// Problem says what is wrong with it.
	Problem string
}

func (i *Invalid) Error() string { return i.Field + ": " + i.Problem }

// plan is how a question is answered.
type plan struct {
	measures []string
	from, to time.Time
	step     time.Duration
	source   resolution
}

// plan checks the question as of now.
func (q Question) plan(now time.Time, kept []resolution) (plan, error) {
	if err := q.checkMeasures(); err != nil {
		return plan{}, err
	}
	from, to := q.From, q.To
	if to.IsZero() {
		to = now
	}
	if from.IsZero() {
		from = to.Add(-time.Hour)
	}
	switch {
	case !from.Before(to) && q.To.IsZero():
		return plan{}, &Invalid{"from", "must be in the past"}
	case !from.Before(to):
		return plan{}, &Invalid{"to", "must be after from"}
	case q.Step != 0 && (q.Step < time.Second || q.Step%time.Second != 0):
		return plan{}, &Invalid{"step", "must be whole seconds, minutes or hours, such as 10s, 5m or 1h"}
	}
	from = latest(from, now.Add(-kept[len(kept)-1].keep))
	to = latest(from, earliest(to, now.Add(time.Minute))) // clocks of replicas differ
	p := plan{measures: q.Measures, from: from, to: to, step: q.Step}
	if p.step == 0 {
		p.step = usualStep(from, to, now, kept, usualPoints)
	}
	sources := possible(from, now, p.step, kept)
	if better := usualStep(from, to, now, kept, MaxPoints); len(sources) == 0 {
		return plan{}, &Invalid{"step", fmt.Sprintf("is finer than what is kept from that long ago; %s would do", Text(better))}
	} else if points := to.Sub(from) / p.step; points > MaxPoints {
		return plan{}, &Invalid{"step", fmt.Sprintf("makes %d points of each measure, and %d is the most; %s would do", points, MaxPoints, Text(better))}
	}
	p.source = sources[0]
	for _, coarser := range sources[1:] {
		if to.Sub(from)/p.source.step > manyRows {
			p.source = coarser
		}
	}
	p.from = floor(from, p.step)
	if p.to = floor(to, p.step); p.to.Before(to) {
		p.to = p.to.Add(p.step)
	}
	return p, nil
}

func (q Question) checkMeasures() error {
	switch {
	case len(q.Measures) == 0:
		return &Invalid{"measure", "is missing; GET /api/history/measures lists all"}
	case len(q.Measures) > MaxMeasures:
		return &Invalid{"measure", fmt.Sprintf("is given %d times, and %d is the most", len(q.Measures), MaxMeasures)}
	}
	for i, name := range q.Measures {
		if slices.Contains(q.Measures[:i], name) {
			return &Invalid{"measure", name + " is given twice"}
		}
		if near, known := look(name); !known {
			return &Invalid{"measure", fmt.Sprintf("%.64q is not known%s; GET /api/history/measures lists all", name, near)}
		}
	}
	return nil
}

// look says whether there is a measure of that name and, if not, which are
// near: those of its group, or those that end as it does.
func look(name string) (near string, known bool) {
	group, last, whole := strings.Cut(name, ".")
	if !whole {
		group, last = name, name
	}
	var same, alike []string
	for _, m := range monitor.Measures() {
		theirs, rest, _ := strings.Cut(m.Name, ".")
		switch {
		case m.Name == name:
			return "", true
		case theirs == group:
			same = append(same, m.Name)
		case last != "" && rest == last:
			alike = append(alike, m.Name)
		}
	}
	if len(alike) == 0 {
		alike = same
	}
	if len(alike) == 0 {
		return "", false
	}
	return "; near it are " + strings.Join(alike, ", "), false
}

// usualStep is the finest that gives at most so many points and that is kept
// from that long ago.
func usualStep(from, to, now time.Time, kept []resolution, points int) time.Duration {
	var step time.Duration
	for _, step = range steps() {
		if int64(to.Sub(from)/step) <= int64(points) && len(possible(from, now, step, kept)) > 0 {
			break
		}
	}
	return step
}

// possible are the resolutions that a step can be made of, and that are kept
// from that long ago.
func possible(from, now time.Time, step time.Duration, kept []resolution) []resolution {
	return slices.DeleteFunc(slices.Clone(kept), func(r resolution) bool {
		return step%r.step != 0 || from.Before(now.Add(-r.keep-spare/2))
	})
}

// floor is the beginning of the step that a time is in. Steps are counted from
// 1970, as by date_bin in SQL.
func floor(t time.Time, step time.Duration) time.Time {
	seconds := int64(step / time.Second)
	into := (t.Unix()%seconds + seconds) % seconds
	return time.Unix(t.Unix()-into, 0).UTC()
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Text writes a step as it may be asked for: 10s, 5m, 1h.
func Text(step time.Duration) string {
	switch {
	case step%time.Hour == 0:
		return fmt.Sprintf("%dh", step/time.Hour)
	case step%time.Minute == 0:
		return fmt.Sprintf("%dm", step/time.Minute)
	}
	return fmt.Sprintf("%ds", step/time.Second)
}
