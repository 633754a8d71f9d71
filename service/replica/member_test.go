package replica_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/replica"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// heard is what one member was told.
type heard struct {
	*replica.Member
	name string
	stop func()

	mu       sync.Mutex
	messages []replica.Message
	changed  []string

	// acknowledged is what post could post; it alone writes it.
	acknowledged []string
}

// join makes a member and runs it until the test ends or stop is called.
func join(t *testing.T, dsn, name string) *heard {
	t.Helper()
	var config *pgx.ConnConfig
	if dsn != "" {
		var err error
		config, err = pgx.ParseConfig(dsn)
		require.NoError(t, err)
	}
	h := &heard{name: name}
	h.Member = replica.New(replica.Config{
		Database: config, Name: name, Log: slog.New(slog.NewTextHandler(t.Output(), nil)).With("replica", name),
		Hear: func(m replica.Message) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.messages = append(h.messages, m)
		},
		Changed: func(name string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.changed = append(h.changed, name)
		},
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(h.stop)
	return h
}

// seqs are the numbers that were heard on a channel, in their order.
func (h *heard) seqs(channel string) []uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []uint64
	for _, m := range h.messages {
		if m.Channel == channel {
			all = append(all, m.Seq)
		}
	}
	return all
}

// data are the contents that were heard on a channel, in their order.
func (h *heard) data(channel string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, m := range h.messages {
		if m.Channel == channel {
			all = append(all, string(m.Data))
		}
	}
	return all
}

func (h *heard) told(document string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, name := range h.changed {
		if name == document {
			n++
		}
	}
	return n
}

// becomes waits until the member is in one of the states.
func (h *heard) becomes(t *testing.T, states ...replica.State) {
	t.Helper()
	eventually(t, func() bool { return slices.Contains(states, h.State()) }, "%s is %s, not one of %v", h.name, h.State(), states)
}

func eventually(t *testing.T, condition func() bool, format string, args ...any) {
	t.Helper()
	require.Eventually(t, condition, 15*time.Second, 5*time.Millisecond, append([]any{format}, args...)...)
}

// collector waits until one of the members collects, and returns it.
func collector(t *testing.T, members ...*heard) *heard {
	t.Helper()
	var found *heard
	eventually(t, func() bool {
		i := slices.IndexFunc(members, func(h *heard) bool { return h.State() == replica.Collecting })
		if i >= 0 {
			found = members[i]
		}
		return found != nil
	}, "nobody collects")
	return found
}

func execute(t *testing.T, dsn, statement string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	_, err = conn.Exec(t.Context(), statement, args...)
	require.NoError(t, err)
}

