package monitor_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/monitor"
)

// session opens a connection of its own that ends with the test.
func session(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(ctx) })
	return conn
}

func do(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
}

func TestWhoWaitsAndForWhomIsTold(t *testing.T) {
	dsn := testdb.Migrated(t)
	w := start(t, dsn, nil)
	calm := w.await("an ordinary day", passing)
	require.Zero(t, *calm.Locks.Waiting)
	require.Zero(t, *calm.Locks.LongestWaitMS)
	require.Empty(t, calm.Locks.Blockers)

	blocker, waiter := session(t, dsn), session(t, dsn)
	do(t, blocker, "begin", "lock table instruments in access exclusive mode")
	waited := make(chan error, 1)
	go func() {
		_, err := waiter.Exec(context.WithoutCancel(t.Context()), "select 'a secret' from instruments")
		waited <- err
	}()
	s := w.await("the wait", func(s monitor.Snapshot) bool { return *s.Locks.Waiting == 1 && len(s.Locks.Blockers) == 1 })
	b := s.Locks.Blockers[0]
	require.EqualValues(t, blocker.PgConn().PID(), b.PID)
	require.Equal(t, "idle in transaction", b.State)
	require.EqualValues(t, 1, b.Blocks)
	require.False(t, b.Waits)
	require.NotNil(t, b.TransactionMS)
	require.Equal(t, monitor.Pass, s.Status, "%v %v", s.Reasons, s.Stale)
	longer := w.await("a longer wait", func(later monitor.Snapshot) bool {
		return *later.Locks.LongestWaitMS > *s.Locks.LongestWaitMS
	})
	require.EqualValues(t, 1, *longer.Transactions.IdleInTransaction)
	require.Positive(t, *longer.Transactions.LongestIdleMS)
	require.Greater(t, *longer.Transactions.LongestMS, *calm.Transactions.LongestMS)
	require.Positive(t, *longer.Transactions.LongestStatementMS, "the one that waits")

	do(t, blocker, "rollback")
	require.NoError(t, <-waited)
	w.await("the end of it", func(s monitor.Snapshot) bool { return *s.Locks.Waiting == 0 && len(s.Locks.Blockers) == 0 })
}

func TestIndexesThatAreOfNoUseAreTold(t *testing.T) {
	dsn := testdb.Migrated(t)
	conn := session(t, dsn)
	do(t, conn, "create table notes (id int, word text)", "insert into notes values (1, 'a'), (2, 'a')",
		"create index notes_word on notes (word)", "create index only_parent on only ticks (price)",
		"create index only_child on ticks_default (price)", "alter index only_parent attach partition only_child")
	_, err := conn.Exec(t.Context(), "create unique index concurrently notes_unique on notes (word)")
	require.Error(t, err)
	do(t, conn, "analyze notes")
	s := start(t, dsn, nil).await("the indexes", func(s monitor.Snapshot) bool { return s.Indexes.Count != nil })

	var invalid, unused []string
	for _, i := range s.Indexes.Invalid {
		invalid = append(invalid, i.Name)
	}
	for _, i := range s.Indexes.Unused {
		unused = append(unused, i.Name)
	}
	require.ElementsMatch(t, []string{"notes_unique", "only_parent"}, invalid)
	require.EqualValues(t, 2, *s.Indexes.InvalidCount)
	require.Equal(t, []string{"notes_word"}, unused, "an index that upholds a constraint is of use")
	require.Equal(t, *s.Indexes.UnusedBytes, s.Indexes.Unused[0].Bytes)
	require.Equal(t, "notes", s.Indexes.Unused[0].Table)
	require.InDelta(t, 2, s.Figures()["indexes.invalid"], 0)
}

