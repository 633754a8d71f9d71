package experiment_test

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// calibrator holds what was counted, and on which machine.
type calibrator struct {
	series []*series
	began  time.Time
	load   string // of the machine at the beginning
	server string
	out    io.Writer
	// patience is how long an experiment waits for a quiet machine, and
	// restless how many waited in vain.
	patience time.Duration
	restless int
}

// turns is the order in which the series run: each comes as often among the
// first half of the experiments as among the second.
func (c *calibrator) turns() []*series {
	var order []*series
	total, given := 0, make([]int, len(c.series))
	for _, s := range c.series {
		total += s.of
	}
	for len(order) < total {
		next := -1
		for i, s := range c.series {
			if given[i] < s.of && (next < 0 || (given[i]+1)*c.series[next].of < (given[next]+1)*s.of) {
				next = i
			}
		}
		given[next]++
		order = append(order, c.series[next])
	}
	return order
}

// progress writes a line after each ten experiments.
func (c *calibrator) progress() {
	done, of := 0, 0
	var said []string
	for _, s := range c.series {
		done, of = done+len(s.pairs), of+s.of
		said = append(said, fmt.Sprintf("%s: %d pass, %d fail, %d inconclusive, %d unfit", s.name(),
			s.verdicts[objective.Pass], s.verdicts[objective.Fail], s.verdicts[objective.Inconclusive], s.verdicts[objective.Unfit]))
	}
	if done%10 != 0 {
		return
	}
	took := time.Since(c.began)
	_, _ = fmt.Fprintf(c.out, "%s %d of %d experiments in %v, %v to go; %s\n", time.Now().UTC().Format(time.TimeOnly), done, of,
		took.Round(time.Second), (took * time.Duration(of-done) / time.Duration(done)).Round(time.Minute), strings.Join(said, "; "))
}

func (s *series) name() string {
	if s.percent == 0 {
		return fmt.Sprintf("%s, identical, %s", s.kind, s.profile)
	}
	return fmt.Sprintf("%s, %g %% longer, %s", s.kind, s.percent, s.profile)
}

// table is what CALIBRATION.md holds.
func (c *calibrator) table() string {
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	line("\n| experiment, planted slowdown, profile | runs | pass | fail | inconclusive | unfit | called faster | pairs | seconds | shortest block |")
	line("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, s := range c.series {
		v := s.verdicts
		line("| %s | %d | %d | %d | %d | %d | %d | %.0f | %.1f | %.0f ms |", s.name(), len(s.pairs),
			v[objective.Pass], v[objective.Fail], v[objective.Inconclusive], v[objective.Unfit], s.improved,
			middle(s.pairs), middle(s.seconds), measure.InMilliseconds(s.shortest))
	}
	line("\nPairs and seconds are medians. Each experiment was held to \"at least 95 %% of baseline\" in a family of %d.\n", family)
	for _, s := range c.series {
		n := int64(len(s.pairs))
		if s.percent == 0 {
			line("- %s: %s false alarms; %s called faster", s.name(), rate(s.verdicts[objective.Fail], n), rate(s.improved, n))
			continue
		}
		fit := n - int64(s.verdicts[objective.Unfit])
		line("- %s: caught %d of %d, and of %d on a fit machine; missed %s", s.name(), s.verdicts[objective.Fail], n, fit, rate(s.verdicts[objective.Pass], n))
	}
	line("\nOn %d cores (%s/%s) with Postgres %s, from %s to %s UTC; load average %s at the beginning and %s at the end.",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, c.server,
		c.began.UTC().Format("2006-01-02 15:04"), time.Now().UTC().Format("15:04"), c.load, load())
	if c.patience > 0 {
		line("Each experiment waited up to %v for a machine that leaves %g %% of its processors idle; %d began on a busier one.",
			c.patience, 100*(1-busiest), c.restless)
	}
	return out.String()
}

// rate is a count with the upper end of its one-sided 95 % interval (Clopper
// and Pearson 1934).
func rate(hits int, of int64) string {
	i, ok := measure.Share{Hits: int64(hits), Of: of}.Interval(0.90)
	if !ok {
		return fmt.Sprintf("%d of %d", hits, of)
	}
	return fmt.Sprintf("%d of %d (at most %.1f %%)", hits, of, 100*i.High)
}

func middle(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(x))
	return sorted[len(sorted)/2]
}

// load is the load average of the machine over one minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}

func TestTheSeriesOfACalibrationTakeTurns(t *testing.T) {
	c := calibrator{series: []*series{{of: 20}, {of: 10, percent: 20}, {of: 10, percent: 10}}}
	order := c.turns()
	require.Len(t, order, 40)
	for at, want := range map[int][]int{20: {10, 5, 5}, 40: {20, 10, 10}} {
		for i, s := range c.series {
			n := 0
			for _, o := range order[:at] {
				if o == s {
					n++
				}
			}
			require.InDelta(t, want[i], n, 1)
		}
	}
}

func TestATableOfACalibrationCountsWhatWasSaid(t *testing.T) {
	same := &series{kind: inserts, profile: "pr", of: 200, pairs: make([]float64, 200), seconds: []float64{3, 5, 4},
		verdicts: map[objective.Verdict]int{objective.Pass: 199, objective.Unfit: 1}, shortest: 101 * time.Millisecond}
	slow := &series{kind: queries, profile: "pr", percent: 20, of: 100, pairs: []float64{10, 20, 40}, verdicts: map[objective.Verdict]int{objective.Fail: 2, objective.Unfit: 1}}
	text := (&calibrator{series: []*series{same, slow}, server: "17.5"}).table()
	for _, says := range []string{
		"| insert, identical, pr | 200 | 199 | 0 | 0 | 1 | 0 | 0 | 4.0 | 101 ms |",
		"| query, 20 % longer, pr | 3 | 0 | 2 | 0 | 1 | 0 | 20 | 0.0 | 0 ms |",
		"- insert, identical, pr: 0 of 200 (at most 1.5 %) false alarms; 0 of 200 (at most 1.5 %) called faster",
		"caught 2 of 3, and of 2 on a fit machine; missed 0 of 3 (at most 63.2 %)",
		"with Postgres 17.5",
	} {
		require.Contains(t, text, says)
	}
}
