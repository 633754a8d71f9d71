package report_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/harness/environ/fingerprint"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// sample is a run with every verdict and every shape of a measure in it. Its
// figures are invented, its intervals are computed from them.
func sample() evidence.Run {
	start := time.Date(2025, 6, 12, 9, 41, 7, 0, time.UTC)
	run := evidence.Run{
		Format: evidence.Format, ID: "20250612T094107Z-9f3c2ab", Service: "marketd",
		Started: start, Ended: start.Add(161 * time.Second), Budget: 180,
		Program: evidence.Program{Name: "marketd", SHA256: strings.Repeat("cd", 32), Revision: "9f3c2ab41d0c8e5f7a6b9d8c7e6f5a4b3c2d1e0f"},
		Tool:    evidence.Tool{Version: "0.1.0", Go: "go1.26.0"},
		Commit:  evidence.Commit{SHA: "9f3c2ab41d0c8e5f7a6b9d8c7e6f5a4b3c2d1e0f", Subject: "Drop redundant indexes", Branch: "main"},
		Profile: "pr", Seed: 20250612,
		Environment: environment(),
		Facts:       []evidence.Fact{{Name: "Fixtures", Value: "10,000 daily bars, 455 symbols"}, {Name: "Migrations", Value: "baseline 00001, current 00007"}},
		Features:    []evidence.Feature{inserts(), capacity(), calculations(), stream(), rollback()},
		Accounts: []evidence.Account{
			{Scenario: "SLO-INGEST-01", Title: "A busy minute", Offered: 12000, Acknowledged: 12000, Found: 12000},
			{Scenario: "SLO-ROLL-01", Title: "Upgrade and rollback, market open", Offered: 20053, Refused: 2, Acknowledged: 20050, Found: 20051, Indeterminate: 1},
		},
		Passages: []evidence.Passage{thereAndBack(), badDay()},
		Proofs:   proofs(),
		SelfTests: []evidence.SelfTest{
			{Broke: "Deleted one acknowledged row, id 73,114", Must: "lost 1", Said: "lost 1: id 73,114", Red: true},
			{Broke: "Wrote one row that nobody offered", Must: "unexpected 1", Said: "unexpected 1: id 900,001", Red: true},
		},
	}
	return judged(run)
}

// judged is run with every verdict computed from its measures, and with the
// accounts and passages of its own scenarios.
func judged(run evidence.Run) evidence.Run {
	ran := map[string]bool{}
	for _, f := range run.Features {
		for _, s := range f.Scenarios {
			ran[s.ID] = true
		}
	}
	run.Accounts = slices.DeleteFunc(slices.Clone(run.Accounts), func(a evidence.Account) bool { return !ran[a.Scenario] })
	run.Passages = slices.DeleteFunc(slices.Clone(run.Passages), func(p evidence.Passage) bool { return !ran[p.Scenario] })
	run.Family, run.Alpha, run.Result = 0, 0, evidence.Result{}
	if err := evidence.Judge(&run); err != nil {
		panic(err)
	}
	return run
}

// passing is sample with everything that does not hold taken out.
func passing() evidence.Run {
	run := sample()
	var kept []evidence.Feature
	for _, f := range run.Features {
		var scenarios []evidence.Scenario
		for _, s := range f.Scenarios {
			good := s.Broken == "" && s.Skipped == "" && s.Quarantined == ""
			for _, o := range s.Objectives {
				good = good && (o.Verdict == objective.Pass || !o.Gating)
			}
			if good {
				scenarios = append(scenarios, s)
			}
		}
		if f.Scenarios = scenarios; len(scenarios) > 0 {
			kept = append(kept, f)
		}
	}
	run.Features = kept
	return judged(run)
}

