package measure_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/measure"
)

func TestTheOrderIsACoinThatAnyoneCanTossAgain(t *testing.T) {
	require.Empty(t, measure.Order(1, 0))
	require.Equal(t, "bbcccccccbbcbcbbcbbb", measure.Order(1, 20), "the order of a seed never changes: old records must stay true")
	require.Equal(t, measure.Order(1, 40)[:20], measure.Order(1, 20))
	require.NotEqual(t, measure.Order(1, 40), measure.Order(2, 40))

	const pairs = 2000
	order := measure.Order(3, pairs)
	require.Len(t, order, pairs)
	require.Empty(t, strings.Trim(order, "bc"))
	require.InDelta(t, pairs/2, strings.Count(order, "b"), 5*math.Sqrt(pairs)/2, "five standard deviations")
	changes := strings.Count(order, "bc") + strings.Count(order, "cb")
	require.InDelta(t, pairs/2, changes, 5*math.Sqrt(pairs)/2, "no alternation")
}

func TestNobodyChangesTheLooksOfAnother(t *testing.T) {
	measure.Looks()[0] = 1
	require.Equal(t, []int{10, 20, 40}, measure.Looks())
}
