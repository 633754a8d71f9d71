package baseline

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/harness/baseline/changepoint"
	"github.com/signoff-dev/signoff/harness/objective"
)

// mostRuns is how many of the newest runs a trend covers.
const mostRuns = 120

// View is what a trend is asked to show. The zero value shows every promise in
// the profile and the environment of the newest run.
type View struct {
	Profile     string
	Environment string
	Scenario    string // id
	Measure     string // name, with or without its percentile
	// Against chooses runs against another version, by the commit or the name
	// of that; ordinary runs when empty. The two are never mixed.
	Against string
	// Unpromised shows what was measured without a promise, too.
	Unpromised bool
}

// Trend is every promise over the runs of one profile in one environment.
type Trend struct {
	Service     string
	Profile     string
	Environment Environment
	Against     *Against // what every run compared with, if anything
	Runs        []Tested // oldest first
	Series      []Series // in the order of the newest run
	// LeftOut says in full sentences which runs are not shown, and how to see them.
	LeftOut []string
	Faults  []Fault
}

// Tested is one run on the axis.
type Tested struct {
	ID      string
	Started time.Time
	Commit  Commit
	Outcome string
}

// Series is one measure over the runs.
type Series struct {
	Scenario, Title, Measure, Unit string
	Kind                           Kind
	Better                         Direction
	Promises                       []Promise // of the newest run
	Points                         []Point   // oldest first
	Shifts                         []Shift   // oldest first
	// Note says why no change was looked for, or is empty.
	Note string
}

// Point is the figure of one run.
type Point struct {
	Run              int // index of Trend.Runs
	Value, Low, High *float64
	Verdict          objective.Verdict
	Promises         []Promise // as they were then
}

// Shift is a change point: the figures from run At on differ from those before.
type Shift struct {
	At, From, Until int // indices of Trend.Runs: the change, and the ends of what was compared
	P               float64
	Before, After   float64 // medians on either side
	// Faster is the improvement in per cent, the throughput ratio − 1; absent
	// where no ratio can be formed.
	Faster *float64
	Worse  bool
}

// ErrNothingToShow says that no entry fits a view.
var ErrNothingToShow = errors.New("nothing to show")

// TrendOf draws the trend that v asks for from everything in a history.
func TrendOf(r Reading, v View) (Trend, error) {
	if len(r.Entries) == 0 {
		return Trend{}, fmt.Errorf("%w: the history has no run that can be read", ErrNothingToShow)
	}
	newest, err := newestOf(r.Entries, v)
	if err != nil {
		return Trend{}, err
	}
	t := Trend{Service: newest.Service, Profile: newest.Profile, Environment: newest.Environment, Against: newest.Against, Faults: r.Faults}
	shown := Filter{Profile: newest.Profile, Environment: newest.Environment.ID}
	var entries []Entry
	for _, e := range r.Entries {
		if shown.picks(e) && e.Service == newest.Service && e.comparesLike(newest) {
			entries = append(entries, e)
		}
	}
	t.LeftOut = leftOut(r.Entries, newest)
	if older := len(entries) - mostRuns; older > 0 {
		t.LeftOut = append(t.LeftOut, fmt.Sprintf("Not shown: %s older than the %d newest.", runs(older), mostRuns))
		entries = entries[older:]
	}
	for _, e := range entries {
		t.Runs = append(t.Runs, Tested{e.Run, e.Started, e.Commit, e.Outcome})
	}
	t.Series = seriesOf(entries, v)
	if len(t.Series) == 0 {
		return Trend{}, fmt.Errorf("%w: no run of profile %s has %s; there are %s", ErrNothingToShow, t.Profile, v.asks(), strings.Join(ids(entries), ", "))
	}
	return t, nil
}

func newestOf(entries []Entry, v View) (Entry, error) {
	f := Filter{Profile: v.Profile, Environment: v.Environment}
	var there []string
	for _, e := range slices.Backward(entries) {
		if f.picks(e) && v.meant(e) {
			return e, nil
		}
		says := fmt.Sprintf("profile %s in %s", e.Profile, e.Environment.ID)
		if e.Against != nil {
			says += fmt.Sprintf(" against %s (--against %.7s)", e.Against, e.base())
		}
		if !slices.Contains(there, says) {
			there = append(there, says)
		}
	}
	return Entry{}, fmt.Errorf("%w: the history has no %s; it has %s", ErrNothingToShow, v.wants(), strings.Join(there, "; "))
}

