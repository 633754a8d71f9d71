package baseline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/environ"
)

// TestMain lets this binary clean up after the server that it starts.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "janitor") {
		if err := environ.Janitor(context.Background(), os.Stdin); err != nil {
			panic(err)
		}
		return
	}
	m.Run()
}

// histories are the places in which a history can be, each empty.
func histories(t *testing.T) map[string]func(t *testing.T) string {
	t.Helper()
	all := map[string]func(t *testing.T) string{
		"a directory": func(t *testing.T) string { return filepath.Join(t.TempDir(), "new", "history") },
	}
	options, err := environ.Survey(t.Context(), environ.Options{Choice: environ.Local})
	require.NoError(t, err)
	for _, o := range options {
		if o.Name != environ.Local || !o.Usable {
			continue
		}
		self, err := os.Executable()
		require.NoError(t, err)
		server, err := environ.Start(t.Context(), environ.Options{
			Choice: environ.Local, RunID: fmt.Sprintf("history%d", os.Getpid()), JanitorCommand: []string{self, "janitor"}, Progress: func(string) {},
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
		n := 0
		all["a Postgres"] = func(t *testing.T) string {
			n++
			dsn, err := server.CreateDatabase(t.Context(), fmt.Sprintf("history%d", n), "")
			require.NoError(t, err)
			return dsn
		}
	}
	return all
}

func open(t *testing.T, where string) baseline.History {
	t.Helper()
	h, err := baseline.Open(where)
	require.NoError(t, err)
	return h
}

func TestEveryHistoryKeepsWhatItIsGiven(t *testing.T) {
	one, two, other := entry(t, 1, 1.6, 4, 0), entry(t, 2, 1.6, 4, 0), entry(t, 40, 1.6, 4, 0)
	other.Environment.ID = "0123456789ab"
	for name, place := range histories(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			h := open(t, place(t))
			_, err := h.Entries(ctx, baseline.Filter{})
			require.ErrorIs(t, err, baseline.ErrNone)
			names, faults, err := h.Promotions(ctx)
			require.NoError(t, err)
			require.Empty(t, names)
			require.Empty(t, faults)

			for _, e := range []baseline.Entry{two, other, one, two} { // in any order, and twice
				require.NoError(t, h.Append(ctx, e))
			}
			r, err := h.Entries(ctx, baseline.Filter{})
			require.NoError(t, err)
			require.Empty(t, r.Faults)
			require.Equal(t, []baseline.Entry{one, two, other}, r.Entries, "oldest first, each once, to the last digit")
			r, err = h.Entries(ctx, baseline.Filter{Environment: other.Environment.ID})
			require.NoError(t, err)
			require.Len(t, r.Entries, 1)
			r, err = h.Entries(ctx, baseline.Filter{Profile: "pr"})
			require.NoError(t, err)
			require.Empty(t, r.Entries)

			changed := two
			changed.Outcome = "FAILED"
			require.ErrorIs(t, h.Append(ctx, changed), baseline.ErrDiffers)
			require.ErrorContains(t, h.Append(ctx, baseline.Entry{Format: baseline.Format}), "it names no run")

			p, err := baseline.NewPromotion("main", one, time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC))
			require.NoError(t, err)
			require.NoError(t, h.Promote(ctx, p))
			q, err := baseline.NewPromotion("main", two, time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC))
			require.NoError(t, err)
			require.NoError(t, h.Promote(ctx, q))
			names, faults, err = h.Promotions(ctx)
			require.NoError(t, err)
			require.Empty(t, faults)
			require.Equal(t, []baseline.Promotion{p, q}, names)
		})
	}
}

func TestManyRunsAtOnceLoseNoLine(t *testing.T) {
	for name, place := range histories(t) {
		t.Run(name, func(t *testing.T) {
			where, e := place(t), entry(t, 1, 1.6, 4, 0)
			const runs, each = 6, 8
			var all sync.WaitGroup
			problems := make(chan error, runs*each)
			for r := range runs {
				all.Go(func() {
					h, err := baseline.Open(where) // each as a program of its own would
					for i := range each {
						if err == nil {
							mine := e
							mine.Run = fmt.Sprintf("run-%d-%d", r, i)
							err = h.Append(t.Context(), mine)
						}
						problems <- err
					}
				})
			}
			all.Wait()
			close(problems)
			for err := range problems {
				require.NoError(t, err)
			}
			r, err := open(t, where).Entries(t.Context(), baseline.Filter{})
			require.NoError(t, err)
			require.Empty(t, r.Faults)
			require.Len(t, r.Entries, runs*each)
		})
	}
}

