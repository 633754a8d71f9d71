package drive

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// message is how version 1 says what was offered.
const message = `{"type":"market_data","timestamp":"2026-01-05T14:30:00.123456Z","data":{"symbol":"AAPL","price":101.5,"volume":10,"trade":17,"at":"2016-01-04T14:30:00.5Z"}}`

func singleTape() *tape {
	return newTape([]market.Tick{{Symbol: "AAPL", Price: 101.5, Volume: 10, Trade: 17}})
}

func TestAMessageAsItShouldBeIsRecognisedByItsBytes(t *testing.T) {
	tape := singleTape()
	tape.expect()
	d, known := tape.recognise([]byte(message))
	require.True(t, known)
	require.Equal(t, delivery{trade: 17, right: true}, d)
}

func FuzzWhatIsRecognisedIsWhatIsRead(f *testing.F) {
	quick, thorough := singleTape(), singleTape()
	quick.expect()
	for _, seed := range []string{
		message, "", `{"type":"market_data"}`,
		`{"type":"market_data","timestamp":"","data":{"symbol":"AAPL","price":101.5,"volume":10,"trade":17,"at":"","price":1}}`,
		`{"type":"market_data","timestamp":"","data":{"symbol":"AAPL","price":101.5,"volume":10,"trade":99,"at":""}}`,
		`{"type":"market_data","timestamp":"\","data":{"symbol":"AAPL","price":101.5,"volume":10,"trade":17,"at":""}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		d, isPrice := quick.read([]byte(raw))
		want, wanted := thorough.read([]byte(raw))
		require.Equal(t, wanted, isPrice)
		require.Equal(t, want, d)
	})
}
