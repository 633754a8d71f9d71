package drive_test

import (
	"bytes"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// only tampers with the nth message of a kind.
func only(kind string, n int, change func(frame []byte) [][]byte) func(string, int, []byte) [][]byte {
	return func(k string, i int, frame []byte) [][]byte {
		if k == kind && i == n {
			return change(frame)
		}
		return [][]byte{frame}
	}
}

func replace(pattern, with string) func([]byte) [][]byte {
	return func(frame []byte) [][]byte {
		return [][]byte{regexp.MustCompile(pattern).ReplaceAll(frame, []byte(with))}
	}
}

func twice(frame []byte) [][]byte { return [][]byte{frame, bytes.Clone(frame)} }

func never([]byte) [][]byte { return nil }

func hangUp([]byte) [][]byte { return [][]byte{nil} }

func TestWhatIsDeliveredIsComparedWithWhatWasOffered(t *testing.T) {
	tests := map[string]struct {
		lie              func([]byte) [][]byte
		delivered, wrong int64
	}{
		"another price":            {replace(`"price":`, `"price":1`), 20, 1},
		"a price in words":         {replace(`"price":[^,]*`, `"price":"much"`), 20, 1},
		"another volume":           {replace(`"volume":`, `"volume":1`), 20, 1},
		"another symbol":           {replace(`"symbol":"`, `"symbol":"X`), 20, 1},
		"a trade from nowhere":     {replace(`"trade":`, `"trade":9999`), 19, 1},
		"a trade without a number": {replace(`"trade":[0-9]*,`, ``), 19, 1},
		"the same price twice":     {twice, 20, 1},
		"a price never sent":       {never, 19, 0},
		"a line that is cut":       {hangUp, 9, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := (&exchange{tamper: only("market_data", 10, test.lie)}).serve(t)
			g, err := m.Seat(t.Context(), 1, 0)
			require.NoError(t, err)
			defer g.Leave()
			out, err := m.Trade(t.Context(), g, drive.Session{
				Schedule: load.Constant(200, 100*time.Millisecond), Prices: prices(20), Settle: 200 * time.Millisecond,
			})
			require.NoError(t, err)
			require.Equal(t, test.delivered, out.Measures["prices delivered"].Share.Hits)
			require.Equal(t, test.wrong, out.Measures["prices delivered wrong"].Share.Hits)
		})
	}
}

func TestASoundServiceDeliversNothingWrong(t *testing.T) {
	m := (&exchange{}).serve(t)
	g, err := m.Seat(t.Context(), 2, 0)
	require.NoError(t, err)
	defer g.Leave()
	out, err := m.Trade(t.Context(), g, drive.Session{Schedule: load.Constant(200, 100*time.Millisecond), Prices: prices(20)})
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 0, Of: 40}, out.Measures["prices delivered wrong"].Share)
	require.NotContains(t, out.Measures, "lines that stalled")
}

// floor has a market trade before readers and lines that stall.
func floor(t *testing.T, e *exchange) measure.Set {
	t.Helper()
	m := e.serve(t)
	g, err := m.Seat(t.Context(), 3, 2)
	require.NoError(t, err)
	defer g.Leave()
	out, err := m.Trade(t.Context(), g, drive.Session{
		Schedule: load.Constant(100, time.Second), Prices: prices(100), Settle: 200 * time.Millisecond,
	})
	require.NoError(t, err)
	return out.Measures
}

func TestAStalledLineDelaysTheOthersOfAServiceThatWritesFromOneGoroutine(t *testing.T) {
	t.Parallel()
	seen := floor(t, &exchange{oneWriter: true})
	require.Less(t, seen["prices delivered"].Share.Hits, int64(300), "the writer waits for those who never read")
}

func TestAStalledLineDelaysNobodyIfEveryLineHasAWriter(t *testing.T) {
	t.Parallel()
	seen := floor(t, &exchange{})
	require.Equal(t, &measure.Share{Hits: 300, Of: 300}, seen["prices delivered"].Share)
}

func TestALineThatHoldsEverythingHasNotStalled(t *testing.T) {
	t.Parallel()
	seen := floor(t, &exchange{tamper: func(kind string, _ int, frame []byte) [][]byte {
		if kind == "subscribed" || kind == "database_performance" {
			return nil // the questions are not answered, so the line never fills
		}
		return [][]byte{frame}
	}})
	require.Equal(t, &measure.Share{Hits: 0, Of: 2}, seen["lines that stalled"].Share)
}

func TestALineThatTheServiceEndsHasStalled(t *testing.T) {
	t.Parallel()
	seen := floor(t, &exchange{tamper: only("subscribed", 100, hangUp)})
	require.Equal(t, &measure.Share{Hits: 2, Of: 2}, seen["lines that stalled"].Share)
	require.Equal(t, &measure.Share{Hits: 300, Of: 300}, seen["prices delivered"].Share)
}