func TestPartitionsAddUpToTheirTable(t *testing.T) {
	dsn := testdb.Migrated(t)
	conn := session(t, dsn)
	do(t, conn, "insert into instruments (symbol) values ('AAPL')", `
		insert into ticks (instrument_id, at, trade, price, volume)
		select id, now() - i * interval '1 h', i, 1, 1 from instruments, generate_series(1, 48) i`,
		"delete from ticks where trade <= 12")
	pid, after := conn.PgConn().PID(), session(t, dsn)
	require.NoError(t, conn.Close(t.Context()))
	require.Eventually(t, func() bool { // a backend that is gone has reported all it did
		var there bool
		err := after.QueryRow(t.Context(), "select exists (select from pg_stat_activity where pid = $1)", pid).Scan(&there)
		return err == nil && !there
	}, 20*time.Second, 10*time.Millisecond)
	do(t, after, "analyze ticks")
	s := start(t, dsn, nil).await("the tables", func(s monitor.Snapshot) bool {
		return s.Tables.LiveRows != nil && *s.Tables.DeadRows >= 12
	})
	var ticks monitor.Table
	for _, table := range s.Tables.ByTable {
		require.NotContains(t, table.Name, "ticks_", "a partition is no table of its own")
		if table.Name == "ticks" {
			ticks = table
		}
	}
	require.EqualValues(t, 36, ticks.LiveRows)
	require.EqualValues(t, 12, ticks.DeadRows)
	require.InDelta(t, 0.25, *ticks.DeadShare, 1e-9)
	require.Positive(t, ticks.DeadBytes)
	require.GreaterOrEqual(t, ticks.Partitions, int64(6))
	require.Positive(t, *s.Wraparound.Age)
	require.Positive(t, *s.Wraparound.Share)
	require.NotEmpty(t, *s.Wraparound.OldestTable)
	require.NotNil(t, s.Wraparound.Vacuums)
	require.False(t, *s.Replication.Standby)
}

func TestADeadlockIsCounted(t *testing.T) {
	dsn := testdb.Migrated(t)
	one, other := session(t, dsn), session(t, dsn)
	do(t, one, "create table accounts (id int primary key)", "insert into accounts values (1), (2)")
	w := start(t, dsn, nil)
	w.await("a first rate", func(s monitor.Snapshot) bool { return s.Work.DeadlocksLastMinute != nil })

	lock := func(conn *pgx.Conn, id int) error {
		_, err := conn.Exec(context.WithoutCancel(t.Context()), "select from accounts where id = $1 for update", id)
		return err
	}
	for i, conn := range []*pgx.Conn{one, other} {
		do(t, conn, "set deadlock_timeout = '10ms'", "begin")
		require.NoError(t, lock(conn, i+1))
	}
	crossed := make(chan error, 1)
	go func() { crossed <- lock(one, 2) }()
	require.Error(t, errors.Join(lock(other, 1), rolledBack(t, other), <-crossed))
	require.NoError(t, one.Close(t.Context()))
	require.NoError(t, other.Close(t.Context()))

	s := w.await("the deadlock", func(s monitor.Snapshot) bool { return s.Work.DeadlocksSinceStart == 1 })
	require.EqualValues(t, 1, *s.Work.DeadlocksLastMinute)
	require.InDelta(t, 1, s.Figures()["work.deadlocks_last_minute"], 0)
}

// rolledBack lets the other session of a deadlock go on.
func rolledBack(t *testing.T, conn *pgx.Conn) error {
	t.Helper()
	_, err := conn.Exec(t.Context(), "rollback")
	return err
}

func TestAResetOfTheStatisticsGivesNoNegativeRate(t *testing.T) {
	dsn := testdb.Migrated(t)
	w := start(t, dsn, nil)
	w.await("a first rate", func(s monitor.Snapshot) bool { return s.Work.CommitsPerSecond != nil })
	conn := session(t, dsn)
	do(t, conn, "insert into instruments (symbol) select i::text from generate_series(1, 1000) i",
		"select pg_stat_reset()", "select pg_stat_reset_shared('wal')", "select pg_stat_reset_shared('bgwriter')")
	began := time.Now()
	// await checks every answer against the schema, which forbids them.
	s := w.await("the reset", func(s monitor.Snapshot) bool {
		return s.Indexes.CountedSince != nil && s.CheckedAt.After(began.Add(time.Second))
	})
	require.GreaterOrEqual(t, *s.Work.CommitsPerSecond, 0.0)
	require.GreaterOrEqual(t, *s.Inserts.RowsPerSecond, 0.0)
}