// wants says which runs a view is of.
func (v View) wants() string {
	text := "run"
	if v.Profile != "" {
		text += " of profile " + v.Profile
	}
	if v.Environment != "" {
		text += " in environment " + v.Environment
	}
	if v.Against != "" {
		return text + " against " + v.Against
	}
	return text + " without --against"
}

func (v View) asks() string {
	switch {
	case v.Scenario != "" && v.Measure != "":
		return fmt.Sprintf("a promise on %q in %s", v.Measure, v.Scenario)
	case v.Measure != "":
		return fmt.Sprintf("a promise on %q", v.Measure)
	case v.Scenario != "":
		return "a promise in " + v.Scenario
	default:
		return "any promise"
	}
}

func ids(entries []Entry) []string {
	var all []string
	for _, e := range entries {
		for _, s := range e.Scenarios {
			if !slices.Contains(all, s.ID) {
				all = append(all, s.ID)
			}
		}
	}
	slices.Sort(all)
	return all
}

func runs(n int) string {
	if n == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", n)
}

// seriesOf follows every figure of the newest run that has it back in time, as
// long as it means the same.
func seriesOf(entries []Entry, v View) []Series {
	var all []Series
	index := map[string]int{}
	means := map[string][2]string{}
	for i, e := range slices.Backward(entries) {
		for _, s := range e.Scenarios {
			if v.Scenario != "" && v.Scenario != s.ID {
				continue
			}
			for _, f := range s.Figures {
				if !v.shows(f) {
					continue
				}
				key := s.ID + "\x00" + f.Measure + "\x00" + f.Unit
				at, known := index[key]
				if !known {
					at = len(all)
					index[key] = at
					all = append(all, Series{
						Scenario: s.ID, Title: s.Title, Measure: f.Measure, Unit: f.Unit,
						Kind: f.Kind, Better: f.Better, Promises: f.Promises,
					})
				}
				meant := means[key]
				if !alike(meant[0], s.Situation) || !alike(meant[1], f.Experiment) {
					all[at].Note = "Earlier runs measured another situation and are not drawn."
					continue
				}
				means[key] = [2]string{cmp.Or(meant[0], s.Situation), cmp.Or(meant[1], f.Experiment)}
				all[at].Points = append(all[at].Points, Point{i, f.Value, f.Low, f.High, f.Verdict, f.Promises})
			}
		}
	}
	for i := range all {
		slices.Reverse(all[i].Points)
		all[i].look()
	}
	slices.SortStableFunc(all, func(a, b Series) int { return strings.Compare(a.Scenario, b.Scenario) })
	return all
}

func (v View) shows(f Figure) bool {
	if v.Measure != "" {
		name, _, _ := strings.Cut(f.Measure, ", p")
		return f.Measure == v.Measure || name == v.Measure
	}
	return len(f.Promises) > 0 || v.Unpromised
}

// look finds the change points. The seed is drawn from what the series is
// called, so that the same history shows the same points to everybody.
func (s *Series) look() {
	var figures []float64
	var at []int
	for _, p := range s.Points {
		if p.Value != nil {
			figures, at = append(figures, *p.Value), append(at, p.Run)
		}
	}
	name := fnv.New64a()
	name.Write([]byte(s.Scenario + "\x00" + s.Measure))
	found, err := changepoint.Find(figures, name.Sum64())
	if errors.Is(err, changepoint.ErrTooFew) {
		s.Note = strings.TrimSpace(fmt.Sprintf("%s with a figure; a change is looked for from %d on. %s", runs(len(figures)), changepoint.LeastFigures, s.Note))
		return
	}
	if err != nil {
		s.Note = strings.TrimSpace(fmt.Sprintf("No change was looked for: %v. %s", err, s.Note))
		return
	}
	bounds := []int{0}
	for _, p := range found {
		bounds = append(bounds, p.At)
	}
	bounds = append(bounds, len(figures))
	for i, p := range found {
		s.Shifts = append(s.Shifts, s.shift(p, at[bounds[i]], at[p.At], at[bounds[i+2]-1], figures[bounds[i]:p.At], figures[p.At:bounds[i+2]]))
	}
}

func (s *Series) shift(p changepoint.Point, from, at, until int, before, after []float64) Shift {
	shift := Shift{At: at, From: from, Until: until, P: p.P, Before: median(before), After: median(after)}
	shift.Worse = s.Better == More && shift.After < shift.Before || s.Better == Less && shift.After > shift.Before
	c := Change{After: &Figure{Better: s.Better}}
	if ratio, ok := c.faster(shift.Before, shift.After); ok && !math.IsInf(ratio, 0) {
		shift.Faster = percent(ratio)
	}
	return shift
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}