func TestTheSameRunAtOnceIsOneLine(t *testing.T) {
	dir, e := t.TempDir(), entry(t, 1, 1.6, 4, 0)
	var all sync.WaitGroup
	problems := make([]error, 8)
	for i := range problems {
		all.Go(func() {
			h, err := baseline.Open(dir)
			if err == nil {
				err = h.Append(t.Context(), e)
			}
			problems[i] = err
		})
	}
	all.Wait()
	for _, err := range problems {
		require.NoError(t, err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "2026-10.jsonl"))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(whole), "\n"))
}

func TestABrokenLineIsNamedAndStays(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir)
	for i := range 3 {
		require.NoError(t, h.Append(t.Context(), entry(t, i, 1.6, 4, 0)))
	}
	file := filepath.Join(dir, "2026-10.jsonl")
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(whole), "\n")
	tests := map[string]struct {
		line, says string
	}{
		"cut short":           {lines[1][:len(lines[1])/2] + "\n", "line 2: it was cut short, as by a machine that went down while writing it (run 20261002T020000Z-0abc001)"},
		"another format":      {strings.Replace(lines[1], "history/v1", "history/v9", 1), `line 2: its format is "https://signoff.dev/history/v9", and this signoff reads`},
		"a member twice":      {strings.Replace(lines[1], `{"format"`, `{"run":"x","run":"y","format"`, 1), "line 2: it is no JSON from byte"},
		"a text for a figure": {strings.Replace(lines[1], `"samples":20`, `"samples":"many"`, 1), "line 2: its /scenarios/0/figures/0/samples cannot be read"},
		"an interval on end":  {strings.Replace(lines[1], `"low":`, `"low":9`, 1), "line 2: SLO-INSERT-01, insert throughput: its interval from"},
		"the same run anew":   {strings.Replace(lines[0], "PASSED", "FAILED", 1), "line 2: the history has other figures of the same run"},
		"not even text":       {"\x00\x01\n", "line 2: it is no JSON from byte 1 on"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			broken := lines[0] + test.line + lines[2]
			require.NoError(t, os.WriteFile(file, []byte(broken), 0o600))
			r, err := h.Entries(t.Context(), baseline.Filter{})
			require.NoError(t, err)
			require.Len(t, r.Entries, 2, "the others are read")
			require.Len(t, r.Faults, 1)
			require.Contains(t, r.Faults[0].String(), file+" "+test.says)

			require.NoError(t, h.Append(t.Context(), entry(t, 9, 1.6, 4, 0)))
			after, err := os.ReadFile(file)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(string(after), broken), "nothing is ever taken away")
		})
	}
}

func TestALineThatWasCutShortDoesNotSpoilTheNext(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir)
	require.NoError(t, h.Append(t.Context(), entry(t, 1, 1.6, 4, 0)))
	file := filepath.Join(dir, "2026-10.jsonl")
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(whole, `{"format":"https://si`...), 0o600))
	require.NoError(t, h.Append(t.Context(), entry(t, 2, 1.6, 4, 0)))
	r, err := h.Entries(t.Context(), baseline.Filter{})
	require.NoError(t, err)
	require.Len(t, r.Entries, 2)
	require.Len(t, r.Faults, 1)
	require.Contains(t, r.Faults[0].Place, "line 2")
}