func TestALockedPartitionHoldsUpNoFigure(t *testing.T) {
	dsn := testdb.Migrated(t)
	w := start(t, dsn, nil)
	w.await("an ordinary day", passing)
	locker := session(t, dsn)
	do(t, locker, "begin", "do $$ begin execute (select 'lock table only ' || inhrelid::regclass || ' in access exclusive mode' "+
		"from pg_inherits where inhparent = 'ticks'::regclass limit 1); end $$")
	began := time.Now()
	w.await("what is read every ten seconds", func(s monitor.Snapshot) bool {
		require.Equal(t, monitor.Pass, s.Status, "%v %v", s.Reasons, s.Stale)
		return s.CheckedAt.After(began.Add(12 * time.Second))
	})
	do(t, locker, "rollback")
}

func TestWhereStatementsAreNotCountedThatIsSaid(t *testing.T) {
	dsn := testdb.Migrated(t)
	s := start(t, dsn, nil).await("the statements", func(s monitor.Snapshot) bool { return s.Statements.Source != "unknown" })
	require.Equal(t, "not installed", s.Statements.Source)

	conn := session(t, dsn)
	if _, err := conn.Exec(t.Context(), "create extension pg_stat_statements"); err != nil {
		t.Skipf("the server has no pg_stat_statements to install: %v", err)
	}
	var loaded bool
	require.NoError(t, conn.QueryRow(t.Context(),
		"select current_setting('shared_preload_libraries') like '%pg_stat_statements%'").Scan(&loaded))
	s = start(t, dsn, nil).await("the statements", func(s monitor.Snapshot) bool { return s.Statements.Source != "unknown" })
	if !loaded {
		require.Equal(t, "not loaded", s.Statements.Source)
		require.Empty(t, s.Stale, "that is no failure")
		return
	}
	require.Equal(t, "pg_stat_statements", s.Statements.Source)
	require.NotEmpty(t, s.Statements.Top)
}

func TestPartitionsAreReadBesideTheLooks(t *testing.T) {
	hold, asked := make(chan struct{}), make(chan struct{}, 100)
	problem := errors.New("not now")
	answers := make(chan error, 1)
	w := startWith(t, testdb.Migrated(t), nil, func(c *monitor.Config) {
		c.Partitions = func(ctx context.Context) (monitor.PartitionStatus, error) {
			asked <- struct{}{}
			select {
			case <-hold:
			case <-ctx.Done():
				return monitor.PartitionStatus{}, ctx.Err()
			}
			ticks, bars := partitioned("ticks", "ticks_1", "ticks_2"), partitioned("bars")
			ticks.LookAheadHours, ticks.Partitions[1].Bytes, bars.LookAheadHours, bars.DefaultRows = 96, 7, 9000, 3
			return monitor.PartitionStatus{Tables: []monitor.PartitionStatusTable{ticks, bars}}, <-answers
		}
	})
	<-asked
	for range 4 {
		require.Nil(t, (<-w.heard).Partitions, "nobody waits for them")
	}
	answers <- problem
	close(hold)
	s := w.await("the trouble", func(s monitor.Snapshot) bool { return len(s.Stale) > 0 })
	require.Equal(t, "partitions", s.Stale[0].Part)
	require.Nil(t, s.Stale[0].AgeMS)
	close(answers)
	s = w.await("the partitions", func(s monitor.Snapshot) bool { return s.Partitions != nil })
	require.Empty(t, s.Stale)
	figures := s.Figures()
	require.InDelta(t, 96, figures["partitions.look_ahead_hours"], 0)
	require.InDelta(t, 3, figures["partitions.default_rows"], 0)
	require.InDelta(t, 7, figures["partitions.largest_bytes"], 0)
}

func TestWhoFollowsAndWhatIsKeptForThemIsTold(t *testing.T) {
	dsn := testdb.Migrated(t)
	conn := session(t, dsn)
	slot := "kept_" + strings.ToLower(rand.Text())
	_, err := conn.Exec(t.Context(), "select pg_create_physical_replication_slot($1, true)", slot)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := conn.Exec(context.WithoutCancel(t.Context()), "select pg_drop_replication_slot($1)", slot)
		require.NoError(t, err)
	})
	do(t, conn, "create table log_of_much as select i from generate_series(1, 10000) i")

	follower, err := pgconn.ParseConfig(dsn)
	require.NoError(t, err)
	follower.RuntimeParams["replication"], follower.RuntimeParams["application_name"] = "true", slot
	following, refused := pgconn.ConnectConfig(t.Context(), follower)
	if refused == nil {
		defer func() { _ = following.Close(context.WithoutCancel(t.Context())) }()
	}

	s := start(t, dsn, nil).await("the slot", func(s monitor.Snapshot) bool { return len(s.Replication.Slots) > 0 })
	kept := slices.IndexFunc(s.Replication.Slots, func(s monitor.Slot) bool { return s.Name == slot })
	require.GreaterOrEqual(t, kept, 0)
	require.False(t, s.Replication.Slots[kept].Active)
	require.Positive(t, *s.Replication.Slots[kept].RetainedBytes)
	require.Positive(t, s.Figures()["replication.retained_bytes"])
	if refused != nil {
		t.Skipf("the server lets nobody follow it from here: %v", refused)
	}
	follows := slices.IndexFunc(s.Replication.Replicas, func(r monitor.Replica) bool { return r.Name == slot })
	require.GreaterOrEqual(t, follows, 0)
	require.Nil(t, s.Replication.Replicas[follows].LagBytes, "it has not said yet what it has")
}