func number(t *testing.T, dsn, query string, args ...any) (n int64) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	require.NoError(t, conn.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

func body(n int) json.RawMessage { return json.RawMessage(fmt.Sprintf(`{"n": %d}`, n)) }

func draft(channel string, n int) []replica.Draft {
	return []replica.Draft{{Channel: channel, Data: body(n)}}
}

func TestOneCollectsAndAllHear(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dsn := testdb.Empty(t)
	a, b := join(t, dsn, "a"), join(t, dsn, "b")
	defer a.stop()
	defer b.stop()
	leads := collector(t, a, b)
	follows := a
	if leads == a {
		follows = b
	}
	follows.becomes(t, replica.Following)
	require.True(t, leads.Leads())
	require.False(t, follows.Leads())
	require.ErrorIs(t, follows.Post(t.Context(), replica.Posting{Messages: draft("x", 1)}), replica.ErrNotLeading)
	require.ErrorIs(t, leads.Post(t.Context(), replica.Posting{Messages: draft("x", 1), Term: leads.Term() + 1}), replica.ErrNotLeading)

	require.NoError(t, leads.Post(t.Context(), replica.Posting{
		Messages:  []replica.Draft{{Channel: "x", Data: json.RawMessage(`{ "kept":  "as it is", "ü": "<>&" }`)}, draft("x", 2)[0], draft("y", 1)[0]},
		Documents: map[string]json.RawMessage{"d": body(7)},
		Lasting:   true, Term: leads.Term(),
	}))
	for _, h := range []*heard{leads, follows} {
		eventually(t, func() bool { return len(h.seqs("x")) == 2 && len(h.seqs("y")) == 1 && h.told("d") == 1 }, "not heard by %s", h.name)
		require.Equal(t, []uint64{1, 2}, h.seqs("x"))
		require.Equal(t, []string{`{ "kept":  "as it is", "ü": "<>&" }`, `{"n": 2}`}, h.data("x"), "byte for byte")
		document, err := h.Load(t.Context(), "d")
		require.NoError(t, err)
		require.Equal(t, body(7), document)
		past, err := h.Past(t.Context(), "x", 1)
		require.NoError(t, err)
		require.Len(t, past, 1)
		require.Equal(t, uint64(2), past[0].Seq)
		require.Equal(t, time.UTC, past[0].At.Location())
		h.mu.Lock()
		require.Contains(t, h.messages, past[0], "the past is what was heard")
		h.mu.Unlock()
	}
	missing, err := follows.Load(t.Context(), "nothing")
	require.NoError(t, err)
	require.Nil(t, missing)

	follows.Tell(draft("x", 99)[0])
	eventually(t, func() bool { return len(follows.seqs("x")) == 3 }, "own words are not heard")
	require.Equal(t, uint64(0), follows.seqs("x")[2])
	require.Len(t, leads.seqs("x"), 2, "they are nobody else's")

	require.NoError(t, a.Report(t.Context(), body(1)))
	require.NoError(t, b.Report(t.Context(), body(2)))
	peers, err := a.Peers(t.Context())
	require.NoError(t, err)
	require.Len(t, peers, 2)
	require.Equal(t, []string{"a", "b"}, []string{peers[0].Name, peers[1].Name})
	require.Less(t, peers[0].Age, 5*time.Second)

	begun := time.Now()
	leads.stop()
	follows.becomes(t, replica.Collecting)
	t.Logf("taken over %s after an orderly stop", time.Since(begun).Round(time.Millisecond))
	require.NoError(t, follows.Post(t.Context(), replica.Posting{Messages: draft("x", 3)}))
	eventually(t, func() bool { return len(follows.seqs("x")) == 4 }, "not heard")
	require.Equal(t, uint64(3), follows.seqs("x")[3])
}

func TestTheServerSaysHowOldADocumentIs(t *testing.T) {
	dsn := testdb.Empty(t)
	a := join(t, dsn, "a")
	a.becomes(t, replica.Collecting)
	require.NoError(t, a.Post(t.Context(), replica.Posting{Documents: map[string]json.RawMessage{"d": body(1)}}))
	age := func() time.Duration {
		_, age, err := a.LoadAged(t.Context(), "d")
		require.NoError(t, err)
		require.GreaterOrEqual(t, age, time.Duration(0))
		return age
	}
	require.Less(t, age(), time.Minute)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	for later, hours := range []int{1, -1} { // -1: the clock of the server was set back
		_, err = conn.Exec(t.Context(), `update monitoring.documents set changed_at = clock_timestamp() - make_interval(hours => $1)`, hours)
		require.NoError(t, err)
		require.Equal(t, later == 0, age() >= time.Hour)
	}
}

func TestAlone(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	a := join(t, "", "a")
	require.Equal(t, replica.Alone, a.State())
	require.True(t, a.Leads())
	require.Zero(t, a.Silence())
	for n := range 3 {
		require.NoError(t, a.Post(t.Context(), replica.Posting{
			Messages: draft("x", n), Documents: map[string]json.RawMessage{"d": body(n)},
		}))
	}
	a.Tell(draft("x", 9)[0])
	eventually(t, func() bool { return len(a.seqs("x")) == 4 }, "not heard")
	first := a.seqs("x")[0]
	require.Greater(t, first, uint64(1e12), "numbers that those of an earlier process could be taken for")
	require.Equal(t, []uint64{first, first + 1, first + 2, 0}, a.seqs("x"))
	past, err := a.Past(t.Context(), "x", 2)
	require.NoError(t, err)
	require.Equal(t, []uint64{first + 1, first + 2}, []uint64{past[0].Seq, past[1].Seq})
	require.NoError(t, a.Change(t.Context(), "d", func(old json.RawMessage) (json.RawMessage, error) {
		require.Equal(t, body(2), old)
		return nil, nil
	}))
	document, err := a.Load(t.Context(), "d")
	require.NoError(t, err)
	require.Nil(t, document)
	eventually(t, func() bool { return a.told("d") == 4 }, "changes are not told")
	require.NoError(t, a.Report(t.Context(), body(1)))
	peers, err := a.Peers(t.Context())
	require.NoError(t, err)
	require.Len(t, peers, 1)
	a.stop()
}
