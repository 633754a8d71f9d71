package drive_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

// program is the real marketd, built when it is first needed.
var program struct { //nolint:gochecknoglobals // one program for all tests, put away by TestMain
	once sync.Once
	path string
	said []byte
	err  error
}

func marketd(t *testing.T) string {
	t.Helper()
	program.once.Do(func() {
		var folder string
		if folder, program.err = os.MkdirTemp("", "signoff-drive-"); program.err != nil {
			return
		}
		program.path = filepath.Join(folder, "marketd")
		program.said, program.err = exec.Command("go", "build", "-o", program.path, "../../service/cmd/marketd").CombinedOutput()
	})
	require.NoError(t, program.err, "%s", program.said)
	return program.path
}

// system is a database at a version of the schema with the real service on it,
// three instruments and fifty prices.
type system struct {
	operator drive.Operator
	market   *drive.Market
	prices   *market.Ticks
	symbols  []string
}

func released(t *testing.T, version int64) system {
	t.Helper()
	dsn, _ := database(t)
	s := system{operator: drive.Operator{Tool: marketd(t), DSN: dsn}, symbols: market.Symbols(3)}
	_, err := s.operator.UpgradeTo(t.Context(), int(version))
	require.NoError(t, err)
	service, err := environ.StartService(t.Context(), environ.ServiceOptions{Path: s.operator.Tool, DSN: dsn, Guard: server.postgres})
	require.NoError(t, err)
	s.market = drive.NewMarket(service.URL(), 32)
	t.Cleanup(func() {
		s.market.Close()
		require.NoError(t, service.Stop(context.Background()))
	})
	s.prices = market.NewTicks(7, market.Calibration{}, s.symbols, time.Now().Add(-time.Hour), time.Millisecond)
	if version >= 3 {
		require.NoError(t, s.market.List(t.Context(), s.symbols))
	}
	return s
}

// trades has n prices traded in a fifth of a second.
func (s system) trades(t *testing.T, n int) drive.Outcome {
	t.Helper()
	out, err := s.market.Trade(t.Context(), nil, drive.Session{
		Schedule: load.Constant(float64(5*n), 200*time.Millisecond), Prices: s.prices.Take(n),
	})
	require.NoError(t, err)
	require.EqualValues(t, n, out.Load.Done, "%v", out.Load.First)
	return out
}

func TestEveryVersionIsReconciledAndItsLossCheckSeesEverySabotage(t *testing.T) {
	t.Parallel()
	s := released(t, 1)
	ledger := s.trades(t, 50).Ledger
	sums, err := drive.ReadSums(t.Context(), s.operator.DSN)
	require.NoError(t, err)
	content, err := drive.ReadContent(t.Context(), s.operator.DSN)
	require.NoError(t, err)
	require.Len(t, content, 50)
	for version := int64(1); version <= 7; version++ {
		if version > 1 {
			require.NoError(t, s.operator.MoveTo(t.Context(), version-1, version))
		}
		account, err := drive.CountLosses(t.Context(), s.operator.DSN, ledger)
		require.NoError(t, err)
		require.Equal(t, drive.Account{Offered: 50, Acknowledged: 50, Found: 50}, account, "version %d", version)
		done, err := drive.TestLossCheck(t.Context(), s.operator.DSN, ledger)
		require.NoError(t, err, "version %d", version)
		require.Len(t, done, 4)
		for _, d := range done {
			require.True(t, d.Red, "version %d: %+v", version, d)
		}
		now, err := drive.ReadSums(t.Context(), s.operator.DSN)
		require.NoError(t, err)
		require.Equal(t, sums.Parts, now.Parts, "version %d", version)
		rows, err := drive.ReadContent(t.Context(), s.operator.DSN)
		require.NoError(t, err)
		require.Empty(t, content.Tell(rows, 5), "version %d", version)
	}
}

func TestTheRealReleaseGoesUpAndDownUnderLoad(t *testing.T) {
	t.Parallel()
	s := released(t, 1)
	s.trades(t, 50)
	out, err := drive.Upgrade{
		Market: s.market, Operator: s.operator, Way: []int64{2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1}, Rate: 100, Prices: s.prices,
	}.UnderLoad(t.Context())
	require.NoError(t, err)
	require.Empty(t, out.Differences)
	require.Empty(t, out.Changed)
	require.Equal(t, &measure.Share{Of: 12}, out.Measures["migrations left unfinished"].Share)
	account, err := drive.CountLosses(t.Context(), s.operator.DSN, out.Ledger)
	require.NoError(t, err)
	require.Zero(t, account.Lost+account.Wrong+account.Duplicated+account.Unexpected, "%+v", account)
	require.Greater(t, account.Acknowledged, int64(100))
	for _, name := range out.Measures.Names() {
		v := out.Measures[name]
		t.Logf("%s: %v %+v %+v", name, v.Unit, v.Amount, v.Share)
	}
	t.Logf("moves %+v", out.Moves)
	t.Logf("account %+v", account)
	t.Logf("locks %+v", out.Locks)
}

func TestTheRealReleaseSurvivesABadDay(t *testing.T) {
	for name, victim := range map[string]drive.Server{"the server is killed": nil, "the tool is killed": nil} {
		t.Run(name, func(t *testing.T) {
			s := released(t, 1)
			s.trades(t, 50)
			if name == "the server is killed" {
				victim = server.postgres
			}
			out, err := drive.BadDay{
				Upgrade: drive.Upgrade{Market: s.market, Operator: s.operator, Way: []int64{7, 1}, Rate: 50, Prices: s.prices},
				Server:  victim, Kills: 2, Seed: 5, Guard: server.postgres,
			}.Play(t.Context())
			require.NoError(t, err)
			require.Empty(t, out.Changed)
			require.Empty(t, out.Differences)
			require.Zero(t, out.Measures["migrations left unfinished"].Share.Hits, "%+v", out.Moves)
			require.GreaterOrEqual(t, len(out.Kills), 2, "%+v", out.Moves)
			account, err := drive.CountLosses(t.Context(), s.operator.DSN, out.Ledger)
			require.NoError(t, err)
			require.Zero(t, account.Lost+account.Wrong+account.Duplicated+account.Unexpected, "%+v", account)
			t.Logf("%v %+v %+v", out.Kills, out.Moves, account)
		})
	}
}
