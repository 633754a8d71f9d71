package baseline

import (
	"fmt"

	"github.com/signoff-dev/signoff/harness/objective"
)

// leastMargin is the slowdown, in per cent, that no comparison makes a fuss
// about: two builds of the same source may differ by so much.
const leastMargin = 5

// Terms are how two runs are compared. The zero value is the ordinary way.
type Terms struct {
	// Margin is the slowdown in per cent that is still no regression; at least
	// 5, and 5 where it is zero.
	Margin float64
	// Across lets ratios be compared that were measured in different
	// environments: both arms of an experiment ran on the same machine, so
	// that its ratio travels, if not far.
	Across bool
	// AllGate lets percentiles and counts decide, too, which is right only
	// where machine and load never change.
	AllGate bool
}

// Comparison is how a run differs from an earlier one.
type Comparison struct {
	Before  Side     `json:"before"`
	After   Side     `json:"after"`
	Changes []Change `json:"changes"`
	// Plans are the queries that the server carries out otherwise than before.
	// They decide nothing.
	Plans []PlanChange `json:"plans,omitempty"`
	// Notes are caveats that a reader must know, in full sentences.
	Notes  []string         `json:"notes,omitempty"`
	Result ComparisonResult `json:"result"`
}

// Side is one of the two runs.
type Side struct {
	Asked       string      `json:"asked"` // as it was asked for
	Run         string      `json:"run"`
	Started     string      `json:"started"` // RFC 3339, UTC
	Commit      Commit      `json:"commit"`
	Profile     string      `json:"profile"`
	Environment Environment `json:"environment"`
	Against     *Against    `json:"against,omitempty"`
}

// Change is one measure in both runs.
type Change struct {
	Scenario string  `json:"scenario"`
	Title    string  `json:"title"`
	Measure  string  `json:"measure"`
	Kind     Kind    `json:"kind"`
	Unit     string  `json:"unit"`
	Before   *Figure `json:"before,omitempty"`
	After    *Figure `json:"after,omitempty"`
	// Faster is the improvement in per cent, the throughput ratio − 1: 25 is
	// "25 % faster", for a duration that fell from 10 to 8 ms. Absent where a
	// figure is, or where no ratio can be formed.
	Faster *float64 `json:"faster_percent,omitempty"`
	Low    *float64 `json:"low_percent,omitempty"`
	High   *float64 `json:"high_percent,omitempty"`
	// Margin is the slowdown in per cent that is no regression. Noise is the
	// one below which none is believed: the margin, or twice as much as a
	// block of the experiment differed from itself. It keeps a restless machine
	// from a fail and never helps anything to pass.
	Margin float64 `json:"margin_percent"`
	Noise  float64 `json:"noise_percent"`
	// Verdict answers "is it no slower than before, but for the margin?".
	Verdict objective.Verdict `json:"verdict"`
	Gating  bool              `json:"gating"`
	Reason  string            `json:"reason"`
}

// ComparisonResult is the outcome as a whole.
type ComparisonResult struct {
	ExitCode int                       `json:"exit_code"` // as that of signoff run
	Reason   string                    `json:"reason"`
	Counts   map[objective.Verdict]int `json:"counts"` // of the gating changes
}

// Compare judges, measure by measure, whether after is slower than before.
//
// A ratio is compared by its intervals: if the true values lie within them, the
// change lies between the one's low end over the other's high end, and the
// other way round. The verdict is pass if even the worse end of that lies
// within the margin, fail if even the better end lies beyond it and beyond what
// the machine does to equal blocks, and inconclusive otherwise. As both intervals would have to miss
// in opposite directions, and by more than the margin, two equal builds
// practically never fail.
func Compare(before, after Entry, terms Terms) Comparison {
	c := Comparison{Before: sideOf(before), After: sideOf(after)}
	c.Notes = notes(before, after)
	different := terms.different(before, after)
	later := map[string]Scenario{}
	for _, s := range after.Scenarios {
		later[s.ID] = s
	}
	for _, was := range before.Scenarios {
		is, there := later[was.ID]
		delete(later, was.ID)
		c.Changes = append(c.Changes, terms.scenario(was, is, there, different)...)
	}
	for _, s := range after.Scenarios {
		if _, isNew := later[s.ID]; !isNew {
			continue
		}
		for _, f := range s.Figures {
			c.Changes = append(c.Changes, Change{
				Scenario: s.ID, Title: s.Title, Measure: f.Measure, Kind: f.Kind, Unit: f.Unit, After: &f,
				Verdict: objective.NotRun, Reason: "The earlier run has no such scenario.",
			})
		}
	}
	if before.Environment.ID != after.Environment.ID && !terms.Across {
		c.Notes = append(c.Notes, "A ratio of two arms on one machine travels, if not far: --across-environments compares the ratios all the same.")
	}
	c.Notes = append(c.Notes, broken(c.Changes)...)
	c.Notes = append(c.Notes, planNotes(before, after)...)
	c.Plans = PlanChanges(before, after)
	c.Result = conclude(c.Changes, after.Profile)
	return c
}

