package drive_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

func TestTheRealManagerLooksAfterThePartitions(t *testing.T) {
	t.Parallel()
	s := released(t, 7)
	s.trades(t, 20)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	keep := func(u drive.Upkeep) measure.Set {
		t.Helper()
		seen, kept, err := s.operator.Keep(t.Context(), u)
		require.NoError(t, err)
		t.Logf("%s made %d and moved %d in %.2f s", u.Verb, len(kept.Created), kept.Moved, seen[u.Verb+", duration"].Amount.Value)
		for _, name := range []string{"days without a partition", "rows in the default partition", "rows lost or changed", "detaches left pending"} {
			require.Zero(t, seen[name].Share.Hits, "%s after %+v", name, u)
		}
		return seen
	}
	eve := time.Date(today.Year(), 12, 31, 23, 55, 0, 0, time.UTC)
	keep(drive.Upkeep{Verb: "ensure", Now: eve})
	require.NoError(t, s.operator.Forget(t.Context(), today.AddDate(0, 0, -1), 5, 500))
	require.NoError(t, s.operator.TakeAway(t.Context(), today.AddDate(0, 0, 1)))
	room, err := s.operator.Room(t.Context(), today, 0)
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 1, Of: 5}, room["days without a partition"].Share)
	require.EqualValues(t, 5, room["rows in the default partition"].Share.Hits)
	keep(drive.Upkeep{Verb: "repair"})
	keep(drive.Upkeep{Verb: "ensure"})
	require.NoError(t, s.operator.InterruptDetach(t.Context(), today.AddDate(0, 0, 3)))
	keep(drive.Upkeep{Verb: "repair"})
	keep(drive.Upkeep{Verb: "ensure"})

	seen, _, err := s.operator.AskStatus(t.Context(), 5, true)
	require.NoError(t, err)
	require.Zero(t, seen["status answers missed"].Share.Hits)
	require.Zero(t, seen["partitions not told"].Share.Hits)
	t.Logf("status at most %v", seen["status, duration"].Histogram.Max())
}

func TestTwoRealManagersHarmNobody(t *testing.T) {
	t.Parallel()
	s := released(t, 7)
	out, err := drive.Rivals{Operator: s.operator, Market: s.market, Session: drive.Session{
		Schedule: load.Constant(50, 2*time.Second), Prices: s.prices.Take(100),
	}}.Work(t.Context())
	require.NoError(t, err)
	require.Zero(t, out.Measures["errors of the managers"].Share.Hits, "%v", out.Trouble)
	require.Zero(t, out.Measures["rows in the default partition"].Share.Hits)
	require.Zero(t, out.Measures["prices refused"].Share.Hits)
	t.Logf("%+v", out.Measures["partitions made"].Amount)
	account, err := drive.CountLosses(t.Context(), s.operator.DSN, out.Ledger)
	require.NoError(t, err)
	require.Zero(t, account.Lost+account.Wrong+account.Duplicated+account.Unexpected, "%+v", account)
}
