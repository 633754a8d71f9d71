package experiment_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/experiment"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

const (
	// family is how many promises share the budget of false alarms; with more,
	// no experiment could fail at its first look.
	family = 8
	// mostRuns is how often an arm is compared with its twin, unless RUNS says
	// otherwise; each planted slowdown is looked for half as often.
	mostRuns = 200
)

// BenchmarkCalibrate asks how often the harness is right. It compares an arm with
// an identical twin, and with a twin that has a slowdown planted, judges each
// experiment as a run does, and prints the table that CALIBRATION.md holds. The
// series take turns, so that all meet the same machine. A signal ends it with
// the table of what was done so far.
//
// The environment variable RUNS sets the number of comparisons with the
// identical twin, and QUIET how many seconds each experiment may wait for a
// machine on which nothing else runs; 0 takes the machine as it is.
func BenchmarkCalibrate(b *testing.B) {
	runs := setting(b, "RUNS", mostRuns)
	c := calibration(b, func(kind workload) []*series {
		return []*series{
			{kind: kind, profile: "pr", fitness: 10, of: runs},
			{kind: kind, profile: "pr", fitness: 10, of: (runs + 1) / 2, percent: 20},
			{kind: kind, profile: "nightly", fitness: 20, of: (runs + 1) / 2, percent: 10},
		}
	})
	_, _ = fmt.Fprintln(c.out, c.table())
	b.ReportMetric(0, "ns/op")
}

// BenchmarkAA is a short calibration that can fail: an insert experiment on
// identical twins raises no alarm and finds no improvement.
func BenchmarkAA(b *testing.B) {
	c := calibration(b, func(kind workload) []*series {
		return []*series{{kind: kind, profile: "pr", fitness: 10, of: 10}}
	})
	_, _ = fmt.Fprintln(c.out, c.table())
	b.ReportMetric(0, "ns/op")
	for _, s := range c.series {
		b.ReportMetric(float64(s.verdicts[objective.Pass]), string(s.kind)+"-pass")
		require.Zero(b, s.verdicts[objective.Fail], "%s: a promise that is kept was called broken", s.kind)
		require.Zero(b, s.improved, "%s: a twin was called faster", s.kind)
	}
}

// workload is one of the two experiments.
type workload string

const (
	inserts workload = "insert"
	queries workload = "query"
)

// series is so many experiments of one kind.
type series struct {
	kind    workload
	profile string
	fitness int     // pairs
	percent float64 // of the slowdown that is planted; 0 is none
	of      int

	verdicts map[objective.Verdict]int
	improved int // said to be faster
	pairs    []float64
	seconds  []float64
	shortest time.Duration
}

// calibration runs the series of both workloads by turns.
func calibration(b *testing.B, plan func(workload) []*series) *calibrator {
	ctx, stop := signal.NotifyContext(b.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server, err := environ.Start(ctx, environ.Options{Choice: environ.Local, RunID: "calibrate"})
	if err != nil {
		b.Skipf("no private Postgres: %v", err)
	}
	b.Cleanup(func() { require.NoError(b, server.Stop(context.Background())) })
	dsn, err := server.CreateDatabase(ctx, "calibrate", "")
	require.NoError(b, err)
	c := &calibrator{out: os.Stdout, patience: time.Duration(setting(b, "QUIET", 0)) * time.Second, began: time.Now(), load: load(), server: version(b, dsn)}
	arms := map[workload][2]experiment.Arm{}
	for _, kind := range []workload{inserts, queries} {
		arms[kind] = [2]experiment.Arm{twin(b, dsn, kind, "old"), twin(b, dsn, kind, "new")}
		c.series = append(c.series, plan(kind)...)
	}
	for seed, s := range c.turns() {
		if c.patience > 0 && !quiet(ctx, c.patience) {
			c.restless++
		}
		if ctx.Err() != nil {
			break
		}
		if err := s.run(ctx, uint64(seed), arms[s.kind], c.out); ctx.Err() == nil {
			require.NoError(b, err)
			c.progress()
		}
	}
	return c
}

// run carries out one experiment and counts what is said of it.
func (s *series) run(ctx context.Context, seed uint64, arms [2]experiment.Arm, out io.Writer) error {
	kept, err := objective.Parse(string(s.kind)+" throughput", "at least 95 % of baseline")
	if err != nil {
		return err
	}
	better, err := objective.Parse(kept.Measure, "at least 5 % faster than baseline")
	if err != nil {
		return err
	}
	current := arms[1]
	if s.percent > 0 {
		current = experiment.Slowed(current, s.percent)
	}
	began := time.Now()
	pairs, err := experiment.Compare(ctx, experiment.Plan{
		Unit: "a second", Slices: measure.Slices, Warmup: measure.LeastWarmup, FitnessPairs: s.fitness, Seed: seed,
		Fit:     func(f measure.Fitness) bool { return objective.Fit(kept, measure.Pairs{Fitness: &f}) },
		Decided: func(p measure.Pairs) bool { return objective.Decided(kept, p, family) },
	}, arms[0], current)
	if err != nil {
		return err
	}
	said := s.count(pairs, kept, better, time.Since(began))
	if expected := map[bool]objective.Verdict{true: objective.Fail, false: objective.Pass}[s.percent > 0]; said.Verdict != expected {
		_, _ = fmt.Fprintf(out, "%s: %s: %s\n", s.name(), said.Verdict, said.Reason)
	}
	return nil
}

// count takes in one experiment and returns what is said of it.
func (s *series) count(pairs measure.Pairs, kept, better objective.Objective, took time.Duration) objective.Judgement {
	value := func(o objective.Objective) measure.Value {
		return measure.Value{Name: o.Measure, Unit: "× baseline", Pairs: &pairs}
	}
	if s.verdicts == nil {
		s.verdicts = map[objective.Verdict]int{}
	}
	said := kept.Judge(value(kept), family)
	s.verdicts[said.Verdict]++
	if better.Judge(value(better), family).Verdict == objective.Pass {
		s.improved++
	}
	block := time.Duration(pairs.BlockSeconds * float64(time.Second))
	if s.shortest == 0 || block < s.shortest {
		s.shortest = block
	}
	s.pairs = append(s.pairs, float64(len(pairs.Baseline)))
	s.seconds = append(s.seconds, took.Seconds())
	return said
}
