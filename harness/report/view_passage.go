package report

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// passagePart tells how the schema was changed while the market traded.
type passagePart struct {
	Says     string
	Passages []passageView
}

// passageView is one way through the versions.
type passageView struct {
	Title, ScenarioID string
	First             bool // the first on the page explains itself
	Course, Stored    string
	Kills             string // empty if nothing was killed or lost
	Drawing           template.HTML
	Rows              []passageRow
	Together          *passageRow // nil for a single step
}

// passageRow is one step as a line of the table.
type passageRow struct {
	Number, Name, Way          string
	Took, Locks, Stall, Stored string
	Killed                     string
	Lost                       string // how the check after a kill ended
	Mark                       string // of Lost: "pass" or "fail"
	Checked                    bool   // something was killed or lost on this passage
}

func passagesOf(run evidence.Run) *passagePart {
	part := &passagePart{}
	steps, stall := 0, 0.0
	for i, p := range run.Passages {
		if len(p.Steps) == 0 {
			continue
		}
		t := togetherOf(p)
		steps, stall = steps+t.steps, max(stall, t.stall)
		view := passageView{
			Title: p.Title, ScenarioID: p.Scenario, First: len(part.Passages) == 0,
			Course: t.course(), Stored: t.stored(),
			Drawing: drawPassage(fmt.Sprintf("way%d", i+1), p),
		}
		if t.killed > 0 || t.lost > 0 {
			view.Kills = t.kills()
		}
		for k, s := range p.Steps {
			view.Rows = append(view.Rows, passageRowOf(k, s, view.Kills != ""))
		}
		if t.steps > 1 {
			view.Together = t.row()
		}
		part.Passages = append(part.Passages, view)
	}
	if len(part.Passages) == 0 {
		return nil
	}
	part.Says = fmt.Sprintf("%s while the market traded, longest pause %s", plural(steps, "step", "steps"), milliseconds(stall))
	return part
}

func passageRowOf(i int, s evidence.PassageStep, checked bool) passageRow {
	way := "forward"
	if s.To < s.From {
		way = "back"
	}
	row := passageRow{
		Number: count(int64(i + 1)), Name: words(s.Name), Way: fmt.Sprintf("%s, %d → %d", way, s.From, s.To),
		Took: span(s.Seconds), Locks: milliseconds(s.ExclusiveMS), Stall: milliseconds(s.StallMS), Stored: count(s.Acknowledged),
		Killed: s.Killed, Checked: checked,
	}
	return row.found(s.Killed != "", s.Lost)
}

// found says how the check after a kill ended. What is lost is said even where
// nothing is known to have been killed.
func (r passageRow) found(killed bool, lost int64) passageRow {
	switch {
	case lost > 0:
		r.Lost, r.Mark = count(lost)+" lost", "fail"
	case killed:
		r.Lost, r.Mark = "nothing lost", "pass"
	}
	return r
}

// together is a passage as a whole.
type together struct {
	turns                 []int64 // versions: the first, each at which it turned, the last
	lowest, highest       int64
	steps, killed         int
	seconds, locks, stall float64
	acknowledged, lost    int64
	victims               []string
}

// togetherOf sums up p, which has at least one step.
func togetherOf(p evidence.Passage) together {
	t := together{steps: len(p.Steps), turns: []int64{p.Steps[0].From}, lowest: p.Steps[0].From, highest: p.Steps[0].From}
	for i, s := range p.Steps {
		t.lowest, t.highest = min(t.lowest, s.From, s.To), max(t.highest, s.From, s.To)
		if i > 0 && (s.To > s.From) != (p.Steps[i-1].To > p.Steps[i-1].From) {
			t.turns = append(t.turns, s.From)
		}
		t.seconds += s.Seconds
		t.locks += s.ExclusiveMS
		t.stall = max(t.stall, s.StallMS)
		t.acknowledged += s.Acknowledged
		t.lost += s.Lost
		if s.Killed != "" {
			t.killed++
			t.victims = append(t.victims, s.Killed)
		}
	}
	t.turns = append(t.turns, p.Steps[len(p.Steps)-1].To)
	return t
}

// course is the way in words: "12 steps, version 1 → 7 → 1, in 41 s".
func (t together) course() string {
	const told = 4 // turns that a reader follows
	way := fmt.Sprintf("between versions %d and %d", t.lowest, t.highest)
	if len(t.turns) <= told {
		names := make([]string, len(t.turns))
		for i, v := range t.turns {
			names[i] = fmt.Sprint(v)
		}
		way = "version " + strings.Join(names, nbsp+"→"+nbsp)
	}
	return fmt.Sprintf("%s, %s, in %s", plural(t.steps, "step", "steps"), way, span(t.seconds))
}

func (t together) pauses() string {
	return fmt.Sprintf("locks that stop writers %s in sum, longest pause in storing %s", milliseconds(t.locks), milliseconds(t.stall))
}

func (t together) stored() string {
	if t.acknowledged == 1 {
		return "1" + nbsp + "price stored meanwhile"
	}
	return count(t.acknowledged) + nbsp + "prices stored meanwhile"
}

// kills says what was killed how often, and what became of the prices.
func (t together) kills() string {
	said := "nothing killed"
	for i, victim := range unique(t.victims) {
		often := 0
		for _, v := range t.victims {
			if v == victim {
				often++
			}
		}
		if i == 0 {
			said = victim + " killed " + times(often)
		} else {
			said += ", " + victim + " " + times(often)
		}
	}
	if t.lost > 0 {
		return said + ", " + count(t.lost) + nbsp + "lost"
	}
	return said + ", nothing lost"
}

// times says how often.
func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	default:
		return count(int64(n)) + nbsp + "times"
	}
}

func (t together) row() *passageRow {
	row := passageRow{
		Took: span(t.seconds), Locks: milliseconds(t.locks), Stall: milliseconds(t.stall), Stored: count(t.acknowledged),
		Checked: t.killed > 0 || t.lost > 0,
	}
	if t.killed > 0 {
		row.Killed = plural(t.killed, "kill", "kills")
	}
	row = row.found(t.killed > 0, t.lost)
	return &row
}

// milliseconds writes a short time, from ten seconds on in seconds.
func milliseconds(ms float64) string {
	if ms >= 10_000 {
		return span(ms / 1000)
	}
	return quantity(number(ms), "ms")
}
