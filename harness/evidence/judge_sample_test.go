package evidence_test

import (
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
)

// row is one line of an objective table.
func row(name, target string) evidence.Objective {
	return evidence.Objective{Measure: name, Target: target, Line: 7}
}

// lost is a measure that keeps "exactly 0" if hits is 0.
func lost(hits int64) measure.Value {
	return measure.Value{Name: "inserts lost", Share: &measure.Share{Hits: hits, Of: 12000}}
}

// pairs is an experiment whose ratios spread a little around ratio, on a
// machine that finds no difference between a block and itself.
func pairs(ratio float64) *measure.Pairs {
	durable := map[string]string{"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "wal_level": "replica"}
	p := &measure.Pairs{
		Unit: "rows/s", First: measure.Order(0, 20), BlockSeconds: 0.12, WarmupPairs: 1,
		Looks: measure.Looks(), Alpha: measure.Alpha, Fitness: &measure.Fitness{},
		BaselineArm: measure.Arm{Settings: durable}, CurrentArm: measure.Arm{Settings: durable},
	}
	for i := range len(p.First) {
		wobble := 1 + 0.002*float64(i%7-3) + 0.0001*float64(i)
		p.Baseline = append(p.Baseline, 10000)
		p.Current = append(p.Current, 10000*ratio*wobble)
	}
	for i := range 10 {
		p.Fitness.A = append(p.Fitness.A, 10000)
		p.Fitness.B = append(p.Fitness.B, 10000*(1+0.001*float64(i%5-2)+0.00001*float64(i)))
	}
	return p
}

// proofs are those of a run, with the ratios that were found for identical arms
// and for the planted slowdown.
func proofs(identical, slowed float64) []evidence.Proof {
	return []evidence.Proof{
		{Name: evidence.IdenticalArms, Pairs: ofProof(evidence.IdenticalArms, 1, pairs(identical))},
		{Name: evidence.PlantedSlowdown, Planted: evidence.Planted, Pairs: ofProof(evidence.PlantedSlowdown, 1.001, pairs(slowed))},
	}
}

// ofProof are pairs with the seed of the proof in a run of seed 0, and every
// figure times so much: no two experiments measure the same figures.
func ofProof(name string, times float64, p *measure.Pairs) measure.Pairs {
	p.Seed = evidence.SeedOf(0, name)
	p.First = measure.Order(p.Seed, len(p.First))
	for _, figures := range [][]float64{p.Baseline, p.Current, p.Fitness.A, p.Fitness.B} {
		for i := range figures {
			figures[i] *= times
		}
	}
	return *p
}

func throughput(ratio float64) measure.Value {
	return measure.Value{Name: "insert throughput", Pairs: pairs(ratio)}
}

// scenario was carried out, and every step of it passed. Its id is made of the
// letter.
func scenario(letter string, rows []evidence.Objective, measures ...measure.Value) evidence.Scenario {
	id := "SLO-" + letter + "-01"
	return evidence.Scenario{
		ID: id, Title: "A day", Line: 5, Tags: []string{"@pr", "@" + id}, Objectives: rows, Measures: measures,
		Steps: []evidence.Step{{Keyword: "When ", Text: "the market trades", Status: evidence.StepPassed}},
	}
}

// one is a scenario with one row that passes.
func one(id string) evidence.Scenario {
	return scenario(id, []evidence.Objective{row("inserts lost", "exactly 0")}, lost(0))
}

// failing is a scenario with one row that fails.
func failing(id string) evidence.Scenario {
	return scenario(id, []evidence.Objective{row("inserts lost", "exactly 0")}, lost(3))
}

// open is a scenario whose row was measured over nothing.
func open(id string) evidence.Scenario {
	return scenario(id, []evidence.Objective{row("inserts lost", "exactly 0")}, measure.Value{Name: "inserts lost", Share: &measure.Share{}})
}

// unmeasured is a scenario whose row was never measured.
func unmeasured(id string) evidence.Scenario {
	return scenario(id, []evidence.Objective{row("inserts lost", "exactly 0")})
}

// skipped is a scenario that only profile release runs.
func skipped(s evidence.Scenario) evidence.Scenario {
	s.Skipped, s.Steps, s.Measures = "runs in profile release", nil, nil
	s.Tags = []string{"@release", s.Tags[1]}
	return s
}

func broken(s evidence.Scenario) evidence.Scenario {
	s.Broken = "dial tcp 127.0.0.1:1: connection refused\ngoroutine 1"
	return s
}

func quarantined(s evidence.Scenario) evidence.Scenario {
	s.Quarantined, s.Tags = "since 2026-11-01: flaky clock", append(s.Tags, "@quarantine")
	return s
}

// written is the text of a scenario that states what its record states.
func written(s evidence.Scenario) string {
	var b strings.Builder
	b.WriteString(strings.Join(s.Tags, " ") + "\nScenario: " + s.Title + "\n  When the market trades\n  Then these objectives hold:\n    | measure | target |\n")
	for _, o := range s.Objectives {
		b.WriteString("    | " + o.Measure + " | " + o.Target + " |\n")
	}
	return b.String()
}

func run(profile string, scenarios ...evidence.Scenario) evidence.Run {
	for i, s := range scenarios {
		scenarios[i].Gherkin = written(s)
	}
	return evidence.Run{
		Format: evidence.Format, ID: "20261123T010000Z-9f3c2ab", Profile: profile, Proofs: proofs(1, 1/1.2),
		Features: []evidence.Feature{{URI: "features/ingest.feature", Tag: "@ingest", Scenarios: scenarios}},
	}
}
