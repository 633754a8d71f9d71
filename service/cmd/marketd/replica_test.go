package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
)

// several are marketd processes on one database, by their names.
type several struct {
	dsn       string
	processes map[string]process
	addresses map[string]string
	watch     *pgx.Conn
}

// serveSeveral starts them. The database notes which session wrote a message.
func serveSeveral(t *testing.T, binary string, names ...string) several {
	t.Helper()
	s := several{dsn: testdb.Empty(t), processes: map[string]process{}, addresses: map[string]string{}}
	code, _, complaint := marketd(t, "migrate", "up", "--database", s.dsn)
	require.Equal(t, exitDone, code, complaint)
	execute(t, s.dsn, `
		create table monitoring.written (channel text, seq bigint, pid int, at timestamptz default clock_timestamp());
		create function monitoring.note() returns trigger language plpgsql as $$ begin
			insert into monitoring.written (channel, seq, pid) values (new.channel, new.seq, pg_backend_pid());
			return null;
		end $$;
		create trigger note after insert on monitoring.messages for each row execute function monitoring.note()`)
	for _, name := range names {
		s.add(t, binary, name)
	}
	var err error
	s.watch, err = pgx.Connect(t.Context(), s.dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.watch.Close(context.WithoutCancel(t.Context())) })
	return s
}

// add starts one more.
func (s several) add(t *testing.T, binary, name string) {
	t.Helper()
	p := start(t, binary, "serve", "--listen", "127.0.0.1:0", "--database", s.dsn, "--replica-name", name)
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may be gone already
		_ = p.Wait()
	})
	line, err := bufio.NewReader(p.out).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "marketd listening on")
	s.processes[name] = p
	s.addresses[name] = strings.TrimPrefix(strings.TrimSpace(line), "marketd listening on http://")
}

// eventually waits for something that the database shows.
func (s several) eventually(t *testing.T, condition string, args ...any) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		var holds bool
		require.NoError(t, s.watch.QueryRow(t.Context(), `select coalesce((`+condition+`), false)`, args...).Scan(&holds))
		if holds {
			return
		}
		require.True(t, time.Now().Before(deadline), "waiting for %s", condition)
	}
}

const posts = `select count(*) >= 2 from monitoring.written w, monitoring.collector c
	where w.pid = c.pid and w.channel = 'database_performance'`

// collects waits until one of them collects and has posted.
func (s several) collects(t *testing.T) (name string, term int64) {
	t.Helper()
	s.eventually(t, posts)
	require.NoError(t, s.watch.QueryRow(t.Context(), `select name, term from monitoring.collector`).Scan(&name, &term))
	return name, term
}

// unbroken checks that the numbers have no gap, and that no two sessions took
// turns: who was followed never wrote again.
func (s several) unbroken(t *testing.T) {
	t.Helper()
	var last, count, turns int64
	require.NoError(t, s.watch.QueryRow(t.Context(), `
		select max(seq), count(*), count(*) filter (where pid <> before)
		from (select seq, pid, lag(pid) over (order by seq) as before from monitoring.written
			where channel = 'database_performance') w`).Scan(&last, &count, &turns))
	require.Equal(t, last, count, "a number is missing or was given twice")
	require.EqualValues(t, 1, turns)
}

func TestAKilledCollectorIsFollowed(t *testing.T) {
	s := serveSeveral(t, build(t), "one", "two", "three")
	first, term := s.collects(t)
	begun := time.Now()
	require.NoError(t, s.processes[first].Process.Kill())
	s.eventually(t, `select term > $1 from monitoring.collector`, term)
	took := time.Since(begun)
	s.eventually(t, posts)
	t.Logf("taken over %s after kill -9", took.Round(time.Millisecond))
	require.Less(t, took, 5*time.Second)
	second, _ := s.collects(t)
	require.NotEqual(t, first, second)
	var gap float64
	require.NoError(t, s.watch.QueryRow(t.Context(), `
		select extract(epoch from max(at - before))::float8 from (select at, lag(at) over (order by seq) as before
			from monitoring.written where channel = 'database_performance') w`).Scan(&gap))
	t.Logf("at most %.2f s between two messages", gap)
	require.Less(t, gap, 5.0)
	s.unbroken(t)
}

func TestAStoppedCollectorIsPutOutAndFollowsWhenItGoesOn(t *testing.T) {
	s := serveSeveral(t, build(t), "one", "two")
	first, term := s.collects(t)
	begun := time.Now()
	require.NoError(t, s.processes[first].Process.Signal(syscall.SIGSTOP))
	s.eventually(t, `select term > $1 from monitoring.collector`, term)
	took := time.Since(begun)
	t.Logf("put out %s after SIGSTOP", took.Round(time.Millisecond))
	require.Less(t, took, 5*time.Second)
	second, _ := s.collects(t)
	require.NotEqual(t, first, second)

	require.NoError(t, s.processes[first].Process.Signal(syscall.SIGCONT))
	s.eventually(t, `select seen_at > clock_timestamp() - interval '1 second' from monitoring.members where name = $1`, first)
	var seq int64
	require.NoError(t, s.watch.QueryRow(t.Context(), `select max(seq) from monitoring.written where channel = 'database_performance'`).Scan(&seq))
	s.eventually(t, `select max(seq) >= $1 from monitoring.written where channel = 'database_performance'`, seq+3)
	now, _ := s.collects(t)
	require.Equal(t, second, now)
	s.unbroken(t)
}

