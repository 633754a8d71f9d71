package report

import (
	"fmt"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
)

// trialPart are the experiments of one feature.
type trialPart struct {
	Title    string
	First    bool // the first on the page explains itself
	Notes    []string
	Forest   forest
	Pictures []picture
	Arms     []armView
}

// armView is one side of the experiments of a feature.
type armView struct {
	Class, Name, Experiment, Text string
}

func trialsOf(run evidence.Run) []trialPart {
	var parts []trialPart
	for i, f := range run.Features {
		var trials []trial
		for _, s := range f.Scenarios {
			for _, v := range s.Measures {
				if v.Pairs != nil {
					trials = append(trials, trial{s, v})
				}
			}
		}
		if len(trials) == 0 {
			continue
		}
		part := trialPart{Title: f.Title, Forest: forestOf(f.Title+": fitness check and result on one ratio axis", trials)}
		for k, t := range trials {
			part.Pictures = append(part.Pictures, drawPairs(fmt.Sprintf("p%d-%d", i+1, k+1), t.value.Name, *t.value.Pairs))
			part.Arms = append(part.Arms, armsOf(t)...)
		}
		part.Notes, part.First = howRun(trials), len(parts) == 0
		parts = append(parts, part)
	}
	return parts
}

// howRun tells how the pairs of the trials came about; what is the same for all
// of them is told once.
func howRun(trials []trial) []string {
	var said, named []string
	for _, t := range trials {
		p := t.value.Pairs
		looks := make([]string, len(p.Looks))
		for i, l := range p.Looks {
			looks[i] = count(int64(l))
		}
		how := fmt.Sprintf("Each pair runs both arms back to back in an order decided by a coin (seed %d); %s warmed up and were dropped.",
			p.Seed, plural(p.WarmupPairs, "pair", "pairs"))
		if len(looks) > 0 {
			how += " Planned looks: " + strings.Join(looks, ", ") + " pairs."
		}
		said = append(said, how)
		named = append(named, capital(t.value.Name)+". "+how)
	}
	if one := unique(said); len(one) == 1 {
		return one
	}
	return named
}

func armsOf(t trial) []armView {
	p := t.value.Pairs
	var arms []armView
	for _, a := range []armView{
		{"base", p.BaselineArm.Name, t.value.Name, p.BaselineArm.Text},
		{"cur", p.CurrentArm.Name, t.value.Name, p.CurrentArm.Text},
	} {
		if a.Text != "" {
			arms = append(arms, a)
		}
	}
	return arms
}

func latencyOf(run evidence.Run) []picture {
	var pictures []picture
	for _, f := range run.Features {
		for _, s := range f.Scenarios {
			for _, v := range s.Measures {
				if v.Histogram != nil && v.Histogram.Count() > 0 {
					c := curve{s.Title, v.Histogram, limitsOf(s, v)}
					pictures = append(pictures, drawLatency(fmt.Sprintf("l%d", len(pictures)+1), v.Name, c))
				}
			}
		}
	}
	return pictures
}

func windowsOf(run evidence.Run) []picture {
	var pictures []picture
	for _, f := range run.Features {
		for _, s := range f.Scenarios {
			for _, v := range s.Measures {
				if v.Series != nil && len(v.Series.Windows) > 0 {
					pictures = append(pictures, drawWindows(fmt.Sprintf("s%d", len(pictures)+1), s, v))
				}
			}
		}
	}
	return pictures
}

// otherMeasure is a figure that was measured and that no objective reads.
type otherMeasure struct{ Name, ScenarioID, Figure, Says string }

func othersOf(run evidence.Run) []otherMeasure {
	var others []otherMeasure
	for _, f := range run.Features {
		for _, s := range f.Scenarios {
			judged := map[string]bool{}
			for _, o := range s.Objectives {
				if v := valueFor(s, o); v != nil {
					judged[v.Name] = true
				}
			}
			for _, v := range s.Measures {
				if judged[v.Name] {
					continue
				}
				if o, ok := otherOf(s, v); ok {
					others = append(others, o)
				}
			}
		}
	}
	return others
}

// otherOf tells measures that are one figure; the others have pictures.
func otherOf(s evidence.Scenario, v measure.Value) (otherMeasure, bool) {
	o := otherMeasure{Name: v.Name, ScenarioID: s.ID}
	switch {
	case v.Amount != nil && v.Amount.Of > 0:
		o.Figure, o.Says = quantity(figure(v.Amount.Value, v.Unit), v.Unit), v.Amount.Says
	case v.Share != nil && v.Share.Of > 0:
		o.Figure, o.Says = count(v.Share.Hits)+" of"+nbsp+count(v.Share.Of), "counted"
		if v.Unit == "%" {
			o.Says = quantity(percent(100*float64(v.Share.Hits)/float64(v.Share.Of)), "%")
		}
	default:
		return o, false
	}
	return o, true
}

func unique(texts []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, t := range texts {
		if !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}
