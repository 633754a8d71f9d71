package probe_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/probe"
)

// The figures are those of wilcox.test(log(ratios), exact=TRUE, conf.int=TRUE)
// of R 4.2.2.
func TestTheIntervalAgreesWithR(t *testing.T) {
	tests := map[string]struct {
		ratios              []float64
		estimate, low, high float64
	}{
		"six pairs": {
			[]float64{0.9365316928088047, 0.9731442928416527, 0.9407242204953538, 0.9881864890053692, 1.0478354449584328, 1.028482951118474},
			0.9836253466049396, 0.9365316928088047, 1.0478354449584328,
		},
		"nine pairs": {
			[]float64{
				0.9857557381403577, 1.009884239550374, 1.1052821972335172, 0.898288482196362, 0.9764865189960131,
				0.9948762319201865, 1.0261526699097516, 1.0430495761104084, 1.0003061308002634,
			},
			1.0023521471615946, 0.9524533483272201, 1.0486271919000316,
		},
		"twelve pairs": {
			[]float64{
				0.9575935028996546, 1.1228564913542876, 1.0249749254196705, 1.0247540027101139, 0.9590618859537186, 0.9293737594641422,
				0.9959565291425044, 1.0686030806436346, 0.9608548304035723, 0.9369307882705277, 1.009061763626921, 1.0385513829927304,
			},
			0.9969055224212398, 0.9599579395862042, 1.038405753629778,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			value, interval := probe.Estimate(test.ratios)
			require.InEpsilon(t, test.estimate, value, 1e-9)
			require.NotNil(t, interval)
			require.InEpsilon(t, test.low, interval.Low, 1e-9)
			require.InEpsilon(t, test.high, interval.High, 1e-9)
			require.Equal(t, len(test.ratios), interval.Pairs)
			require.GreaterOrEqual(t, interval.Level, 0.95)
		})
	}
}

func TestFewerThanSixPairsHaveAValueAndNoInterval(t *testing.T) {
	ratios := []float64{2, 2, 2, 2, 2}
	for n := 1; n <= 5; n++ {
		value, interval := probe.Estimate(ratios[:n])
		require.InEpsilon(t, 2, value, 1e-12)
		require.Nil(t, interval)
	}
}

func TestTheIntervalCoversTheTruthAsOftenAsItSays(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	const experiments = 2000
	covered := 0
	for range experiments {
		ratios := make([]float64, 12)
		for i := range ratios {
			ratios[i] = 1.5 * math.Exp(0.2*random.NormFloat64())
		}
		if _, interval := probe.Estimate(ratios); interval.Low <= 1.5 && 1.5 <= interval.High {
			covered++
		}
	}
	require.InDelta(t, 0.9575, float64(covered)/experiments, 0.02)
}
