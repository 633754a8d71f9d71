package objective

import (
	"cmp"
	"slices"
)

// Holm corrects the verdicts of a run for the number of its relative objectives
// (Holm, Scandinavian Journal of Statistics 6, 1979): a fail whose probability
// does not survive the step-down procedure at the run's false-alarm budget alpha
// becomes inconclusive and says so. Give it the gating objectives of the run;
// those without a probability pass through. Judge demands enough of a fail that
// this changes nothing as long as the family was stated truthfully: it is the
// check on that. The given slice stays as it is.
func Holm(judgements []Judgement, alpha float64) []Judgement {
	result := slices.Clone(judgements)
	var tested []int
	for i, j := range result {
		if j.P != nil {
			tested = append(tested, i)
		}
	}
	slices.SortStableFunc(tested, func(a, b int) int { return cmp.Compare(*result[a].P, *result[b].P) })
	survives := true
	for rank, i := range tested {
		allowed := alpha / float64(len(tested)-rank)
		survives = survives && *result[i].P <= allowed
		if survives || result[i].Verdict != Fail {
			continue
		}
		write := figures(0, *result[i].P, allowed)
		result[i] = result[i].as(Inconclusive, "%s Among %d comparisons of the run this may be chance: its probability is %s, and %s is allowed.",
			result[i].Reason, len(tested), write(*result[i].P), write(allowed))
	}
	return result
}
