package drive_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/measure"
)

// badDay goes up and down with a tool that does this, and takes its time.
func badDay(t *testing.T, does string) drive.BadDay {
	t.Helper()
	u := upgraded(t, `PERFORM pg_sleep(0.3); `+does)
	u.Way = []int64{2, 1}
	return drive.BadDay{Upgrade: u, Kills: 3, Seed: 11}
}

func TestABadDayThatLosesNothingIsSeen(t *testing.T) {
	tests := map[string]func(*drive.BadDay){
		"the server is killed":          func(b *drive.BadDay) { b.Server = server.postgres },
		"the operator's tool is killed": func(*drive.BadDay) {},
	}
	for name, choose := range tests {
		t.Run(name, func(t *testing.T) {
			b := badDay(t, ``)
			choose(&b)
			out, err := b.Play(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 3, out.Measures["kills"].Amount.Value)
			require.Equal(t, &measure.Share{Hits: 3, Of: 3}, out.Measures["kills inside a statement"].Share)
			require.Equal(t, "up to 2, in statement 1 of 1 (everything)", out.Kills[0].String())
			require.Equal(t, &measure.Share{Of: 2}, out.Measures["migrations left unfinished"].Share)
			require.Equal(t, &measure.Share{Of: 10}, out.Measures["rows changed"].Share)
			require.Equal(t, []int{2, 3}, []int{out.Moves[0].Tries, out.Moves[1].Tries})
			if b.Server != nil {
				require.Positive(t, out.Locks.Blind, "nobody sees the locks of a server that is away")
				require.Contains(t, out.Measures["exclusive locks, in sum"].Amount.Says, "blind for")
			}
			require.Greater(t, out.Locks.Looks, int64(50), "and it is looked at again when it is back")
			account, err := drive.CountLosses(t.Context(), b.Operator.DSN, out.Ledger)
			require.NoError(t, err)
			require.Zero(t, account.Lost+account.Unexpected+account.Wrong+account.Duplicated, "%+v", account)
			require.Greater(t, account.Acknowledged, int64(50))
		})
	}
}

func TestAMigrationThatCannotBeRunAgainIsSeen(t *testing.T) {
	b := badDay(t, `IF EXISTS (SELECT FROM ticks WHERE trade > 10) AND goal = 1 THEN RAISE 'half applied'; END IF;`)
	out, err := b.Play(t.Context())
	require.NoError(t, err)
	require.Equal(t, &measure.Share{Hits: 1, Of: 2}, out.Measures["migrations left unfinished"].Share)
	require.Contains(t, out.Moves[1].Problem, "half applied")
}

func TestAPriceThatACrashTakesIsSeen(t *testing.T) {
	b := badDay(t, ``)
	b.Server, b.Kills = server.postgres, 1
	execute(t, b.Operator.DSN, `ALTER TABLE ticks SET UNLOGGED`)
	out, err := b.Play(t.Context())
	require.NoError(t, err)
	account, err := drive.CountLosses(t.Context(), b.Operator.DSN, out.Ledger)
	require.NoError(t, err)
	require.Positive(t, account.Lost, "a table that is emptied by a crash")
	require.Equal(t, &measure.Share{Hits: 10, Of: 10}, out.Measures["rows changed"].Share)
}
