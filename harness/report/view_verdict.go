package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// verdictPart is the first screen, and the first printed page.
type verdictPart struct {
	Headline, Class string
	Caveat          string
	Sentence        string
	Links           []link
	Facts           []pairOfWords
	Strip           []stripFeature
	Tally           []tallyItem
	SignOff         signOff
}

type link struct{ Href, Text string }

type stripFeature struct {
	Name, Href, Says, Class string
	Marks                   []stripMark
}

type stripMark struct {
	Href, Title string
	Mark        verdictMark
}

type tallyItem struct {
	Mark verdictMark
	Text string
	Zero bool
}

// signOff is the line that says who answers for the report.
type signOff struct {
	Mark       verdictMark
	When, Says string
}

func verdictPartOf(run evidence.Run, signer Signer, concerns []concernView) verdictPart {
	h := headlineOf(run, signer)
	t := tallyOf(run)
	p := verdictPart{Headline: h.sentence, Class: class(h.verdict), Caveat: caveat(run, signer), SignOff: signOffOf(run, signer)}
	if t.broken > 0 && h.verdict == objective.NotRun {
		p.Class = "broken"
	}
	p.Sentence = run.Result.Reason
	if n := len(concerns); n > 0 {
		p.Links = append(p.Links, link{"#attention", plural(n, "thing needs", "things need") + " attention"})
	}
	if t.skipped > 0 {
		p.Links = append(p.Links, link{"#not-run", plural(t.skipped, "promise was", "promises were") + " not run"})
	}
	number := 0
	for i := 0; i < len(run.Features); {
		first, f := i, run.Features[i]
		for i++; i < len(run.Features) && label(run.Features[i]) == label(f); i++ { // one capability, several files
			f.Scenarios = slices.Concat(f.Scenarios, run.Features[i].Scenarios)
		}
		p.Strip = append(p.Strip, stripOf(first, f, &number))
	}
	for _, v := range verdicts() {
		p.Tally = append(p.Tally, tallyItem{verdictMark{class(v), string(v)}, fmt.Sprintf("%s %s", count(int64(t.of[v])), v), t.of[v] == 0})
	}
	if t.broken > 0 {
		p.Tally = append(p.Tally, tallyItem{Mark: verdictMark{"broken", "broken"}, Text: plural(t.broken, "scenario broken", "scenarios broken")})
	}
	if t.missed > 0 {
		p.Tally = append(p.Tally, tallyItem{Mark: verdictMark{"miss", "fail"}, Text: plural(t.missed, "fail that does not gate", "fails that do not gate")})
	}
	return p
}

// stripOf gives each objective of f a mark; number counts over the whole run
// as the rows of the page do.
func stripOf(i int, f evidence.Feature, number *int) stripFeature {
	s := stripFeature{Name: label(f), Href: fmt.Sprintf("#f%d", i+1)}
	var t tally
	t.of = map[objective.Verdict]int{}
	t.add(f)
	for _, scenario := range f.Scenarios {
		for _, o := range scenario.Objectives {
			*number++
			m := stripMark{Href: fmt.Sprintf("#o%d", *number), Mark: markOf(o)}
			m.Title = o.Measure + ": " + m.Mark.Word
			if !o.Gating {
				m.Title += ", does not gate"
			}
			s.Marks = append(s.Marks, m)
		}
	}
	switch {
	case t.of[objective.Fail] > 0:
		s.Says, s.Class = fmt.Sprintf("%d fail", t.of[objective.Fail]), "v-fail"
	case t.broken > 0:
		s.Says, s.Class = fmt.Sprintf("%d broken", t.broken), "v-broken"
	case t.of[objective.Inconclusive] > 0:
		s.Says, s.Class = fmt.Sprintf("%d inconclusive", t.of[objective.Inconclusive]), "v-inconclusive"
	case t.of[objective.Unfit] > 0:
		s.Says, s.Class = fmt.Sprintf("%d unfit", t.of[objective.Unfit]), "v-unfit"
	case t.of[objective.NotRun] > 0:
		s.Says, s.Class = fmt.Sprintf("%d not run", t.of[objective.NotRun]), "v-notrun"
	case t.promises == 0:
		s.Says = "nothing gates"
	case t.promises == 1:
		s.Says = "passes"
	default:
		s.Says = fmt.Sprintf("all %d pass", t.promises)
	}
	return s
}

