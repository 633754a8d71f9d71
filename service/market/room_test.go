package market_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/market"
)

// rooms notes what the store asks for.
type rooms struct {
	asked []string
	fail  error
}

func (r *rooms) Cover(_ context.Context, table string, days ...time.Time) error {
	for _, day := range days {
		r.asked = append(r.asked, table+" "+day.Format(time.RFC3339))
	}
	return r.fail
}

func TestRoomIsAskedForOnceADay(t *testing.T) {
	d := newDatabase(t, firstWithRegister)
	d.store("AAPL")
	now := noon().AddDate(0, 0, 9)
	var partitions rooms
	store := market.New(market.Config{Pool: d.pool, Partitions: &partitions, Now: func() time.Time { return now }})
	trade := func(day int, trade int64) {
		k := tick("AAPL", trade, 1)
		k.At = time.Date(2016, 1, day, 0, 0, 0, 0, time.UTC).Add(24*time.Hour - time.Microsecond)
		_, _, err := store.StoreTicks(t.Context(), []market.Tick{k, tick("AAPL", trade, 1)})
		require.NoError(t, err, "rows are stored with and without room")
	}
	trade(4, 1)
	trade(4, 2)
	trade(5, 3)
	_, err := store.StoreBars(t.Context(), []market.Bar{bar("AAPL", 4, 1)})
	require.NoError(t, err)
	require.Equal(t, []string{"ticks 2016-01-04T00:00:00Z", "ticks 2016-01-05T00:00:00Z", "bars 2016-01-04T00:00:00Z"}, partitions.asked)

	now = now.Add(time.Hour)
	partitions = rooms{fail: errors.New("locked")}
	trade(4, 4)
	trade(4, 5)
	require.Len(t, partitions.asked, 1, "after a while it is asked for again, and a refusal is not repeated at once")
	now = now.Add(time.Minute)
	trade(4, 6)
	require.Len(t, partitions.asked, 2)
}
