package partition

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// table is one partitioned table of the market.
type table struct {
	name   string
	column string   // that it is divided by
	key    []string // of a row
	yearly bool     // otherwise daily
	// back is how many intervals before the present one a gap is filled: one
	// row of a far date shall not make all the days since.
	back int
}

func tables() []table {
	return []table{
		{name: "ticks", column: "at", key: []string{"instrument_id", "at", "trade"}, back: 400},
		{name: "bars", column: "day", key: []string{"instrument_id", "day"}, yearly: true, back: 100},
	}
}

func tableNamed(name string) (table, error) {
	for _, t := range tables() {
		if t.name == name {
			return t, nil
		}
	}
	return table{}, fmt.Errorf("looking for table %q: only ticks and bars are partitioned", name)
}

// interval is what people call one partition's time.
func (t table) interval() string {
	if t.yearly {
		return "year"
	}
	return "day"
}

// floor is the beginning of the interval that holds the moment, in UTC.
func (t table) floor(at time.Time) time.Time {
	at = at.UTC()
	if t.yearly {
		return time.Date(at.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
}

// add is the beginning of the interval n after the one that begins at from.
func (t table) add(from time.Time, n int) time.Time {
	if t.yearly {
		return from.AddDate(n, 0, 0)
	}
	return from.AddDate(0, 0, n)
}

func (t table) stamp(at time.Time) string {
	if t.yearly {
		return at.Format("2006")
	}
	return at.Format("20060102")
}

// literal writes a bound as SQL.
func (t table) literal(at time.Time) string {
	if t.yearly {
		return "'" + at.Format(time.DateOnly) + "'"
	}
	return "'" + at.Format("2006-01-02 15:04:05.999999+00") + "'"
}

// inside is the condition that a row belongs to the span.
func (t table) inside(s span) string {
	return fmt.Sprintf("(%[1]s >= %[2]s and %[1]s < %[3]s)", t.column, t.literal(s.from), t.literal(s.to))
}

// span is the time from one moment up to but not including another.
type span struct{ from, to time.Time }

// The moments that stand for MINVALUE and MAXVALUE: Postgres itself knows no
// earlier and no later ones.
func beginning() time.Time { return time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC) }
func end() time.Time       { return time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC) }

func (s span) holds(at time.Time) bool { return !at.Before(s.from) && at.Before(s.to) }

// gaps returns what of the window no span covers, in order.
func gaps(window span, covered []span) []span {
	covered = slices.Clone(covered)
	slices.SortFunc(covered, func(a, b span) int { return a.from.Compare(b.from) })
	var missing []span
	at := window.from
	for _, c := range covered {
		if !at.Before(window.to) {
			return missing
		}
		if c.from.After(at) {
			missing = append(missing, span{at, earlier(c.from, window.to)})
		}
		if c.to.After(at) {
			at = c.to
		}
	}
	if at.Before(window.to) {
		missing = append(missing, span{at, window.to})
	}
	return missing
}

// intervals cuts a span at the borders of the table's intervals.
func (t table) intervals(s span) []span {
	var cut []span
	for from := s.from; from.Before(s.to); {
		to := earlier(t.add(t.floor(from), 1), s.to)
		cut = append(cut, span{from, to})
		from = to
	}
	return cut
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// keptSpan reads the time of a kept table from its name, for a table that is
// no longer attached has no bounds. It is false for names that are not ours.
func (t table) keptSpan(name string) (span, bool) {
	rest, ours := strings.CutPrefix(name, t.name+"_kept_")
	rest, history := strings.CutPrefix(rest, "history_")
	stamp, count, numbered := strings.Cut(rest, "_")
	if !ours || numbered && strings.Trim(count, "0123456789") != "" {
		return span{}, false
	}
	layout := "20060102"
	if t.yearly && !history {
		layout = "2006"
	}
	from, err := time.Parse(layout, stamp)
	switch {
	case err != nil:
		return span{}, false
	case history:
		return span{beginning(), from}, true
	}
	return span{from, t.add(from, 1)}, true
}

// keptName is what a detached partition is called, by its bounds.
func (t table) keptName(s span) string {
	if s.from.Equal(beginning()) {
		return t.name + "_kept_history_" + s.to.Format("20060102")
	}
	return t.name + "_kept_" + t.stamp(s.from)
}
