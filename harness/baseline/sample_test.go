package baseline_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/environ/fingerprint"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// pairs is an experiment of n pairs whose true throughput ratio is known.
func pairs(seed uint64, ratio, spread float64, n int, durations bool) measure.Pairs {
	coin := rand.New(rand.NewPCG(seed, 1))
	durable := map[string]string{"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "wal_level": "replica"}
	p := measure.Pairs{
		Unit: "rows/s", LowerIsBetter: durations, BlockSeconds: .12, WarmupPairs: 2, Seed: seed,
		Looks: measure.Looks(), Alpha: measure.Alpha, First: measure.Order(seed, n), Fitness: &measure.Fitness{},
		BaselineArm: measure.Arm{Name: "baseline", Text: "insert", Rows: 10000, Settings: durable, Plan: fmt.Sprint(seed)},
		CurrentArm:  measure.Arm{Name: "current", Text: "insert", Rows: 10000, Settings: durable},
	}
	near := func(x, s float64) float64 { return x * math.Exp(s*coin.NormFloat64()) }
	for range n {
		p.Baseline = append(p.Baseline, near(1000, spread))
		if durations {
			p.Current = append(p.Current, near(1000/ratio, spread))
		} else {
			p.Current = append(p.Current, near(1000*ratio, spread))
		}
		p.Fitness.A, p.Fitness.B = append(p.Fitness.A, near(1000, .005)), append(p.Fitness.B, near(1000, .005))
	}
	return p
}

func lags(seed uint64, median float64) *measure.Histogram {
	coin, h := rand.New(rand.NewPCG(seed, 2)), measure.NewHistogram()
	for range 4000 {
		h.Record(time.Duration(median * math.Exp(.3*coin.NormFloat64()) * float64(time.Millisecond)))
	}
	return h
}

// row is a line of an objective table: measure and target.
type row struct{ measure, target string }

func scenario(id string, rows []row, measures ...measure.Value) evidence.Scenario {
	s := evidence.Scenario{
		ID: id, Title: "A day", Line: 5, Tags: []string{"@pr", "@" + id}, Measures: measures,
		Steps: []evidence.Step{{Keyword: "When ", Text: "the market trades", Status: evidence.StepPassed}},
	}
	var text strings.Builder
	text.WriteString("@pr @" + id + "\nScenario: A day\n  When the market trades\n  Then these objectives hold:\n    | measure | target |\n")
	for _, r := range rows {
		s.Objectives = append(s.Objectives, evidence.Objective{Measure: r.measure, Target: r.target})
		text.WriteString("    | " + r.measure + " | " + r.target + " |\n")
	}
	s.Gherkin = text.String()
	return s
}

// judged is the run of some scenarios, the nth of its kind.
func judged(t testing.TB, nth int, scenarios ...evidence.Scenario) evidence.Run {
	t.Helper()
	started := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC).Add(time.Duration(nth) * 20 * time.Hour)
	sha := fmt.Sprintf("%07x%s", nth+0xabc000, strings.Repeat("0", 33))
	run := evidence.Run{
		Format: evidence.Format, ID: started.Format("20060102T150405Z-") + sha[:7], Service: "marketd", Started: started, Profile: "nightly",
		Commit:   evidence.Commit{SHA: sha, Subject: "Change something", Branch: "main"},
		Features: []evidence.Feature{{URI: "features/a.feature", Tag: "@insert", Scenarios: scenarios}},
		Environment: fingerprint.Environment{
			ID:     "b77349bf1fa9",
			Host:   fingerprint.Host{OS: "linux", CPU: "AMD EPYC", Cores: 2, Memory: 8 << 30},
			Server: fingerprint.Server{Provider: "local", Version: "17.5"},
		},
	}
	run.Proofs = []evidence.Proof{
		{Name: evidence.IdenticalArms, Pairs: pairs(evidence.SeedOf(run.Seed, evidence.IdenticalArms), 1, .01, 20, false)},
		{Name: evidence.PlantedSlowdown, Planted: evidence.Planted, Pairs: pairs(evidence.SeedOf(run.Seed, evidence.PlantedSlowdown), 1/1.2, .01, 20, false)},
	}
	require.NoError(t, evidence.Judge(&run))
	return run
}

// entry is a run with one experiment, one distribution and one count in it.
func entry(t testing.TB, nth int, ratio, lag float64, lost int64) baseline.Entry {
	t.Helper()
	p := pairs(uint64(nth), ratio, .02, 20, false)
	return baseline.EntryOf(judged(t, nth,
		scenario("SLO-INSERT-01", []row{{"insert throughput", "at least 30 % faster than baseline"}}, measure.Value{Name: "insert throughput", Pairs: &p}),
		scenario("SLO-STREAM-01", []row{{"delivery lag, p99", "at most 250 ms"}, {"prices lost", "exactly 0"}},
			measure.Value{Name: "delivery lag", Unit: "ms", Histogram: lags(uint64(nth), lag)},
			measure.Value{Name: "prices lost", Share: &measure.Share{Hits: lost, Of: 4000}}),
	))
}

func figure(t testing.TB, e baseline.Entry, measure string) *baseline.Figure {
	t.Helper()
	for i := range e.Scenarios {
		for j := range e.Scenarios[i].Figures {
			if e.Scenarios[i].Figures[j].Measure == measure {
				return &e.Scenarios[i].Figures[j]
			}
		}
	}
	require.FailNow(t, "no figure", measure)
	return nil
}

func verdicts(c baseline.Comparison) map[string]objective.Verdict {
	all := map[string]objective.Verdict{}
	for _, x := range c.Changes {
		all[x.Measure] = x.Verdict
	}
	return all
}
