package objective

import (
	"fmt"
	"math"
)

// noiseLevel is the confidence of the interval whose half-width is the noise of
// the machine.
const noiseLevel = 0.95

// tolerant reports whether the target lets a loss through: "at least 95 % of
// baseline", or on a duration "at most 105 % of baseline". Such a target asks
// whether a change made anything worse, and its usual answer is no.
func (c comparison) tolerant() bool {
	limit := c.objective.Limit()
	if c.durations {
		return limit > 1
	}
	return c.objective.Bound == AtLeast && limit < 1
}

// bar is the ratio beyond which a loss is proven, on the scale of c. For a
// tolerant target it is the limit or, where that lies further out, what the
// machine differs from itself by, twice: with Low and High the ends of the 95 %
// interval of the fitness check, the half-width on the log scale is
// h = ln(High ÷ Low) ÷ 2, and the bar of a throughput exp(−2h) = Low ÷ High, about
// 1 − 2h; of a duration it is High ÷ Low. For other targets it is the limit.
func (c comparison) bar() (float64, error) {
	limit := c.objective.Limit()
	if !c.tolerant() {
		return limit, nil
	}
	i, err := c.pairs.Fitness.Interval(noiseLevel)
	if err != nil {
		return 0, fmt.Errorf("the noise of the machine is not known: %w", err)
	}
	if c.durations {
		return max(limit, i.High/i.Low), nil
	}
	return min(limit, i.Low/i.High), nil
}

// loss is the ratio bar in words: "8 % slower", or of a duration "9 % longer".
func (c comparison) loss(bar float64) string {
	percent := 100 * math.Abs(bar-1)
	text := fmt.Sprintf("%.1f", percent)
	if percent >= 10 || percent == math.Trunc(percent) {
		text = fmt.Sprintf("%.0f", percent)
	}
	if c.durations {
		return text + " % longer"
	}
	return text + " % slower"
}
