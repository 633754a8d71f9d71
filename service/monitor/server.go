package monitor

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// server remembers the counters of the server.
type server struct {
	database, wal, checkpoints, io, statements counters
	scans                                      map[string]*counters // by table
	indexes                                    map[string]string    // of each table; nil until they were read
}

// scansKept is how far back the use of indexes goes.
const scansKept = 5 * time.Minute

func newServer() server {
	return server{
		database: counters{keep: time.Minute}, wal: counters{keep: time.Minute}, checkpoints: counters{keep: time.Hour},
		io: counters{keep: time.Minute}, statements: counters{keep: scansKept, sums: true}, scans: map[string]*counters{},
	}
}

// others are the sessions of this database without the monitor's own.
const others = `datname = current_database() and application_name <> '` + applicationName + `'`

// unseen are the sessions of users of which the monitor, without pg_monitor,
// may see nothing. The server's own processes have no user.
const unseen = `backend_type is null and usesysid is not null`

func (l *look) readActivity(ctx context.Context, conn *pgx.Conn, _ time.Time) error {
	const sql = `with session as materialized (
			select wait_event_type, state, state like 'idle in transaction%' as idle,
				1000 * extract(epoch from clock_timestamp() - xact_start)::float8 as transaction_ms,
				1000 * extract(epoch from clock_timestamp() - state_change)::float8 as state_ms,
				1000 * extract(epoch from clock_timestamp() - query_start)::float8 as statement_ms
			from pg_stat_activity where ` + others + ` and backend_type = 'client backend')
		select (select count(*) from pg_stat_activity where ` + others + ` and wait_event_type = 'Lock'),
			exists (select from pg_stat_activity where ` + others + ` and ` + unseen + `), count(*) filter (where idle),
			coalesce(max(transaction_ms), 0), coalesce(max(state_ms) filter (where idle), 0),
			coalesce(max(statement_ms) filter (where state = 'active'), 0) from session`
	var waiting, idle int64
	var hidden bool
	var oldest, idlest, statement float64
	if err := conn.QueryRow(ctx, sql).Scan(&waiting, &hidden, &idle, &oldest, &idlest, &statement); err != nil {
		return fmt.Errorf("reading pg_stat_activity: %w", err)
	}
	oldest, idlest, statement = max(0, oldest), max(0, idlest), max(0, statement)
	l.now.Transactions = Transactions{
		LongestMS: &oldest, LongestIdleMS: &idlest, LongestStatementMS: &statement, IdleInTransaction: &idle,
	}
	l.now.Locks = Locks{Waiting: &waiting, LongestWaitMS: new(float64), Blockers: []Blocker{}}
	if waiting > 0 {
		if err := l.readBlockers(ctx, conn); err != nil {
			return err
		}
	}
	if hidden { // the longest may be that of a session that may not be seen
		l.now.Transactions, l.now.Locks.Waiting, l.now.Locks.LongestWaitMS = Transactions{}, nil, nil
	}
	return nil
}

// readBlockers is asked only while somebody waits: it halts the lock manager
// for an instant.
func (l *look) readBlockers(ctx context.Context, conn *pgx.Conn) error {
	const sql = `with waiting as materialized (
			select pid, pg_blocking_pids(pid) as blockers, (
				select 1000 * extract(epoch from clock_timestamp() - min(k.waitstart))::float8
				from pg_locks k where k.pid = a.pid and not k.granted) as ms
			from pg_stat_activity a where ` + others + ` and wait_event_type = 'Lock'),
		blocking as (select b.pid, count(distinct w.pid) as blocks from waiting w, unnest(w.blockers) as b (pid) group by b.pid)
		select (select max(ms) from waiting), b.pid::bigint, coalesce(a.state, 'unknown'),
			1000 * extract(epoch from clock_timestamp() - a.xact_start)::float8, b.blocks,
			b.pid in (select pid from waiting)
		from blocking b left join pg_stat_activity a on a.pid = b.pid
		order by b.blocks desc, b.pid limit 10`
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return fmt.Errorf("reading who waits for whom: %w", err)
	}
	var longest *float64
	var b Blocker
	if _, err := pgx.ForEachRow(rows, []any{&longest, &b.PID, &b.State, &b.TransactionMS, &b.Blocks, &b.Waits}, func() error {
		l.now.Locks.Blockers = append(l.now.Locks.Blockers, b)
		return nil
	}); err != nil {
		return fmt.Errorf("reading who waits for whom: %w", err)
	}
	l.now.Locks.LongestWaitMS = longest
	return nil
}

// The counters of the log of the server.
const (
	walBytes = iota
	walFullPages
	walBuffersFull
)

// The counters of checkpoints.
const (
	checkpointsTimed = iota
	checkpointsRequested
	checkpointsWriteMS
	checkpointsSyncMS
	checkpointsBytes
)

func (l *look) readWAL(ctx context.Context, conn *pgx.Conn, at time.Time) error {
	const sql = `select wal_bytes::float8, wal_fpi::float8, wal_buffers_full::float8 from pg_stat_wal`
	wal := make([]float64, 3)
	if err := conn.QueryRow(ctx, sql).Scan(&wal[walBytes], &wal[walFullPages], &wal[walBuffersFull]); err != nil {
		return fmt.Errorf("reading pg_stat_wal: %w", err)
	}
	w := &l.server.wal
	w.add(at, wal...)
	l.now.WAL = WAL{w.perSecond(walBytes), w.perSecond(walFullPages), w.perSecond(walBuffersFull)}

	done := make([]float64, 5)
	if err := conn.QueryRow(ctx, checkpointSQL(l.version)).Scan(&done[checkpointsTimed], &done[checkpointsRequested],
		&done[checkpointsWriteMS], &done[checkpointsSyncMS], &done[checkpointsBytes]); err != nil {
		return fmt.Errorf("reading checkpoints: %w", err)
	}
	c := &l.server.checkpoints
	c.add(at, done...)
	l.now.Checkpoints = Checkpoints{
		TimedLastHour: c.count(checkpointsTimed), RequestedLastHour: c.count(checkpointsRequested),
		WriteShare:     ratio(c.grown(checkpointsWriteMS)/1000, c.seconds()),
		SyncShare:      ratio(c.grown(checkpointsSyncMS)/1000, c.seconds()),
		BytesPerSecond: c.perSecond(checkpointsBytes),
	}
	return nil
}

// The counters of reading and writing.
const (
	ioRead = iota
	ioWritten
	ioExtended
	ioByClients
)

func (l *look) readIO(ctx context.Context, conn *pgx.Conn, at time.Time) error {
	sql := ioSQL(l.version)
	if sql == "" {
		l.now.IO = nil
		return nil
	}
	bytes := make([]float64, 4)
	if err := conn.QueryRow(ctx, sql).Scan(&bytes[ioRead], &bytes[ioWritten], &bytes[ioExtended], &bytes[ioByClients]); err != nil {
		return fmt.Errorf("reading pg_stat_io: %w", err)
	}
	c := &l.server.io
	c.add(at, bytes...)
	l.now.IO = &IO{
		ReadBytesPerSecond: c.perSecond(ioRead), WrittenBytesPerSecond: c.perSecond(ioWritten),
		ExtendedBytesPerSecond: c.perSecond(ioExtended),
		WrittenByClientsShare:  ratio(c.grown(ioByClients), c.grown(ioWritten)),
	}
	return nil
}
