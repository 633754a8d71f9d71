package drive_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/measure"
)

// sends makes a service that sends figures with these numbers, one every 50 ms; 0 is a pause.
func sends(numbers ...int) func(func(int)) {
	return func(send func(int)) {
		for _, n := range numbers {
			if n > 0 {
				send(n)
			}
			<-time.After(50 * time.Millisecond)
		}
	}
}

func TestTheFiguresOfTheDatabaseAreFollowed(t *testing.T) {
	type share = measure.Share
	tests := map[string]struct {
		figures             func(func(int))
		missing, disordered share
		longest             time.Duration // the longest pause is at least this long
	}{
		"a figure at each moment":         {sends(7, 8, 9, 10, 11), share{Hits: 0, Of: 5}, share{Hits: 0, Of: 5}, 0},
		"one is skipped":                  {sends(7, 8, 10, 11), share{Hits: 1, Of: 5}, share{Hits: 0, Of: 4}, 0},
		"one comes again":                 {sends(7, 8, 8, 9), share{Hits: 0, Of: 3}, share{Hits: 1, Of: 4}, 0},
		"one comes again in place of one": {sends(7, 8, 8, 10), share{Hits: 1, Of: 4}, share{Hits: 1, Of: 4}, 0},
		"two change places":               {sends(7, 9, 8, 10), share{Hits: 0, Of: 4}, share{Hits: 1, Of: 4}, 0},
		"the count starts again":          {sends(7, 8, 1, 2), share{Hits: 0, Of: 2}, share{Hits: 2, Of: 4}, 0},
		"nothing until late":              {sends(0, 0, 0, 0, 0, 7), share{Hits: 0, Of: 1}, share{Hits: 0, Of: 1}, 240 * time.Millisecond},
		"nothing after the first":         {sends(7), share{Hits: 0, Of: 1}, share{Hits: 0, Of: 1}, 300 * time.Millisecond},
		"nothing at all":                  {nil, share{}, share{}, 400 * time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen, err := (&exchange{figures: test.figures}).serve(t).Follow(t.Context(), 400*time.Millisecond)
			require.NoError(t, err)
			require.Equal(t, &test.missing, seen["messages missing in the sequence"].Share)
			require.Equal(t, &test.disordered, seen["messages out of sequence"].Share)
			require.Zero(t, seen["messages that break their schema"].Share.Hits)
			require.GreaterOrEqual(t, seen["pause between figures"].Histogram.Max(), test.longest)
		})
	}
}

func TestALineThatIsCutIsSilentUntilTheEnd(t *testing.T) {
	m := (&exchange{figures: sends(1, 2, 3, 4), tamper: only("database_performance", 3, hangUp)}).serve(t)
	seen, err := m.Follow(t.Context(), 600*time.Millisecond)
	require.NoError(t, err)
	require.GreaterOrEqual(t, seen["pause between figures"].Histogram.Max(), 450*time.Millisecond)
}

func TestAFigureThatBreaksItsSchemaIsCounted(t *testing.T) {
	m := (&exchange{figures: sends(1, 2), tamper: only("database_performance", 2, replace(`"max":8`, `"max":"8"`))}).serve(t)
	seen, err := m.Follow(t.Context(), 300*time.Millisecond)
	require.NoError(t, err)
	require.EqualValues(t, 1, seen["messages that break their schema"].Share.Hits)
}
