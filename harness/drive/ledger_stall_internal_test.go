package drive

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAStallIsATimeInWhichPricesWaitAndNoneIsAcknowledged(t *testing.T) {
	const ms = time.Millisecond
	dead := errors.New("the line went dead")
	type one struct {
		due, took time.Duration
		err       error
	}
	tests := map[string]struct {
		prices []one
		want   time.Duration
	}{
		"nothing was offered":               {nil, 0},
		"all are answered at once":          {[]one{{0, ms, nil}, {10 * ms, ms, nil}, {20 * ms, 2 * ms, nil}}, 2 * ms},
		"a pause in which nothing is due":   {[]one{{0, ms, nil}, {900 * ms, 3 * ms, nil}}, 3 * ms},
		"all wait for one moment":           {[]one{{0, 100 * ms, nil}, {10 * ms, 90 * ms, nil}, {20 * ms, 80 * ms, nil}}, 100 * ms},
		"one waits and others pass it":      {[]one{{0, 100 * ms, nil}, {10 * ms, ms, nil}, {50 * ms, ms, nil}}, 49 * ms},
		"refusals do not end a stall":       {[]one{{0, ms, nil}, {10 * ms, ms, dead}, {20 * ms, ms, dead}, {30 * ms, 5 * ms, nil}}, 25 * ms},
		"a stall that never ends":           {[]one{{0, ms, nil}, {10 * ms, ms, dead}, {200 * ms, ms, dead}}, 191 * ms},
		"nothing is ever acknowledged":      {[]one{{5 * ms, ms, dead}, {95 * ms, ms, dead}}, 91 * ms},
		"answers come in another order":     {[]one{{0, 50 * ms, nil}, {1 * ms, 9 * ms, nil}, {2 * ms, 28 * ms, nil}}, 20 * ms},
		"the first price waits the longest": {[]one{{0, 70 * ms, nil}, {60 * ms, 11 * ms, nil}}, 70 * ms},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := NewLedger(inTheBook(len(test.prices)))
			for i, p := range test.prices {
				l.fates[i], l.due[i], l.took[i] = fateOf(p.err), p.due, p.took
			}
			require.Equal(t, test.want, l.LongestStall())
		})
	}
}

func TestTheFirstGoodWriteCameDueAfterwards(t *testing.T) {
	l := NewLedger(inTheBook(4))
	for i, p := range []struct {
		due, took time.Duration
		fate      fate
	}{{0, 90, acknowledged}, {40, 10, indeterminate}, {50, 30, acknowledged}, {60, 5, acknowledged}} {
		l.due[i], l.took[i], l.fates[i] = p.due, p.took, p.fate
	}
	at, ok := l.firstGoodAfter(40)
	require.True(t, ok)
	require.EqualValues(t, 65, at, "the one that was due before and the one that failed do not count")
	_, ok = l.firstGoodAfter(61)
	require.False(t, ok)
}
