package evidence_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
)

// borrowed is a proof as a run of another seed would have carried it out.
func borrowed(p *evidence.Proof, seed uint64) {
	p.Pairs.Seed = evidence.SeedOf(seed, p.Name)
	p.Pairs.First = measure.Order(p.Pairs.Seed, len(p.Pairs.First))
}

// set gives both arms that setting, or takes it from them if the value is "".
func set(p *measure.Pairs, setting, value string) {
	for _, arm := range []*measure.Arm{&p.BaselineArm, &p.CurrentArm} {
		arm.Settings = maps.Clone(arm.Settings)
		arm.Settings[setting] = value
		if value == "" {
			delete(arm.Settings, setting)
		}
	}
}

func measured(r *evidence.Run) *measure.Pairs { return r.Features[0].Scenarios[0].Measures[0].Pairs }

func TestAProofOfAnotherRunIsRefused(t *testing.T) {
	const identical = `the proof "identical arms" is not of this run: `
	tests := map[string]struct {
		forge func(*evidence.Run)
		says  string
	}{
		"the seed of another run": {func(r *evidence.Run) { borrowed(&r.Proofs[0], 7) },
			identical + "its seed is 15174061213020247289, and the seed 0 of the run gives it 2378461378870110246"},
		"the run has another seed": {func(r *evidence.Run) { r.Seed = 7 }, "and the seed 7 of the run gives it"},
		"the seed of the other proof": {func(r *evidence.Run) {
			r.Proofs[0].Pairs.Seed, r.Proofs[0].Pairs.First = r.Proofs[1].Pairs.Seed, r.Proofs[1].Pairs.First
		}, identical + "its seed is"},
		"one baseline for both":      {func(r *evidence.Run) { r.Proofs[1].Pairs.Baseline = r.Proofs[0].Pairs.Baseline }, `the proofs "identical arms" and "planted slowdown" have the same figures of the baseline: one of them was not measured`},
		"one current arm for both":   {func(r *evidence.Run) { r.Proofs[1].Pairs.Current = r.Proofs[0].Pairs.Current }, "the same figures of the current arm"},
		"one fitness check for both": {func(r *evidence.Run) { r.Proofs[1].Pairs.Fitness = r.Proofs[0].Pairs.Fitness }, "the same figures of the block against itself"},
		"the start of the other proof": {func(r *evidence.Run) {
			r.Proofs[1].Pairs.Baseline, r.Proofs[1].Pairs.Current, r.Proofs[1].Pairs.First = r.Proofs[0].Pairs.Baseline[:10], r.Proofs[1].Pairs.Current[:10], r.Proofs[1].Pairs.First[:10]
		}, "the same figures of the baseline"},
		"a proof without a server":    {func(r *evidence.Run) { serverless(&r.Proofs[0].Pairs) }, identical + "it ran without a server, and what a run compares is stored in one"},
		"a server that forgets":       {func(r *evidence.Run) { set(&r.Proofs[1].Pairs, "fsync", "off") }, `the proof "planted slowdown" is not of this run: it ran with fsync "off", and "insert throughput" of scenario SLO-A-01 with "on"`},
		"another log":                 {func(r *evidence.Run) { set(&r.Proofs[0].Pairs, "wal_level", "minimal") }, `it ran with wal_level "minimal", and "insert throughput" of scenario SLO-A-01 with "replica"`},
		"not a word about durability": {func(r *evidence.Run) { set(&r.Proofs[0].Pairs, "full_page_writes", "") }, `it ran with full_page_writes "", and`},
		"only one arm is that durable": {func(r *evidence.Run) {
			kept := r.Proofs[0].Pairs.BaselineArm
			set(&r.Proofs[0].Pairs, "fsync", "off")
			r.Proofs[0].Pairs.BaselineArm = kept
		}, `it ran with fsync "off"`},
		"the experiments had another": {func(r *evidence.Run) { set(measured(r), "synchronous_commit", "remote_apply") }, `it ran with synchronous_commit "on", and "insert throughput" of scenario SLO-A-01 with "remote_apply"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := comparing("pr")
			require.NoError(t, evidence.Judge(&r))
			test.forge(&r)
			_, err := evidence.Rejudge(r)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func serverless(p *measure.Pairs) {
	none := map[string]string{measure.ServerSetting: measure.NoServer}
	p.BaselineArm.Settings, p.CurrentArm.Settings = none, none
}

func TestAProofIsHeldOnlyToWhatItsRunRecorded(t *testing.T) {
	for name, change := range map[string]func(*evidence.Run){
		"its own seed":                       func(r *evidence.Run) { r.Seed = 7; borrowed(&r.Proofs[0], 7); borrowed(&r.Proofs[1], 7) },
		"an experiment without a server":     func(r *evidence.Run) { serverless(measured(r)) },
		"an experiment that records nothing": func(r *evidence.Run) { measured(r).BaselineArm.Settings, measured(r).CurrentArm.Settings = nil, nil },
		"an experiment unfit by itself": func(r *evidence.Run) {
			kept := measured(r).CurrentArm
			set(measured(r), "fsync", "off")
			measured(r).CurrentArm = kept
		},
		"settings that are not of durability": func(r *evidence.Run) { set(measured(r), "work_mem", "64MB") },
	} {
		t.Run(name, func(t *testing.T) {
			r := comparing("pr")
			change(&r)
			require.NoError(t, evidence.Judge(&r))
			for _, p := range r.Proofs {
				require.True(t, p.Held, p.Said.Reason)
			}
		})
	}
}

func TestEachPartOfARunHasASeedOfItsOwn(t *testing.T) {
	require.EqualValues(t, 2378461378870110246, evidence.SeedOf(0, evidence.IdenticalArms), "records of earlier runs depend on it")
	require.NotEqual(t, evidence.SeedOf(1, evidence.IdenticalArms), evidence.SeedOf(0, evidence.IdenticalArms))
	require.NotEqual(t, evidence.SeedOf(0, evidence.PlantedSlowdown), evidence.SeedOf(0, evidence.IdenticalArms))
}
