package replica_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/advisory"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/replica"
)

// TestNothingIsHeardTwiceAndNothingIsMissing: three members post whenever they
// lead, while the sessions of the collector, or any others, are ended again and
// again. Each hears every number once, in order, with the same content.
func TestNothingIsHeardTwiceAndNothingIsMissing(t *testing.T) {
	dsn := testdb.Empty(t)
	members := []*heard{join(t, dsn, "a"), join(t, dsn, "b"), join(t, dsn, "c")}
	for _, m := range members {
		m.becomes(t, replica.Collecting, replica.Following)
	}

	posting, stop := context.WithCancel(t.Context())
	var posters sync.WaitGroup
	for _, m := range members {
		posters.Go(func() { post(posting, t, m) })
	}
	admin, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	var longest time.Duration
	for round := range 20 {
		leads := collector(t, members...)
		before := number(t, dsn, `select term from monitoring.collector`)
		pause := time.Duration(rand.IntN(300)) * time.Millisecond
		until := time.After(pause)
		<-until
		victims := `pid in (select pid from pg_locks where locktype = 'advisory' and objid = ` + strconv.FormatInt(advisory.Collector, 10) + `)`
		if round%4 == 3 { // everybody's sessions at once
			victims = `true`
		}
		begun := time.Now()
		_, err := admin.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity
			where datname = current_database() and application_name = 'marketd replica' and `+victims)
		require.NoError(t, err)
		eventually(t, func() bool {
			return number(t, dsn, `select term from monitoring.collector`) > before
		}, "nobody takes over from %s", leads.name)
		longest = max(longest, time.Since(begun))
	}
	t.Logf("20 rounds, at most %s without a collector", longest.Round(time.Millisecond))
	require.Less(t, longest, 5*time.Second)
	stop()
	posters.Wait()
	collector(t, members...)
	require.NoError(t, admin.Close(context.WithoutCancel(t.Context())))

	for _, channel := range []string{"x", "y"} {
		last := number(t, dsn, `select seq from monitoring.channels where channel = $1`, channel)
		require.Greater(t, last, int64(100), "the storm was none")
		eventually(t, func() bool {
			for _, m := range members {
				if len(m.seqs(channel)) < int(last) {
					return false
				}
			}
			return true
		}, "somebody misses some of %d", last)
		for _, m := range members {
			for i, seq := range m.seqs(channel) {
				require.Equal(t, uint64(i+1), seq, "%s heard on %s", m.name, channel)
			}
			require.Equal(t, members[0].data(channel), m.data(channel), "%s heard other things", m.name)
		}
		t.Logf("%d messages of %s heard by three", last, channel)
	}
	// What was acknowledged is there, once; what was not may be.
	seen := map[string]int{}
	for _, data := range members[0].data("x") {
		seen[data]++
	}
	for _, m := range members {
		for _, data := range m.acknowledged {
			require.Equal(t, 1, seen[data], "%s was acknowledged to %s", data, m.name)
		}
	}
}

// post posts whenever the member leads, with a different text each time.
func post(ctx context.Context, t *testing.T, m *heard) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		data := json.RawMessage(fmt.Sprintf(`"%s %d"`, m.name, n))
		err := m.Post(ctx, replica.Posting{
			Messages:  []replica.Draft{{Channel: "x", Data: data}, {Channel: "y", Data: data}},
			Documents: map[string]json.RawMessage{"d": data},
			Lasting:   n%3 == 0,
		})
		if err == nil {
			m.acknowledged = append(m.acknowledged, string(data))
		}
		<-tick.C
	}
}

func TestConcurrentChangesLoseNothing(t *testing.T) {
	dsn := testdb.Empty(t)
	members := []*heard{join(t, dsn, "a"), join(t, dsn, "b"), join(t, dsn, "c")}
	for _, m := range members {
		eventually(t, func() bool { return m.State() != replica.Cut }, "%s does not join", m.name)
	}
	const each = 15
	var all sync.WaitGroup
	for _, m := range members {
		for worker := range 2 {
			all.Go(func() {
				for n := range each {
					err := m.Change(t.Context(), "people", func(old json.RawMessage) (json.RawMessage, error) {
						var names []string
						if old != nil {
							if err := json.Unmarshal(old, &names); err != nil {
								return nil, err
							}
						}
						return json.Marshal(append(names, m.name+strconv.Itoa(worker)+strconv.Itoa(n)))
					})
					if err != nil {
						t.Errorf("%s: %v", m.name, err)
					}
				}
			})
		}
	}
	all.Wait()
	text, err := members[0].Load(t.Context(), "people")
	require.NoError(t, err)
	var names []string
	require.NoError(t, json.Unmarshal(text, &names))
	require.Len(t, names, len(members)*2*each)
	for _, m := range members {
		eventually(t, func() bool { return m.told("people") > 0 }, "%s is not told", m.name)
	}

	wrong := errors.New("not like this")
	err = members[1].Change(t.Context(), "people", func(json.RawMessage) (json.RawMessage, error) { return nil, wrong })
	require.Equal(t, wrong, err)
	again, err := members[2].Load(t.Context(), "people")
	require.NoError(t, err)
	require.Equal(t, text, again)
	require.NoError(t, members[1].Change(t.Context(), "people", func(json.RawMessage) (json.RawMessage, error) { return nil, nil }))
	again, err = members[2].Load(t.Context(), "people")
	require.NoError(t, err)
	require.Nil(t, again)
}

// TestWithoutPrivilegesEachIsAlone: a role that may not make the schema leads
// alone; with the privileges that docs/replicas.md lists, it shares.
func TestWithoutPrivilegesEachIsAlone(t *testing.T) {
	dsn := testdb.Empty(t)
	execute(t, dsn, `do $$ begin create role replica_guest login; exception when duplicate_object then null; end $$`)
	guest, err := url.Parse(dsn)
	require.NoError(t, err)
	guest.User = url.User("replica_guest")
	a := join(t, guest.String(), "a")
	a.becomes(t, replica.Alone)
	require.NoError(t, a.Post(t.Context(), replica.Posting{Messages: draft("x", 1)}))
	eventually(t, func() bool { return len(a.seqs("x")) == 1 }, "not heard")
	require.Less(t, a.Silence(), time.Second, "the pulse works nevertheless")

	owner := join(t, dsn, "owner")
	collector(t, owner)
	text, err := os.ReadFile("../docs/replicas.md")
	require.NoError(t, err)
	granted := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "grant ") {
			execute(t, dsn, strings.ReplaceAll(line, "marketd;", "replica_guest;"))
			granted++
		}
	}
	require.Positive(t, granted, "the page grants nothing")
	b := join(t, guest.String(), "b")
	b.becomes(t, replica.Following)
	owner.stop()
	b.becomes(t, replica.Collecting)
	require.NoError(t, b.Post(t.Context(), replica.Posting{
		Messages: draft("x", 1), Documents: map[string]json.RawMessage{"d": body(1)}, Lasting: true,
	}))
	require.NoError(t, b.Report(t.Context(), body(1)))
	require.NoError(t, b.Change(t.Context(), "d", func(json.RawMessage) (json.RawMessage, error) { return nil, nil }))
	eventually(t, func() bool { return len(b.seqs("x")) == 1 }, "not heard")
}

// TestLostPrivilegesLeaveEachAlone: what is shared is taken away while it is
// in use; the numbers go on.
func TestLostPrivilegesLeaveEachAlone(t *testing.T) {
	for name, loss := range map[string]string{
		"the schema is gone":   `drop schema monitoring cascade`,
		"the privilege is":     `alter schema monitoring rename to elsewhere`,
		"only that to post is": `alter table monitoring.messages rename to elsewhere`,
	} {
		t.Run(name, func(t *testing.T) {
			dsn := testdb.Empty(t)
			a := join(t, dsn, "a")
			collector(t, a)
			term := a.Term()
			require.NoError(t, a.Post(t.Context(), replica.Posting{Messages: draft("x", 1)}))
			eventually(t, func() bool { return len(a.seqs("x")) == 1 }, "not heard")
			execute(t, dsn, loss)
			a.becomes(t, replica.Alone)
			require.Greater(t, a.Term(), term)
			require.NoError(t, a.Post(t.Context(), replica.Posting{Messages: draft("x", 2)}))
			eventually(t, func() bool { return len(a.seqs("x")) == 2 }, "not heard")
			require.Equal(t, []uint64{1, 2}, a.seqs("x"))
		})
	}
}

func TestASilentServerIsNoticed(t *testing.T) {
	a := join(t, testdb.Mute(t), "a")
	eventually(t, func() bool { return a.Silence() > 600*time.Millisecond }, "the silence is not heard")
	require.Equal(t, replica.Cut, a.State())
	require.False(t, a.Leads())
	require.ErrorIs(t, a.Post(t.Context(), replica.Posting{Messages: draft("x", 1)}), replica.ErrCut)
	a.Tell(draft("x", 1)[0])
	eventually(t, func() bool { return len(a.seqs("x")) == 1 }, "own words are not heard")
}

// TestOldMessagesGo: what a channel keeps is bounded, and the numbers go on.
func TestOldMessagesGo(t *testing.T) {
	dsn := testdb.Empty(t)
	first := join(t, dsn, "a")
	collector(t, first)
	first.stop()
	execute(t, dsn, `insert into monitoring.channels values ('database_performance', 900)`)
	execute(t, dsn, `insert into monitoring.messages select 'database_performance', n, now(), '{}' from generate_series(1, 900) n`)
	a := join(t, dsn, "a")
	eventually(t, func() bool { return number(t, dsn, `select count(*) from monitoring.messages`) == 600 }, "nothing is deleted")
	require.EqualValues(t, 301, number(t, dsn, `select min(seq) from monitoring.messages`))
	require.NoError(t, a.Post(t.Context(), replica.Posting{Messages: draft("database_performance", 1)}))
	eventually(t, func() bool { return len(a.seqs("database_performance")) == 1 }, "not heard")
	require.Equal(t, []uint64{901}, a.seqs("database_performance"), "older ones are the past")
}

// TestNumbersNeverGoBack: a server that crashed may have forgotten the last
// messages; what was heard keeps its number.
func TestNumbersNeverGoBack(t *testing.T) {
	dsn := testdb.Empty(t)
	a := join(t, dsn, "a")
	collector(t, a)
	for n := range 5 {
		require.NoError(t, a.Post(t.Context(), replica.Posting{Messages: draft("x", n)}))
	}
	eventually(t, func() bool { return len(a.seqs("x")) == 5 }, "not heard")
	execute(t, dsn, `delete from monitoring.messages where seq > 2`)
	execute(t, dsn, `update monitoring.channels set seq = 2`)
	execute(t, dsn, `select pg_terminate_backend(pid) from pg_stat_activity
		where datname = current_database() and application_name = 'marketd replica'`)
	eventually(t, func() bool {
		return a.Post(t.Context(), replica.Posting{Messages: draft("x", 6)}) == nil
	}, "cannot post again")
	eventually(t, func() bool { return len(a.seqs("x")) >= 6 }, "not heard")
	require.Equal(t, []uint64{1, 2, 3, 4, 5, 6}, a.seqs("x"))
}

// TestWhoLostTheLockWritesNothing: whatever a member believes, the database
// knows who collects.
func TestWhoLostTheLockWritesNothing(t *testing.T) {
	dsn := testdb.Empty(t)
	a := join(t, dsn, "a")
	collector(t, a)
	require.NoError(t, a.Post(t.Context(), replica.Posting{Messages: draft("x", 1)}))
	execute(t, dsn, `update monitoring.collector set term = term + 1, pid = 0`)
	err := a.Post(t.Context(), replica.Posting{Messages: draft("x", 2), Documents: map[string]json.RawMessage{"d": body(2)}})
	require.ErrorIs(t, err, replica.ErrNotLeading)
	require.EqualValues(t, 1, number(t, dsn, `select max(seq) from monitoring.messages`))
	require.EqualValues(t, 0, number(t, dsn, `select count(*) from monitoring.documents`))
	require.EqualValues(t, 1, number(t, dsn, `select seq from monitoring.channels`))
	eventually(t, func() bool { return a.Post(t.Context(), replica.Posting{Messages: draft("x", 2)}) == nil }, "never again")
}

// TestALastingPostingWaitsForTheDisk and the others do not.
func TestALastingPostingWaitsForTheDisk(t *testing.T) {
	dsn := testdb.Empty(t)
	a := join(t, dsn, "a")
	collector(t, a)
	execute(t, dsn, `create table monitoring.waits (seq bigint, setting text);
		create function monitoring.note() returns trigger language plpgsql as $$ begin
			insert into monitoring.waits values (new.seq, current_setting('synchronous_commit'));
			return null;
		end $$;
		create trigger note after insert on monitoring.messages for each row execute function monitoring.note()`)
	for n := range 4 {
		require.NoError(t, a.Post(t.Context(), replica.Posting{Messages: draft("x", n), Lasting: n%2 == 1}))
	}
	require.EqualValues(t, 2, number(t, dsn, `select count(*) from monitoring.waits where seq in (1, 3) and setting = 'off'`))
	require.EqualValues(t, 2, number(t, dsn, `select count(*) from monitoring.waits where seq in (2, 4) and setting = 'on'`))
}

// TestTheDatabaseGoesAndComesBack: without it nobody leads; with it the
// numbers go on for all.
func TestTheDatabaseGoesAndComesBack(t *testing.T) {
	dsn := testdb.Empty(t)
	members := []*heard{join(t, dsn, "a"), join(t, dsn, "b")}
	for _, m := range members {
		m.becomes(t, replica.Collecting, replica.Following)
	}
	leads := collector(t, members...)
	require.NoError(t, leads.Post(t.Context(), replica.Posting{Messages: draft("x", 1), Lasting: true}))
	for _, m := range members {
		eventually(t, func() bool { return len(m.seqs("x")) == 1 && m.Silence() < 100*time.Millisecond }, "%s does not hear", m.name)
	}
	address, err := url.Parse(dsn)
	require.NoError(t, err)
	name := pgx.Identifier{address.Path[1:]}.Sanitize()
	address.Path = "/postgres"
	execute(t, address.String(), `alter database `+name+` with allow_connections false`)
	gone := time.Now()
	execute(t, address.String(), `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, name[1:len(name)-1])
	for _, m := range members {
		m.becomes(t, replica.Cut)
		eventually(t, func() bool { return m.Silence() > 600*time.Millisecond }, "%s hears nothing of the silence", m.name)
		require.LessOrEqual(t, m.Silence(), time.Since(gone)+250*time.Millisecond)
		require.ErrorIs(t, m.Post(t.Context(), replica.Posting{Messages: draft("x", 2)}), replica.ErrCut)
		require.ErrorIs(t, m.Change(t.Context(), "d", nil), replica.ErrCut)
	}
	execute(t, address.String(), `alter database `+name+` with allow_connections true`)
	leads = collector(t, members...)
	require.NoError(t, leads.Post(t.Context(), replica.Posting{Messages: draft("x", 2)}))
	for _, m := range members {
		eventually(t, func() bool { return len(m.seqs("x")) == 2 && m.Silence() < 100*time.Millisecond }, "%s does not hear again", m.name)
		require.Equal(t, []uint64{1, 2}, m.seqs("x"))
	}
}
