package drive

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// inTheBook are n prices from trade 101 on.
func inTheBook(n int) []market.Tick {
	prices := make([]market.Tick, n)
	for i := range prices {
		prices[i] = market.Tick{
			Symbol: "AAPL", Trade: int64(101 + i), At: time.Date(2026, 3, 2, 9, 30, i, 0, time.UTC), Price: 100.25 + float64(i), Volume: 10,
		}
	}
	return prices
}

// book returns a ledger of prices from trade 101 on, with the given fates.
func book(fates ...fate) *Ledger {
	l := NewLedger(inTheBook(len(fates)))
	copy(l.fates, fates)
	return l
}

// inTheBase are the stored rows with these trade numbers, as they were offered.
func inTheBase(trades ...int64) map[int64][]market.Tick {
	found := map[int64][]market.Tick{}
	for _, trade := range trades {
		row := market.Tick{Symbol: "AAPL", Trade: trade}
		if i := trade - 101; i < 5 {
			row = inTheBook(5)[i]
		}
		found[trade] = append(found[trade], row)
	}
	return found
}

// altered are the rows of trades 101 and 102, the second of them altered.
func altered(alter func(*market.Tick)) map[int64][]market.Tick {
	found := inTheBase(101, 102)
	alter(&found[102][0])
	return found
}

func TestTheBookIsComparedTradeByTradeAndFigureByFigure(t *testing.T) {
	all := []fate{acknowledged, acknowledged, refusedPrice, indeterminate, unoffered}
	tests := map[string]struct {
		found map[int64][]market.Tick
		want  Account
	}{
		"as it should be": {inTheBase(101, 102), Account{Found: 2}},
		"one is lost and another came from nowhere, so the totals agree": {inTheBase(101, 999), Account{Found: 2, Lost: 1, Unexpected: 1}},
		"one is stored twice":               {inTheBase(101, 101, 102), Account{Found: 3, Duplicated: 1}},
		"a refused one is stored":           {inTheBase(101, 102, 103), Account{Found: 3, Unexpected: 1}},
		"an unanswered one is stored":       {inTheBase(101, 102, 104), Account{Found: 3}},
		"one is stored that nobody offered": {inTheBase(101, 102, 105), Account{Found: 3, Unexpected: 1}},
		"everything is gone":                {nil, Account{Lost: 2}},
		"one has another price":             {altered(func(t *market.Tick) { t.Price += 0.01 }), Account{Found: 2, Wrong: 1}},
		"one has another volume":            {altered(func(t *market.Tick) { t.Volume++ }), Account{Found: 2, Wrong: 1}},
		"one has another symbol":            {altered(func(t *market.Tick) { t.Symbol = "MSFT" }), Account{Found: 2, Wrong: 1}},
		"one has another time":              {altered(func(t *market.Tick) { t.At = t.At.Add(time.Microsecond) }), Account{Found: 2, Wrong: 1}},
		"one has the same time elsewhere":   {altered(func(t *market.Tick) { t.At = t.At.In(time.FixedZone("", 3600)) }), Account{Found: 2}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.want.Offered, test.want.Refused, test.want.Indeterminate, test.want.Acknowledged = 4, 1, 1, 2
			require.Equal(t, test.want, book(all...).Reconcile(test.found))
		})
	}
}

func TestTheVictimOfTheSelfTestIsAcknowledgedAndSound(t *testing.T) {
	l := book(indeterminate, acknowledged, acknowledged, refusedPrice)
	found := inTheBase(101, 102, 103, 104)
	found[102][0].Price = 1
	victim, ok := l.victim(found)
	require.True(t, ok)
	require.EqualValues(t, 103, victim)
	_, ok = l.victim(inTheBase(101, 104))
	require.False(t, ok, "nothing that is acknowledged is stored, so nothing can be broken")
}

func TestNothingAcknowledgedIsNothingObserved(t *testing.T) {
	measures := book(refusedPrice, unoffered).Reconcile(nil).Measures()
	require.Zero(t, measures["acknowledged prices lost"].Share.Of, "an objective on it must be undecided, not kept")
}

func TestOnlyARefusalSaysThatAPriceWasNotStored(t *testing.T) {
	require.Equal(t, acknowledged, fateOf(nil))
	require.Equal(t, refusedPrice, fateOf(refusal{status: 422}))
	require.Equal(t, indeterminate, fateOf(refusal{status: 503}), "a service that was about to fail may have stored it")
	require.Equal(t, indeterminate, fateOf(errors.New("the line went dead")))
}

func TestContentIsComparedRowByRow(t *testing.T) {
	before := Content{"a": 1, "b": 2, "c": 3}
	tests := map[string]struct {
		after                Content
		lost, changed, added int64
	}{
		"the same":                           {Content{"a": 1, "b": 2, "c": 3}, 0, 0, 0},
		"one is lost":                        {Content{"a": 1, "b": 2}, 1, 0, 0},
		"one has another figure":             {Content{"a": 1, "b": 2, "c": 4}, 0, 1, 0},
		"one is new":                         {Content{"a": 1, "b": 2, "c": 3, "d": 4}, 0, 0, 1},
		"two have changed places":            {Content{"a": 2, "b": 1, "c": 3}, 0, 2, 0},
		"one is lost and another one is new": {Content{"a": 1, "b": 2, "d": 3}, 1, 0, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			lost, changed, added := before.Difference(test.after)
			require.Equal(t, []int64{test.lost, test.changed, test.added}, []int64{lost, changed, added})
		})
	}
}
