package evidence_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// comparing is a run with a comparison that passes, a wish that compares, and a
// count.
func comparing(profile string) evidence.Run {
	return run(profile, scenario("A", []evidence.Objective{
		row("insert throughput", "at least 30 % faster than baseline"),
		row("insert throughput", "should be 80 % faster than baseline"),
	}, throughput(1.6)), one("B"))
}

// noisy is an experiment on a machine that finds a difference between a block
// and itself.
func noisy(p measure.Pairs) measure.Pairs {
	f := measure.Fitness{A: p.Fitness.A}
	for _, b := range p.Fitness.B {
		f.B = append(f.B, 1.2*b)
	}
	p.Fitness = &f
	return p
}

func TestARunThatCannotTellADifferenceComparesNothing(t *testing.T) {
	unsure := proofs(1, 1/1.2)
	for i := range unsure[1].Pairs.Current { // half of them on either side of the margin
		unsure[1].Pairs.Current[i] = 9500 * (1 + 0.03*float64(i%2*2-1) + 0.00001*float64(i))
	}
	restless := proofs(1, 1/1.2)
	restless[0].Pairs = noisy(restless[0].Pairs)
	blind := proofs(1, 1/1.2)
	blind[1].Pairs = noisy(blind[1].Pairs)
	fleeting, cold, uneven := proofs(1, 1/1.2), proofs(1, 1/1.2), proofs(1, 1/1.2)
	fleeting[0].Pairs.BlockSeconds, cold[0].Pairs.WarmupPairs, uneven[0].Pairs.CurrentArm.Rows = 0.001, 0, 9
	hurried := proofs(1, 1/1.2)
	hurried[0].Pairs.BlockSeconds, hurried[1].Pairs.BlockSeconds = 0.001, 0.001
	loud := proofs(1.1, 1/1.2) // as fit as 95 % needs, and not as 5 % faster does
	for i := range loud[0].Pairs.Fitness.B {
		loud[0].Pairs.Fitness.B[i] = 10000 * (1 + 0.08*float64(i%2*2-1) + 0.00001*float64(i))
	}
	open := proofs(1, 1/1.2)
	for i := range open[0].Pairs.Current {
		open[0].Pairs.Current[i] = 9500 * (1 + 0.03*float64(i%2*2-1) + 0.00001*float64(i))
	}
	tests := map[string]struct {
		proofs []evidence.Proof
		held   [2]bool
		said   [2]objective.Verdict
		reason string
	}{
		"both held":                        {proofs(1, 1/1.2), [2]bool{true, true}, [2]objective.Verdict{objective.Pass, objective.Fail}, ""},
		"identical arms are called slower": {proofs(0.9, 1/1.2), [2]bool{false, true}, [2]objective.Verdict{objective.Fail, objective.Fail}, `the proof "identical arms" did not hold, as "at least 95 % of baseline" fails and must not`},
		"identical arms are called faster": {proofs(1.1, 1/1.2), [2]bool{false, true}, [2]objective.Verdict{objective.Pass, objective.Fail}, `the proof "identical arms" did not hold, as "at least 5 % faster than baseline" passes and must not`},
		"a planted slowdown is missed":     {proofs(1, 1), [2]bool{true, false}, [2]objective.Verdict{objective.Pass, objective.Pass}, `the proof "planted slowdown" did not hold, as "at least 95 % of baseline" is pass and must fail`},
		"a planted slowdown stays open":    {unsure, [2]bool{true, false}, [2]objective.Verdict{objective.Pass, objective.Inconclusive}, `is inconclusive and must fail`},
		"the machine is unfit to show it":  {blind, [2]bool{true, false}, [2]objective.Verdict{objective.Pass, objective.Unfit}, `the proof "planted slowdown" did not hold, as "at least 95 % of baseline" is unfit: The machine is not fit: `},
		"a restless machine shows nothing": {restless, [2]bool{false, true}, [2]objective.Verdict{objective.Unfit, objective.Fail}, `the proof "identical arms" did not hold, as "at least 95 % of baseline" is unfit: The machine is not fit: the same block against itself came out 1.200 times as fast, and its interval from 1.198 to 1.203 leaves out 1. So nothing was shown.`},
		"blocks too short show nothing":    {fleeting, [2]bool{false, true}, [2]objective.Verdict{objective.Unfit, objective.Fail}, `is unfit: The shortest block took 1 ms, and 100 ms is the least that counts. So nothing was shown.`},
		"a cold machine shows nothing":     {cold, [2]bool{false, true}, [2]objective.Verdict{objective.Unfit, objective.Fail}, `is unfit: No pair was dropped to warm up`},
		"arms unlike each other":           {uneven, [2]bool{false, true}, [2]objective.Verdict{objective.Unfit, objective.Fail}, `is unfit: The arms started from different tables`},
		"neither shows anything":           {hurried, [2]bool{false, false}, [2]objective.Verdict{objective.Unfit, objective.Unfit}, `So nothing was shown; the proof "planted slowdown" did not hold`},
		"spread does not hide an alarm":    {loud, [2]bool{false, true}, [2]objective.Verdict{objective.Pass, objective.Fail}, `"at least 5 % faster than baseline" passes and must not`},
		"open on a fit machine":            {open, [2]bool{true, true}, [2]objective.Verdict{objective.Inconclusive, objective.Fail}, ""},
		"both did not hold":                {proofs(0.9, 1), [2]bool{false, false}, [2]objective.Verdict{objective.Fail, objective.Pass}, `"identical arms" did not hold, as "at least 95 % of baseline" fails and must not; the proof "planted slowdown" did not hold`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := comparing("nightly")
			r.Proofs = test.proofs
			require.NoError(t, evidence.Judge(&r))
			for i, p := range r.Proofs {
				require.Equal(t, test.said[i], p.Said.Verdict, p.Said.Reason)
				require.Equal(t, p.Said.Verdict == objective.Unfit, strings.HasSuffix(p.Said.Reason, " So nothing was shown."), p.Said.Reason)
				require.Equal(t, test.held[i], p.Held, p.Said.Reason)
				require.NotEmpty(t, p.Must)
			}
			compared, wish, counted := r.Features[0].Scenarios[0].Objectives[0], r.Features[0].Scenarios[0].Objectives[1], r.Features[0].Scenarios[1].Objectives[0]
			require.Equal(t, objective.Pass, counted.Verdict, "what is counted needs no proof")
			if test.reason == "" {
				require.Equal(t, evidence.Passed, r.Result.Outcome, r.Result.Reason)
				require.Equal(t, objective.Pass, compared.Verdict)
				return
			}
			for _, o := range []evidence.Objective{compared, wish} {
				require.Equal(t, objective.Unfit, o.Verdict)
				require.Contains(t, o.Reason, test.reason)
				require.Nil(t, o.Value)
				require.NotZero(t, o.Limit)
				require.EqualValues(t, 20, o.Samples)
			}
			require.Equal(t, evidence.Warned, r.Result.Outcome)
			require.Equal(t, evidence.ExitOpen, r.Result.ExitCode)
			require.Contains(t, r.Result.Reason, "The run is not fit to compare: ")
			require.Contains(t, r.Result.Reason, test.reason)
			differences, err := evidence.Rejudge(r)
			require.NoError(t, err)
			require.Empty(t, differences)
		})
	}
}