// label is the short name of a feature: its capability tag in plain words.
func label(f evidence.Feature) string {
	if len(f.Tag) > 1 {
		return capital(words(f.Tag[1:]))
	}
	return clipped(f.Title, 24)
}

func factsOf(run evidence.Run, signer Signer) []pairOfWords {
	facts := known([]pairOfWords{
		{Name: "Commit", Value: strings.TrimSpace(short(run.Commit.SHA) + " " + run.Commit.Subject), Note: branch(run.Commit)},
		{Name: "Compared with", Value: comparedWith(run), Note: leftOut(run)},
		{Name: "Profile", Value: profile(run), Note: fmt.Sprintf("exit code %d", run.Result.ExitCode)},
		{Name: "Measured", Value: moment(run.Started), Note: took(run)},
		{Name: "On", Value: where(run), Note: durability(run)},
	})
	switch {
	case signer.KeyID == "":
		return append(facts, pairOfWords{Name: "Signed", Value: "by nobody"})
	case signer.Local:
		return append(facts, pairOfWords{Name: "Signed with a local key", Value: signer.KeyID, Mono: true})
	default:
		return append(facts, pairOfWords{Name: "Signed with the key", Value: signer.KeyID, Mono: true})
	}
}

// comparedWith names the version that this one was compared with, if any.
func comparedWith(run evidence.Run) string {
	if run.Against == nil {
		return ""
	}
	a := run.Against
	return strings.TrimSpace(strings.Join([]string{a.Ref, short(a.Commit.SHA), a.Commit.Subject}, " "))
}

// leftOut says how much a comparison of versions did not ask.
func leftOut(run evidence.Run) string {
	if all := tallyOf(run).promises; run.Against != nil && all > tallyOf(pertinent(run)).promises {
		return plural(all-tallyOf(pertinent(run)).promises, "other promise was", "other promises were") + " not part of it"
	}
	return ""
}

// pertinent is run without the features that it left out as a whole because it
// compares versions: they would bury what was asked.
func pertinent(run evidence.Run) evidence.Run {
	if run.Against == nil {
		return run
	}
	run.Features = slices.DeleteFunc(slices.Clone(run.Features), func(f evidence.Feature) bool {
		return !slices.ContainsFunc(f.Scenarios, func(s evidence.Scenario) bool { return run.Needs(f, s) })
	})
	return run
}

func branch(c evidence.Commit) string {
	said := ""
	switch {
	case c.SHA == "":
		return "outside a repository"
	case c.Branch != "":
		said = "branch " + c.Branch
	}
	if c.Dirty {
		if said != "" {
			said += ", "
		}
		said += "with uncommitted changes"
	}
	return said
}

func profile(run evidence.Run) string {
	if chosen := joined(append([]string{run.Tags}, run.Only...)...); chosen != "" {
		return run.Profile + ", only " + chosen
	}
	return run.Profile
}

func took(run evidence.Run) string {
	said := span(run.Ended.Sub(run.Started).Seconds())
	if run.Budget > 0 {
		said += " of " + span(run.Budget) + " allowed"
	}
	return said
}

func where(run evidence.Run) string {
	e := run.Environment
	var parts []string
	if e.Host.Cores > 0 {
		parts = append(parts, plural(e.Host.Cores, "core", "cores"))
	}
	if e.Server.Version != "" {
		parts = append(parts, "PostgreSQL "+e.Server.Version+" "+e.Server.Provider)
	}
	return strings.Join(parts, ", ")
}

func durability(run evidence.Run) string {
	if v, ok := run.Environment.Server.Settings["fsync"]; ok {
		return "fsync " + v
	}
	return ""
}

func signOffOf(run evidence.Run, signer Signer) signOff {
	s := signOff{When: day(run.Ended), Says: "These verdicts follow from this evidence", Mark: verdictMark{"pass", "signed"}}
	switch {
	case signer.KeyID == "":
		s.Mark, s.When = verdictMark{"notrun", "not signed"}, "–"
		s.Says = "Preview only: nobody answers for this report"
	case signer.Local:
		s.Mark = verdictMark{"notrun", "local key, preview only"}
		s.Says = "The key was made on this machine; nobody else has a reason to trust it"
	case run.Narrowed():
		s.Says = "These verdicts follow from this evidence, but are only part of the promises"
	case run.Commit.Dirty:
		s.Says = "These verdicts follow from this evidence, but not from a commit"
	}
	return s
}