func TestACollectorThatIsAskedToStopGivesUpAtOnce(t *testing.T) {
	s := serveSeveral(t, build(t), "one", "two")
	first, term := s.collects(t)
	begun := time.Now()
	require.NoError(t, s.processes[first].Process.Signal(syscall.SIGTERM))
	s.eventually(t, `select term > $1 from monitoring.collector`, term)
	t.Logf("taken over %s after SIGTERM", time.Since(begun).Round(time.Millisecond))
	p := s.processes[first]
	require.NoError(t, p.Wait())
	require.Contains(t, p.complaint.String(), `"this replica collects no more"`)
	s.eventually(t, posts)
	s.unbroken(t)
}

// TestAClientMayComeBackToAnotherReplica: that one sends the same bytes, also
// of what was told before it began.
func TestAClientMayComeBackToAnotherReplica(t *testing.T) {
	binary := build(t)
	s := serveSeveral(t, binary, "one")
	s.collects(t)
	s.add(t, binary, "two")
	frames := map[string][]string{}
	for name, address := range s.addresses {
		conn, answer, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+address+"/ws", nil)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		// What was told before "two" began is there when it has asked for it.
		s.eventually(t, `select max(seq) >= 4 from monitoring.written where channel = 'database_performance'`)
		require.NoError(t, conn.WriteMessage(websocket.TextMessage,
			[]byte(`{"type":"subscribe","data":{"channel":"database_performance","since":1}}`)))
		for len(frames[name]) < 6 {
			_, frame, err := conn.ReadMessage()
			require.NoError(t, err)
			var read struct {
				Type string `json:"type"`
				Seq  int    `json:"seq"`
			}
			require.NoError(t, json.Unmarshal(frame, &read))
			if read.Type == "database_performance" && read.Seq == len(frames[name])+2 {
				frames[name] = append(frames[name], string(frame))
			}
		}
	}
	require.Equal(t, frames["one"], frames["two"])
}

// TestWhatReplicasShareSurvivesTheMarketsRollback: it is what watches it.
func TestWhatReplicasShareSurvivesTheMarketsRollback(t *testing.T) {
	dsn := testdb.Empty(t)
	code, out, complaint := marketd(t, "migrate", "up", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Contains(t, out, "made schema monitoring, where several marketd on this database meet\n")
	execute(t, dsn, `insert into monitoring.documents (name, body) values ('kept', '1')`)
	_, out, _ = marketd(t, "migrate", "verify", "--database", dsn)
	require.Contains(t, out, "all is well")
	_, out, _ = marketd(t, "migrate", "up", "--database", dsn)
	require.NotContains(t, out, "monitoring")

	code, _, complaint = marketd(t, "migrate", "down", "--to", "0", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Equal(t, "1", ask(t, dsn, `select body::text from monitoring.documents`))
	code, _, complaint = marketd(t, "migrate", "up", "--database", dsn)
	require.Equal(t, exitDone, code, complaint)
	require.Equal(t, "1", ask(t, dsn, `select body::text from monitoring.documents`))
}

// TestTheMarketMigratesWithoutTheRightToMakeASchema: the other way round.
func TestTheMarketMigratesWithoutTheRightToMakeASchema(t *testing.T) {
	dsn := testdb.Empty(t)
	execute(t, dsn, `do $$ begin create role marketd_plain login; exception when duplicate_object then null; end $$;
		grant create on schema public to marketd_plain`)
	address, err := url.Parse(dsn)
	require.NoError(t, err)
	address.User = url.User("marketd_plain")
	code, out, complaint := marketd(t, "migrate", "up", "--database", address.String())
	require.Equal(t, exitDone, code, complaint)
	require.NotContains(t, out, "monitoring, where")
	require.Contains(t, complaint, "schema monitoring is not made: the user may not do that there")
	require.Contains(t, complaint, "several marketd on this database will not know of each other\n")
}

// TestEachReplicaTakesFewConnections: the README's number is what an operator
// counts with.
func TestEachReplicaTakesFewConnections(t *testing.T) {
	s := serveSeveral(t, build(t), "one")
	s.collects(t)
	var all int
	require.NoError(t, s.watch.QueryRow(t.Context(), `
		select count(*) from pg_stat_activity where datname = current_database() and application_name = 'marketd replica'`).Scan(&all))
	require.Equal(t, 3, all)
}

func TestTheNameOfAReplica(t *testing.T) {
	for _, wrong := range []string{strings.Repeat("x", 101), "a\nb"} {
		code, _, complaint := marketd(t, "serve", "--database", "postgres://nobody@nowhere/x", "--replica-name", wrong)
		require.Equal(t, exitUsage, code)
		require.Contains(t, complaint, "--replica-name: must be at most 100 printable bytes")
	}
	var unnamed, another replicaOptions
	require.NoError(t, unnamed.check())
	require.NoError(t, another.check())
	require.NotEqual(t, unnamed.name, another.name)
	require.Contains(t, unnamed.name, fmt.Sprintf("-%s-", strconv.Itoa(syscall.Getpid())))
}
