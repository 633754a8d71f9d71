package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAFrameComesInAnyNumberOfPieces(t *testing.T) {
	due := time.Unix(1_700_000_000, 123_456_789)
	data := stamp{window: 3, number: 42, due: due}.data(500)
	require.Len(t, data, 500)
	wire := append([]byte{0x81, 126, 500 >> 8, 500 & 0xff}, data...)
	for end := range wire {
		_, _, size := cut(wire[:end])
		require.Zero(t, size, "%d of %d bytes", end, len(wire))
	}
	op, payload, size := cut(append(wire, 0x81))
	require.EqualValues(t, opText, op)
	require.Equal(t, data, payload)
	require.Equal(t, len(wire), size)
}

func TestJoinedMessagesAreAllSeen(t *testing.T) {
	first, second := stamp{1, 7, time.Unix(0, 11)}, stamp{1, 8, time.Unix(0, 12)}
	joined := append(append(first.data(200), '\n'), second.data(200)...)
	var seen []stamp
	eachStamp(joined, func(s stamp) { seen = append(seen, s) })
	require.Equal(t, []stamp{first, second}, seen)
	eachStamp([]byte(`{"type":"heartbeat"}`), func(stamp) { t.Error("a heartbeat has no stamp") })
}

func TestWhatDidNotComeIsMissingAndWhatCameTwiceIsRepeated(t *testing.T) {
	c := crowd{conns: []*conn{{}, {}}}
	c.open(5, 3)
	for _, n := range []int64{0, 2, 2} {
		c.note(c.conns[0], stamp{window: 5, number: n, due: time.Now()}, time.Now())
	}
	c.note(c.conns[1], stamp{window: 4, number: 0, due: time.Now()}, time.Now())
	c.close()
	require.Equal(t, 1+3, c.seen.Missing)
	require.Equal(t, 1, c.seen.Repeated)
	require.Len(t, c.seen.Lags, 3)
}

func TestAQuantileIsOneOfTheValues(t *testing.T) {
	lags := make([]int64, 1000)
	for i := range lags {
		lags[i] = int64(1000 - i)
	}
	require.EqualValues(t, 500, quantile(lags, 0.5))
	require.EqualValues(t, 990, quantile(lags, 0.99))
	require.EqualValues(t, 1000, quantile(lags, 1))
	require.Zero(t, quantile(nil, 0.5))
}