func TestAComparisonThatWasNotRunStaysSoWithoutAProof(t *testing.T) {
	r := comparing("pr")
	r.Proofs, r.Features[0].Scenarios[0] = proofs(1, 1), broken(r.Features[0].Scenarios[0])
	require.NoError(t, evidence.Judge(&r))
	require.Equal(t, objective.NotRun, r.Features[0].Scenarios[0].Objectives[0].Verdict)
}

func TestARunNeedsItsProofsIfItCompares(t *testing.T) {
	tests := map[string]struct {
		change func(*evidence.Run)
		says   string
	}{
		"none":                   {func(r *evidence.Run) { r.Proofs = nil }, `run 20261123T010000Z-9f3c2ab compares and holds no proof "identical arms"`},
		"the harder one missing": {func(r *evidence.Run) { r.Proofs = r.Proofs[:1] }, `holds no proof "planted slowdown": nobody knows whether it could tell a difference`},
		"the other one missing":  {func(r *evidence.Run) { r.Proofs = r.Proofs[1:] }, `holds no proof "identical arms"`},
		"one twice":              {func(r *evidence.Run) { r.Proofs = append(r.Proofs, r.Proofs[1]) }, `the proof "planted slowdown" is recorded twice`},
		"a proof of its own":     {func(r *evidence.Run) { r.Proofs[0].Name = "goodwill" }, `the proof "goodwill" is none: it is neither "identical arms" nor "planted slowdown"`},
		"an easier slowdown":     {func(r *evidence.Run) { r.Proofs[1].Planted = 50 }, "50 % were planted, not 20 %"},
		"a slowdown in identity": {func(r *evidence.Run) { r.Proofs[0].Planted = 20 }, "20 % were planted, not 0 %"},
		"no pairs":               {func(r *evidence.Run) { r.Proofs[0].Pairs = measure.Pairs{} }, "no pair was measured"},
		"looks of its own":       {func(r *evidence.Run) { r.Proofs[0].Pairs.Looks = []int{20} }, "it was to look after [20] pairs"},
		"an error of its own":    {func(r *evidence.Run) { r.Proofs[0].Pairs.Alpha = 0.5 }, "it allowed itself an error of 0.5"},
		"an order of its own":    {func(r *evidence.Run) { r.Proofs[0].Pairs.Seed = 99 }, "the order of its pairs is not that of the seed 99"},
		"no fitness check":       {func(r *evidence.Run) { r.Proofs[0].Pairs.Fitness = nil }, "there is no run of the block against itself"},
		"half a pair":            {func(r *evidence.Run) { r.Proofs[0].Pairs.Current = r.Proofs[0].Pairs.Current[1:] }, `the proof "identical arms" is none: 20 figures of the baseline and 19 of the current arm are no pairs`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := comparing("pr")
			require.NoError(t, evidence.Judge(&r))
			test.change(&r)
			_, err := evidence.Rejudge(r)
			require.ErrorContains(t, err, test.says)
		})
	}
	t.Run("what compares nothing needs none", func(t *testing.T) {
		wish := scenario("A", []evidence.Objective{row("insert throughput", "should be 80 % faster than baseline")}, throughput(1.6))
		for _, r := range []evidence.Run{
			run("pr", one("A")), run("pr", one("B"), wish), run("pr", one("B"), quarantined(comparing("pr").Features[0].Scenarios[0])),
			run("pr", one("B"), skipped(comparing("pr").Features[0].Scenarios[0])),
		} {
			r.Proofs = nil
			require.False(t, evidence.Compares(r))
			require.NoError(t, evidence.Judge(&r))
		}
		require.True(t, evidence.Compares(comparing("pr")))
	})
}