func environment() fingerprint.Environment {
	return fingerprint.Environment{
		ID: "b77349bf1fa9",
		Host: fingerprint.Host{
			OS: "linux", Kernel: "6.8.0", Arch: "amd64", CPU: "AMD EPYC 7763", Cores: 2, Memory: 8 << 30,
			Virtual: true, Clock: "tsc", FsyncMS: 0.21, StealMedian: 0.4, StealMax: 6,
		},
		Server: fingerprint.Server{
			Provider: "container", Why: "no address given, a daemon answered", Version: "17.5",
			Image: "postgres:17-alpine", ImageDigest: "sha256:b29814cf5792e684cd75d6a7fce7a67a11887e312f87ca2ac2496d81f365ff72",
			Settings: map[string]string{"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "wal_level": "replica", "shared_buffers": "128MB"},
		},
	}
}

// proofs are those of a run that can tell a difference.
func proofs() []evidence.Proof {
	proofs := []evidence.Proof{
		{Name: evidence.IdenticalArms, Pairs: experiment("prices/s", 51000, 1, .02, 10, false)},
		{Name: evidence.PlantedSlowdown, Planted: evidence.Planted, Pairs: experiment("prices/s", 51000, 1/1.2, .02, 10, false)},
	}
	for i := range proofs {
		p := &proofs[i].Pairs
		p.Seed = evidence.SeedOf(20250612, proofs[i].Name)
		p.First = measure.Order(p.Seed, len(p.First))
	}
	return proofs
}

func inserts() evidence.Feature {
	pairs := experiment("rows/s", 5900, 1.62, .05, 20, false)
	speed := measure.Value{Name: "insert throughput", Pairs: &pairs}
	return feature("insert_performance", "@insert", "Prices are stored as fast as the market trades", "A price that waits to be written is a price nobody can act on.",
		scenario("SLO-INSERT-01", "One writer", "Storing prices is at least 30 % faster than before", speed).
			holds("insert throughput", "at least 30 % faster than baseline").
			holds("insert throughput", "should be 50 % faster than baseline").
			holds("insert throughput", "should be 80 % faster than baseline").
			done())
}

func capacity() evidence.Feature {
	latency := histogram(12000, 2.1, .6, 1)
	return feature("ingest_capacity", "@ingest", "A busy minute is stored without a pause", "The market does not wait.",
		scenario("SLO-INGEST-01", "A busy minute", "10,000 prices a minute, every minute",
			measure.Value{Name: "acknowledged prices lost", Share: &measure.Share{Of: 12000}},
			measure.Value{Name: "prices from nowhere", Share: &measure.Share{Of: 12000}},
			measure.Value{Name: "prices stored twice", Share: &measure.Share{Of: 12000}},
			measure.Value{Name: "prices stored wrong", Share: &measure.Share{Of: 12000}},
			measure.Value{Name: "sustained inserts", Unit: "a minute", Series: &measure.Series{Width: 10, Windows: []float64{11988, 12006, 11976, 12018, 12000, 12012}}},
			measure.Value{Name: "insert latency", Unit: "ms", Histogram: latency},
			measure.Value{Name: "inserts dropped", Share: &measure.Share{Of: 12000}},
			measure.Value{Name: "highest sustained rate", Unit: "a minute", Amount: &measure.Amount{Value: 96120, Of: 8, Says: "best of 8 steps"}}).
			holds("sustained inserts", "at least 10,000 a minute").
			holds("insert latency, p99", "at most 50 ms").
			holds("inserts dropped", "exactly 0").
			done())
}

func calculations() evidence.Feature {
	sum, avg, vwap := experiment("ms", 46, 2.48, .04, 10, true), experiment("ms", 52, 2.03, .25, 40, true), experiment("ms", 120, 5.21, .05, 10, true)
	noisy := experiment("ms", 80, 2.9, .05, 10, true)
	for i := range noisy.Fitness.B {
		noisy.Fitness.B[i] *= 1.25
	}
	rule := "The usual calculations are at least twice as fast as before"
	return feature("calculation_performance", "@calc", "Analysts get their figures in half the time", "Risk and settlement wait for these calculations every evening.",
		scenario("SLO-CALC-01", "Sum of a year", rule, measure.Value{Name: "float calculation (sum)", Pairs: &sum}).
			holds("float calculation (sum)", "at least 2 × baseline").done(),
		scenario("SLO-CALC-02", "Average price of a year", rule, measure.Value{Name: "float calculation (avg)", Pairs: &avg}).
			holds("float calculation (avg)", "at least 2 × baseline").
			notes("The hypervisor took up to 6 % of the processor away during pairs 22 to 31.").done(),
		scenario("SLO-CALC-03", "Spread of a year", rule, measure.Value{Name: "float calculation (stddev)", Pairs: &noisy}).
			holds("float calculation (stddev)", "at least 2 × baseline").done(),
		scenario("SLO-CALC-04", "Volume-weighted price", rule, measure.Value{Name: "float calculation (vwap)", Pairs: &vwap}).
			holds("float calculation (vwap)", "at least 2 × baseline").done(),
		scenario("SLO-CALC-05", "Floats against decimals", "Faster never means wrong", measure.Value{Name: "largest relative error", Amount: &measure.Amount{Value: 3.1e-12, Of: 1820, Says: "largest of 1,820"}}).
			holds("largest relative error", "at most 0.000000001").done())
}

func stream() evidence.Feature {
	day, bell := histogram(40000, 6, .8, 2), histogram(24000, 22, .95, 3)
	return feature("live_prices", "@stream", "Live prices reach traders in time", "Traders act on what they see. A late price is a wrong price.",
		scenario("SLO-STREAM-01", "Ordinary trading day", "Every trader sees every price before it is stale",
			measure.Value{Name: "delivery lag", Unit: "ms", Histogram: day},
			measure.Value{Name: "prices delivered", Unit: "%", Share: &measure.Share{Hits: 999989, Of: 1000000}}).
			holds("delivery lag, p99", "at most 250 ms").
			holds("prices delivered", "at least 99.99 %").done(),
		scenario("SLO-STREAM-02", "Opening bell", "Every trader sees every price before it is stale",
			measure.Value{Name: "delivery lag", Unit: "ms", Histogram: bell},
			measure.Value{Name: "prices delivered", Unit: "%", Share: &measure.Share{Hits: 599989, Of: 600000}}).
			holds("delivery lag, p99", "at most 150 ms").
			holds("prices delivered", "at least 99.99 %").done(),
		scenario("SLO-STREAM-03", "A trader on a slow line", "One slow line never delays the others").
			holds("delivery lag of the others, p99", "at most 250 ms").
			broken("seating client 3 of 500: dial tcp 127.0.0.1:41123: connect: connection refused").done())
}

func rollback() evidence.Feature {
	return feature("deployment_rollback", "@rollback", "A release can be taken back without losing a price", "The way back must be as safe as the way forward.",
		scenario("SLO-ROLL-01", "Down to the baseline and up again", "No acknowledged price is ever lost",
			measure.Value{Name: "acknowledged prices lost", Share: &measure.Share{Of: 20050}},
			measure.Value{Name: "prices from nowhere", Share: &measure.Share{Of: 20050}},
			measure.Value{Name: "prices stored twice", Share: &measure.Share{Of: 20050}},
			measure.Value{Name: "prices stored wrong", Share: &measure.Share{Of: 20050}},
			measure.Value{Name: "acknowledged inserts lost", Share: &measure.Share{Of: 20050}},
			measure.Value{Name: "rows that differ", Share: &measure.Share{Hits: 3, Of: 20050}}).
			holds("acknowledged inserts lost", "exactly 0").
			holds("rows that differ", "exactly 0").done(),
		scenario("SLO-ROLL-02", "Ten million rows", "No acknowledged price is ever lost").
			holds("longest pause in writing", "at most 2 s").
			skipped("@nightly: profile pr does not run it").done())
}

// thereAndBack goes from the oldest version to the newest and back.
func thereAndBack() evidence.Passage {
	p := evidence.Passage{Scenario: "SLO-ROLL-01", Title: "Every step forward and back"}
	for i, name := range []string{"lean_indexes", "instruments", "float8", "data_safety", "partitions", "monitoring"} {
		v := int64(i + 1)
		p.Steps = append(p.Steps, evidence.PassageStep{
			From: v, To: v + 1, Name: name, Seconds: []float64{.41, 6.2, 4.8, .62, .94, .12}[i],
			ExclusiveMS: []float64{2.1, 18, 16, 3.2, 4.4, 1}[i], StallMS: []float64{14, 212, 143, 18, 22, 9}[i], Acknowledged: []int64{41, 622, 480, 60, 95, 12}[i],
		})
	}
	for i, up := range slices.Backward(p.Steps) {
		p.Steps = append(p.Steps, evidence.PassageStep{
			From: up.To, To: up.From, Name: up.Name, Seconds: up.Seconds * .9,
			ExclusiveMS: up.ExclusiveMS * 1.1, StallMS: up.StallMS + float64(i), Acknowledged: up.Acknowledged * 9 / 10,
		})
	}
	return p
}

// badDay is a passage in which things are killed, and a price is lost.
func badDay() evidence.Passage {
	return evidence.Passage{Scenario: "SLO-ROLL-01", Title: "The bad day", Steps: []evidence.PassageStep{
		{From: 3, To: 4, Name: "float8", Seconds: 12.4, ExclusiveMS: 31, StallMS: 2210, Acknowledged: 811, Killed: "server"},
		{From: 4, To: 3, Name: "float8", Seconds: 11.9, ExclusiveMS: 28, StallMS: 140, Acknowledged: 1024, Killed: "migrator"},
		{From: 3, To: 4, Name: "float8", Seconds: 5.1, ExclusiveMS: 17, StallMS: 133, Acknowledged: 502},
		{From: 4, To: 5, Name: "data_safety", Seconds: 9.7, ExclusiveMS: 4.6, StallMS: 1930, Acknowledged: 390, Killed: "server", Lost: 2},
	}}
}

type builder struct{ evidence.Scenario }

func feature(file, tag, title, narrative string, scenarios ...evidence.Scenario) evidence.Feature {
	for i := range scenarios {
		s := &scenarios[i]
		s.Line = 10 + 12*i
		s.Gherkin = gherkin(*s)
		for j := range s.Objectives {
			s.Objectives[j].Line = s.Line + 5 + j
		}
	}
	return evidence.Feature{URI: "features/" + file + ".feature", SHA256: strings.Repeat("ab", 32), Title: title, Narrative: narrative, Tag: tag, Scenarios: scenarios}
}

func gherkin(s evidence.Scenario) string {
	text := "Rule: " + s.Rule + "\n\n  " + strings.Join(s.Tags, " ") + "\n  Scenario: " + s.Title +
		"\n    Given a market of 455 instruments with 10,000 daily bars\n    When the market trades 200 prices a second for 60 seconds\n    Then these objectives hold:\n" + fmt.Sprintf("      | %-34s | %-34s |\n", "measure", "target")
	for _, o := range s.Objectives {
		text += fmt.Sprintf("      | %-34s | %-34s |\n", o.Measure, o.Target)
	}
	return text
}

func scenario(id, title, rule string, values ...measure.Value) *builder {
	b := &builder{evidence.Scenario{ID: id, Title: title, Rule: rule, Tags: []string{"@pr", "@" + id}, Started: time.Date(2025, 6, 12, 9, 41, 20, 0, time.UTC), Seconds: 12.4, Measures: values}}
	b.Steps = []evidence.Step{
		{Keyword: "Given", Text: "a market of 455 instruments with 10,000 daily bars", Line: 12, Status: "passed", Seconds: .4},
		{Keyword: "When", Text: "the market trades 200 prices a second for 60 seconds", Line: 13, Status: "passed", Seconds: 12},
	}
	return b
}

func (b *builder) holds(name, target string) *builder {
	b.Objectives = append(b.Objectives, evidence.Objective{Measure: name, Target: target})
	return b
}

func (b *builder) notes(n ...string) *builder { b.Notes = n; return b }

func (b *builder) broken(why string) *builder {
	b.Broken = why
	b.Steps[1].Status, b.Steps[1].Error = "failed", why
	return b
}

func (b *builder) skipped(why string) *builder {
	b.Skipped, b.Steps, b.Seconds, b.Started = why, nil, 0, time.Time{}
	b.Tags[0] = "@nightly"
	return b
}

func (b *builder) done() evidence.Scenario { return b.Scenario }

// experiment makes pairs whose ratio is about the given one.
func experiment(unit string, level, ratio, spread float64, n int, lower bool) measure.Pairs {
	rng := rand.New(rand.NewPCG(7, uint64(ratio*100)))
	durable := map[string]string{"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "wal_level": "replica"}
	p := measure.Pairs{
		Unit: unit, LowerIsBetter: lower, BlockSeconds: .12, WarmupPairs: 2, Seed: 20250612, Looks: measure.Looks(), Alpha: measure.Alpha,
		First:       measure.Order(20250612, n),
		Fitness:     &measure.Fitness{},
		BaselineArm: measure.Arm{Name: "baseline 00001", Text: "insert into market_data …", Rows: 10000, Settings: durable},
		CurrentArm:  measure.Arm{Name: "current 00007", Text: "insert into ticks …", Rows: 10000, Settings: durable},
	}
	near := func(x, s float64) float64 { return math.Round(x*math.Exp(s*rng.NormFloat64())*1000) / 1000 }
	for range n {
		p.Baseline = append(p.Baseline, near(level, spread/2))
		if lower {
			p.Current = append(p.Current, near(level/ratio, spread))
		} else {
			p.Current = append(p.Current, near(level*ratio, spread))
		}
	}
	for range 10 {
		p.Fitness.A = append(p.Fitness.A, near(level, .015))
		p.Fitness.B = append(p.Fitness.B, near(level, .015))
	}
	return p
}

func histogram(n int, median, spread float64, seed uint64) *measure.Histogram {
	rng := rand.New(rand.NewPCG(seed, 1))
	h := measure.NewHistogram()
	for range n {
		h.Record(time.Duration(median * math.Exp(spread*rng.NormFloat64()) * float64(time.Millisecond)))
	}
	return h
}