func TestAPartitionThatGoesIsNoticedAtOnce(t *testing.T) {
	dsn := testdb.Migrated(t)
	asked := make(chan time.Time, 100)
	w := startWith(t, dsn, nil, func(c *monitor.Config) {
		c.Every = time.Second
		c.Partitions = func(context.Context) (monitor.PartitionStatus, error) {
			asked <- time.Now()
			return monitor.PartitionStatus{Tables: []monitor.PartitionStatusTable{}}, nil
		}
	})
	w.await("an ordinary day", passing)
	first := <-asked
	conn := session(t, dsn)
	do(t, conn, "create table news (at date) partition by range (at)", "create table news_1 partition of news for values from ('2026-01-01') to ('2026-01-02')")
	require.Less(t, (<-asked).Sub(first), 5*time.Second, "not after ten seconds")
	do(t, conn, "drop table news_1")
	second := time.Now()
	require.Less(t, (<-asked).Sub(second), 5*time.Second)
}

func TestHowTablesAreReadIsComparedWithBefore(t *testing.T) {
	dsn := testdb.Migrated(t)
	conn := session(t, dsn)
	do(t, conn, "create table notes (id int, word text)", "insert into notes select i, i from generate_series(1, 1000) i")
	pool, err := monitor.OpenPool(t.Context(), dsn)
	require.NoError(t, err)
	defer pool.Close()
	look := monitor.NewLook(monitor.Config{Pool: pool})
	next := func() monitor.Indexes {
		do(t, conn, "select pg_stat_force_next_flush()")
		look.Anew()
		return look.Take(t.Context()).Indexes
	}
	first := next()
	require.Equal(t, "started", first.Before.Why)
	require.Equal(t, first.UseShareSinceReset, first.Before.UseShare)
	require.Nil(t, first.ScansPerSecond, "one look is no rate")

	do(t, conn, "select from notes where word = '1'", "select from notes where word = '2'")
	busy := next()
	require.Positive(t, *busy.SequentialScansPerSecond)
	require.Equal(t, first.Before, busy.Before)
	do(t, conn, "create table others (id int primary key)")
	require.Equal(t, first.Before, next().Before, "an index that came with its table")
	do(t, conn, "create index notes_word on notes (word)", "analyze notes")
	after := next()
	require.Equal(t, "indexes_changed", after.Before.Why)
	require.Positive(t, *after.Before.SequentialScansPerSecond)
	require.Nil(t, after.ScansPerSecond, "they begin anew")

	next()
	do(t, conn, "set enable_seqscan = off", "select from notes where word = '1'")
	now := next()
	require.InDelta(t, 1, *now.UseShare, 0)
	require.Positive(t, *now.ScansPerSecond)
	require.Less(t, *now.Before.UseShare, *now.UseShare)
	require.Equal(t, after.Before, now.Before)
}

// partitioned is a table with partitions of those names.
func partitioned(table string, names ...string) monitor.PartitionStatusTable {
	t := monitor.PartitionStatusTable{
		Table: table, Interval: "day", LookAheadHours: 100, Gaps: []monitor.PartitionGap{}, Kept: []string{}, Overdue: []string{},
		DetachPending: []string{}, Waiting: []string{}, Partitions: []monitor.Partition{},
	}
	for _, name := range names {
		t.Partitions = append(t.Partitions, monitor.Partition{Name: name, Attached: true})
	}
	return t
}
