package drive_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/load"
)

// answered is a journal of five prices, of which the first was stored, the
// second was refused for an unknown reason and the third stored as well. It
// returns its path and its lines.
func answered(t *testing.T) (path string, lines []string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "answers")
	prices := market.NewTicks(7, market.Calibration{}, market.Symbols(3), time.Now(), time.Millisecond).Take(5)
	j, err := drive.OpenJournal(path, prices)
	require.NoError(t, err)
	j.Note(0, nil, 0, time.Millisecond)
	j.Note(1, errors.New("the line went dead"), 5*time.Millisecond, time.Second)
	j.Note(2, nil, 10*time.Millisecond, time.Millisecond)
	require.NoError(t, j.Close())
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return path, strings.SplitAfter(string(raw), "\n")
}

// counts are the fates in the file, when nothing is stored.
func counts(t *testing.T, path string) drive.Account {
	t.Helper()
	ledger, err := drive.ReadJournal(path)
	require.NoError(t, err)
	return ledger.Reconcile(nil)
}

func TestTheLedgerIsWhatTheJournalSays(t *testing.T) {
	path, lines := answered(t)
	require.Equal(t, drive.Account{Offered: 3, Indeterminate: 1, Acknowledged: 2, Lost: 2}, counts(t, path))
	require.Len(t, lines, 1+5+3+1+1)
}

func TestAJournalThatBreaksOffDoubtsWhatItLost(t *testing.T) {
	path, lines := answered(t)
	whole := strings.Join(lines, "")
	third := strings.Index(whole, lines[8])
	tests := map[string]struct {
		keep int // bytes
		want drive.Account
	}{
		"only the end is missing":                 {len(whole) - len(lines[9]), drive.Account{Offered: 5, Indeterminate: 3, Acknowledged: 2, Lost: 2}},
		"the end is torn":                         {len(whole) - 1, drive.Account{Offered: 5, Indeterminate: 3, Acknowledged: 2, Lost: 2}},
		"the last answer is torn in the middle":   {third + 20, drive.Account{Offered: 5, Indeterminate: 4, Acknowledged: 1, Lost: 1}},
		"the last answer lacks only its line end": {third + len(lines[8]) - 1, drive.Account{Offered: 5, Indeterminate: 4, Acknowledged: 1, Lost: 1}},
		"no answer reached the disk":              {strings.Index(whole, lines[6]), drive.Account{Offered: 5, Indeterminate: 5}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, []byte(whole[:test.keep]), 0o600))
			require.Equal(t, test.want, counts(t, path))
		})
	}
}

func TestADamagedJournalIsNoProof(t *testing.T) {
	path, lines := answered(t)
	swap := func(n int, with string) string {
		changed := append([]string(nil), lines...)
		changed[n] = with
		return strings.Join(changed, "")
	}
	tests := map[string]struct{ content, says string }{
		"an answer was altered and sound ones follow": {swap(6, strings.Replace(lines[6], "acknowledged", "refused", 1)), "line 8 is sound and follows a damaged one"},
		"an answer stands twice":                      {swap(7, lines[6]), "a second answer for trade 1"},
		"a price is missing":                          {swap(3, ""), "line 4: trade 4 does not follow the one before"},
		"it ended before the session began":           {strings.Join(lines[:3], ""), "the session never began"},
		"it is something else":                        {"hello\n", "does not begin as a journal does"},
		"it is empty":                                 {"", "does not begin as a journal does"},
		"something follows the end":                   {strings.Join(lines, "") + lines[9], "something follows the end"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, []byte(test.content), 0o600))
			_, err := drive.ReadJournal(path)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestASessionKeepsItsJournalWhereItIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept")
	out, err := (&fake{}).serve(t).Trade(t.Context(), nil, drive.Session{
		Schedule: load.Constant(200, 100*time.Millisecond), Prices: inTrade(30), Journal: path,
	})
	require.NoError(t, err)
	again, err := drive.ReadJournal(path)
	require.NoError(t, err)
	require.Equal(t, out.Ledger, again)
	require.EqualValues(t, 20, counts(t, path).Acknowledged, "ten of the thirty were never due")
	require.EqualValues(t, 20, counts(t, path).Offered)

	_, err = (&fake{}).serve(t).Trade(t.Context(), nil, drive.Session{
		Schedule: load.Constant(200, 100*time.Millisecond), Prices: inTrade(30), Journal: path,
	})
	require.ErrorContains(t, err, "opening the journal")
}

func TestAJournalIsNeverWrittenOver(t *testing.T) {
	path, _ := answered(t)
	_, err := drive.OpenJournal(path, nil)
	require.ErrorIs(t, err, os.ErrExist)
}

func FuzzReadJournal(f *testing.F) {
	f.Add("journal\t1\t0\t0\n")
	f.Add(fmt.Sprintf("journal\t1\t%d\t0\n", 1<<62))
	f.Fuzz(func(t *testing.T, content string) {
		path := filepath.Join(t.TempDir(), "answers")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		ledger, err := drive.ReadJournal(path)
		require.Equal(t, err == nil, ledger != nil)
	})
}

func inTrade(n int) []market.Tick {
	return market.NewTicks(7, market.Calibration{}, market.Symbols(3), time.Now(), time.Millisecond).Take(n)
}