func TestAPlaceThatIsNoHistoryIsSaid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := open(t, file).Entries(t.Context(), baseline.Filter{})
	require.ErrorContains(t, err, "it is a file and no directory")
	require.Error(t, open(t, file).Append(t.Context(), entry(t, 1, 1.6, 4, 0)))
	for where, says := range map[string]string{
		"":                               "no history is named",
		"https://example.com":            "a directory or a postgres:// address",
		"postgres://u:hunter2@%zz/":      "cannot be read",
		"postgres://u:hunter2@[::1":      "cannot be read",
		"postgres://u@h/x?sslmode=maybe": "cannot be read",
	} {
		_, err := baseline.Open(where)
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "hunter2")
	}
	h := open(t, "postgres://u:hunter2@127.0.0.1:1/db?connect_timeout=1")
	require.NotContains(t, h.String(), "hunter2")
	err = h.Append(t.Context(), entry(t, 1, 1.6, 4, 0))
	require.ErrorContains(t, err, "no Postgres answers there")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestWhoMayOnlyReadMakesNothing(t *testing.T) {
	place := histories(t)["a Postgres"]
	if place == nil {
		t.Skip("no local Postgres")
	}
	dsn := place(t)
	_, err := open(t, dsn).Entries(t.Context(), baseline.Filter{})
	require.ErrorIs(t, err, baseline.ErrNone)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	var there bool
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT to_regnamespace('signoff_history') IS NOT NULL").Scan(&there))
	require.False(t, there)

	require.NoError(t, open(t, dsn).Append(t.Context(), entry(t, 1, 1.6, 4, 0)))
	_, err = conn.Exec(t.Context(), `INSERT INTO signoff_history.entries VALUES ('x', now(), 'pr', 'e', '{"format": "?"}')`)
	require.NoError(t, err)
	r, err := open(t, dsn).Entries(t.Context(), baseline.Filter{})
	require.NoError(t, err)
	require.Len(t, r.Entries, 1)
	require.Len(t, r.Faults, 1)
	require.Contains(t, r.Faults[0].String(), "signoff_history.entries, run x: its format is")
}

func TestANameHoldsOnceForEachProfileAndEnvironment(t *testing.T) {
	here, there := entry(t, 1, 1.6, 4, 0), entry(t, 2, 1.6, 4, 0)
	there.Environment.ID = "0123456789ab"
	all := []baseline.Promotion{}
	for i, e := range []baseline.Entry{here, there} {
		p, err := baseline.NewPromotion("main", e, time.Unix(int64(i+1), 0))
		require.NoError(t, err)
		all = append(all, p)
	}
	found, ok := baseline.Named(all, "main", here.Profile, here.Environment.ID)
	require.True(t, ok)
	require.Equal(t, here.Run, found.Entry.Run, "not the newest, but the one that fits")
	found, ok = baseline.Named(all, "main", "pr", "elsewhere")
	require.True(t, ok)
	require.Equal(t, there.Run, found.Entry.Run)
	_, ok = baseline.Named(all, "v1", "pr", "elsewhere")
	require.False(t, ok)
	for _, name := range []string{"", "..", "a/b", "a b", ".hidden", "a\nb"} {
		_, err := baseline.NewPromotion(name, here, time.Unix(1, 0))
		require.ErrorContains(t, err, "is no name of a baseline", name)
	}
}

// FuzzEntries: whatever a line of a history holds, it is an entry that can be
// written again, or a fault with its place.
func FuzzEntries(f *testing.F) {
	dir := f.TempDir()
	h, err := baseline.Open(dir)
	require.NoError(f, err)
	require.NoError(f, h.Append(f.Context(), entry(f, 1, 1.6, 4, 3)))
	file := filepath.Join(dir, "2026-10.jsonl")
	line, err := os.ReadFile(file)
	require.NoError(f, err)
	f.Add(line)
	f.Add([]byte(`{"format":"https://signoff.dev/history/v1","run":"x","started":"2026-10-01T00:00:00Z"}`))
	f.Add([]byte(`{"format":"https://signoff.dev/history/v1","run":"x","started":"2026-10-01T00:00:00Z","profile":"pr","environment":{"id":"e","says":""},"against":{"ref":"main","commit":{"sha":"9f3c2ab"}},"queries":[{"scenario":"S","name":"q","shape":["a"]},{"scenario":"S","name":"q","shape":["b"]}]}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, line []byte) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "2026-10.jsonl"), line, 0o600))
		h, err := baseline.Open(dir)
		require.NoError(t, err)
		r, err := h.Entries(t.Context(), baseline.Filter{})
		require.NoError(t, err)
		for _, fault := range r.Faults {
			require.Contains(t, fault.Place, " line ")
			require.NotEmpty(t, fault.Reason)
		}
		again, err := baseline.Open(filepath.Join(dir, "again"))
		require.NoError(t, err)
		for _, e := range r.Entries {
			require.NoError(t, again.Append(t.Context(), e))
			_ = baseline.Compare(e, e, baseline.Terms{AllGate: true})
		}
		_, err = baseline.TrendOf(r, baseline.View{Unpromised: true})
		if err != nil {
			require.ErrorIs(t, err, baseline.ErrNothingToShow)
		}
	})
}