func TestWhatAProofSaysIsComputedAgain(t *testing.T) {
	tests := map[string]struct {
		change func(*evidence.Proof)
		field  string
	}{
		"held":     {func(p *evidence.Proof) { p.Held = false }, `proof "planted slowdown", held`},
		"verdict":  {func(p *evidence.Proof) { p.Said.Verdict = objective.Pass }, `proof "planted slowdown", verdict`},
		"a figure": {func(p *evidence.Proof) { p.Said.High = nil }, `proof "planted slowdown", high`},
		"a sample": {func(p *evidence.Proof) { p.Pairs.Current = append([]float64{1}, p.Pairs.Current[1:]...) }, `proof "planted slowdown", low`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := comparing("pr")
			require.NoError(t, evidence.Judge(&r))
			test.change(&r.Proofs[1])
			differences, err := evidence.Rejudge(r)
			require.NoError(t, err)
			var fields []string
			for _, d := range differences {
				require.Equal(t, -1, d.Row)
				fields = append(fields, d.Field)
			}
			require.Contains(t, fields, test.field)
		})
	}
}

func TestAnEasierProofMayNotStopEarlier(t *testing.T) {
	p := proofs(1, 1/1.2)
	require.True(t, p[0].Decided())
	require.True(t, p[1].Decided())
	p[1].Pairs = *pairs(0.95)
	require.False(t, p[1].Decided(), "more pairs might tell")
}
