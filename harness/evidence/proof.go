package evidence

import (
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// Proof is an experiment of the run whose answer is known beforehand: an arm
// against itself, or against the same work with a slowdown planted. A run whose
// proofs do not come out as they must is not fit to compare anything.
type Proof struct {
	// Name is "identical arms" or "planted slowdown".
	Name string `json:"name"`
	// Planted is how much longer the current arm was made to take, in per
	// cent; 0 for identical arms.
	Planted float64 `json:"planted_percent"`
	// Pairs are what was measured.
	Pairs measure.Pairs `json:"pairs"`
	// Must is what the comparison has to say, in words for people.
	Must string `json:"must"`
	// Said is the judgement of the pairs; Held says that it is what it must be.
	Said objective.Judgement `json:"said"`
	Held bool                `json:"held"`
}
