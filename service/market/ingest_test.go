package market_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/market"
)

func TestAFileIsTakenButForItsBadRows(t *testing.T) {
	store, _ := newStore(t, "AAPL")
	content, err := os.ReadFile("testdata/bars.csv")
	require.NoError(t, err)
	got, err := store.Ingest(t.Context(), strings.NewReader(string(content)))
	require.NoError(t, err)
	require.Equal(t, market.Counts{Stored: 3, Duplicates: 1}, got.Counts)
	lines := make([]string, len(got.Skipped))
	for i, row := range got.Skipped {
		lines[i] = row.String()
	}
	require.Equal(t, []string{
		`line 3: Open, High, Low: is empty`,
		`line 5: Date: "2016-13-05" is not a day such as 2016-01-04`,
		`line 6: Open: "abc" is not a number`,
		`line 7: has 6 columns, want 7`,
		`line 8: Close: must be positive`,
		`line 9: is not CSV: bare " in non-quoted-field`,
		`line 12: High: must not be below low`,
	}, lines)

	bars, err := store.Bars(t.Context(), "RE", market.HideDeleted, market.Span{})
	require.NoError(t, err)
	require.Len(t, bars, 2)
	require.Equal(t, 278265.0, bars[0].Volume)

	again, err := store.Ingest(t.Context(), strings.NewReader(string(content)))
	require.NoError(t, err)
	require.Equal(t, market.Counts{Duplicates: 4}, again.Counts, "taking a file again changes nothing")
}

func TestAFileOfAnotherShapeIsRefused(t *testing.T) {
	tests := map[string]struct{ content, want string }{
		"nothing":       {"", "reading line 1: the file is empty; want the columns Date,Open,High,Low,Close,Volume,Name"},
		"another order": {"Name,Date\n", "reading line 1: want the columns Date,Open,High,Low,Close,Volume,Name, found Name,Date"},
		"other case": {
			strings.ToLower(market.Header),
			"reading line 1: want the columns Date,Open,High,Low,Close,Volume,Name, found date,open,high,low,close,volume,name",
		},
		"no CSV": {"a\"b\n", "reading line 1: it is not CSV (bare \" in non-quoted-field); want the columns Date,Open,High,Low,Close,Volume,Name"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := market.NewBarReader(strings.NewReader(test.content), noon())
			require.EqualError(t, err, test.want)
		})
	}
	_, err := market.NewBarReader(strings.NewReader("\ufeff"+market.Header+"\r\n"), noon())
	require.NoError(t, err, "the mark and line ends of spreadsheets are taken")
}

func FuzzBarReader(f *testing.F) {
	f.Add("2016-01-04,181.69,182.48,179.5,181.08,278265.0,RE\n")
	f.Add("2016-01-04,,\"\n,x\r\n\"\"")
	f.Fuzz(func(t *testing.T, rows string) {
		reader, err := market.NewBarReader(strings.NewReader(market.Header+"\n"+rows), noon())
		require.NoError(t, err)
		last := 1
		for {
			bar, skipped, err := reader.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			require.NoError(t, err)
			if skipped == nil {
				require.NoError(t, market.ValidateBars([]market.Bar{bar}, noon()), "what is read is valid")
				continue
			}
			require.NotEmpty(t, skipped.Reason)
			require.GreaterOrEqual(t, skipped.Line, last, "lines are counted upwards")
			last = skipped.Line
		}
	})
}
