package drive

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/load"
)

// rising is a session of three windows of a second, in which 10, 20 and 30
// prices come due, answered as answer says.
func rising(answer func(i int, due time.Duration) (time.Duration, error)) Outcome {
	s := Session{Schedule: load.Ramp(5, 35, 3*time.Second), Window: time.Second}
	prices := market.NewTicks(1, market.Calibration{}, market.Symbols(2), time.Now(), time.Millisecond).Take(Due(s.Schedule))
	l := NewLedger(prices)
	for i := range prices {
		due, _ := s.Schedule.Due(i)
		took, err := answer(i, due)
		l.note(i, err, took)
	}
	return Outcome{Ledger: l, session: s}
}

func TestCapacityIsWhatAWholeWindowWasStoredOfAndNoMore(t *testing.T) {
	const quick = time.Millisecond
	tests := map[string]struct {
		answer func(i int, due time.Duration) (time.Duration, error)
		want   float64
	}{
		"everything is stored at once": {func(int, time.Duration) (time.Duration, error) { return quick, nil }, 30 * 60},
		"the second window stalls and its prices burst into the third": {func(_ int, due time.Duration) (time.Duration, error) {
			if due >= 2*time.Second {
				return 1500 * time.Millisecond, nil // and those of the third are late in turn
			}
			if due >= time.Second {
				return 2200*time.Millisecond - due, nil
			}
			return quick, nil
		}, 10 * 60},
		"one price of the last window is refused": {func(i int, _ time.Duration) (time.Duration, error) {
			if i == 59 {
				return quick, errors.New("no")
			}
			return quick, nil
		}, 20 * 60},
		"every window leaves one price for later": {func(_ int, due time.Duration) (time.Duration, error) {
			if due%time.Second < 60*time.Millisecond {
				return 2 * time.Second, nil
			}
			return quick, nil
		}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := rising(test.answer).Capacity()
			require.InDeltaSlice(t, []float64{600, 1200, 1800}, got["prices due"].Series.Windows, 1e-9)
			require.InDelta(t, test.want, got["ingest capacity"].Amount.Value, 1e-9)
			require.EqualValues(t, 3, got["ingest capacity"].Amount.Of)
		})
	}
}