func sideOf(e Entry) Side {
	return Side{
		Asked: e.Run, Run: e.Run, Started: e.Started.UTC().Format("2006-01-02T15:04:05Z"), Commit: e.Commit,
		Profile: e.Profile, Environment: e.Environment, Against: e.Against,
	}
}

func notes(before, after Entry) []string {
	var said []string
	if before.Run == after.Run {
		said = append(said, "Both are the same run, so that nothing can differ.")
	}
	for _, side := range []struct {
		name  string
		entry Entry
	}{{"earlier", before}, {"later", after}} {
		if side.entry.Narrowing != "" {
			said = append(said, fmt.Sprintf("The %s run is only part of its profile: %s.", side.name, side.entry.Narrowing))
		}
		if side.entry.Commit.Dirty {
			said = append(said, fmt.Sprintf("The %s run tested a work tree with changes that no commit holds.", side.name))
		}
	}
	if after.Started.Before(before.Started) {
		said = append(said, "The run that is compared is older than the one it is compared with.")
	}
	return said
}

// different says why no figure of one run may be set beside one of the other,
// and for ratios apart, where Terms ask for that; empty is no reason.
func (t Terms) different(before, after Entry) func(Kind) string {
	return func(k Kind) string {
		switch {
		case before.Service != after.Service:
			return fmt.Sprintf("Two different services were tested, %q and %q.", before.Service, after.Service)
		case !before.comparesLike(after):
			return fmt.Sprintf("The earlier run compared %s and the later one %s: ratios to different things do not compare.", before.comparing(), after.comparing())
		case before.Profile != after.Profile:
			return fmt.Sprintf("One was measured in profile %s and the other in %s.", before.Profile, after.Profile)
		case before.Environment.ID == after.Environment.ID, t.Across && k == Ratio:
			return ""
		default:
			return fmt.Sprintf("They were measured in different environments: %s (%s) and %s (%s).",
				before.Environment.ID, before.Environment.Says, after.Environment.ID, after.Environment.Says)
		}
	}
}

// scenario compares every measure of one scenario.
func (t Terms) scenario(was, is Scenario, there bool, different func(Kind) string) []Change {
	var changes []Change
	matched := map[string]bool{}
	for _, f := range was.Figures {
		c := Change{Scenario: was.ID, Title: was.Title, Measure: f.Measure, Kind: f.Kind, Unit: f.Unit, Before: &f}
		c.Gating = f.Kind == Ratio && f.gates() || t.AllGate && f.gates()
		for _, g := range is.Figures {
			if g.Measure == f.Measure && g.Unit == f.Unit {
				c.After, c.Title, c.Gating = &g, is.Title, c.Gating && g.gates()
			}
		}
		matched[f.Measure+"\x00"+f.Unit] = true
		switch why := different(f.Kind); {
		case why != "":
			c.Verdict, c.Reason = objective.Unfit, why
		case !there:
			c.Verdict, c.Reason = objective.NotRun, "The later run left the scenario out."
		case c.After == nil:
			c.Verdict, c.Reason = objective.NotRun, "The later run did not measure it."
		case !alike(was.Situation, is.Situation):
			c.Verdict, c.Reason = objective.Unfit, "The scenario was written differently: its steps are not the same."
		default:
			t.judge(&c)
		}
		changes = append(changes, c)
	}
	for _, g := range is.Figures {
		if !matched[g.Measure+"\x00"+g.Unit] {
			changes = append(changes, Change{
				Scenario: is.ID, Title: is.Title, Measure: g.Measure, Kind: g.Kind, Unit: g.Unit, After: &g,
				Verdict: objective.NotRun, Reason: "The earlier run did not measure it.",
			})
		}
	}
	return changes
}

// gates reports whether some promise about the figure does.
func (f Figure) gates() bool {
	for _, p := range f.Promises {
		if p.Gating {
			return true
		}
	}
	return false
}
