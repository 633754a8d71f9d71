package monitor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// budget is how long one look may take. The server's own timeouts end a
	// single statement sooner.
	budget = 1100 * time.Millisecond
	// least is what must be left of the budget to begin another statement: it
	// may wait for a lock as long as lock_timeout.
	least = 150 * time.Millisecond
	// patience is how long a part may be overdue because looks had no time for
	// it, before it counts as stale.
	patience = 5 * time.Second
)

// look takes snapshots one after another and remembers what the next one
// needs to turn counters into rates.
type look struct {
	config  Config
	parts   []*part
	aside   *aside
	now     Snapshot
	version int    // of the server, such as 150004; 0 until it was read
	lost    string // why the database could not be reached at the last look

	inserts inserts
	cache   cache
	server  server
}

// sight is what a look saw.
type sight struct {
	snapshot  Snapshot // without what the process knows by itself, and not judged
	reachable bool
	blocks    int64 // how many blocks the cache's ratio rests on
}

// part is a group of figures that is read with one statement or a few.
type part struct {
	name string
	// every is the least time between two readings; zero is each look.
	every time.Duration
	// quick parts are read between two whole looks too: alerts are judged on
	// them.
	quick bool
	read  func(ctx context.Context, conn *pgx.Conn, at time.Time) error

	last    time.Time // the last success
	problem string    // of the last attempt
	logged  bool      // the problem was
}

var errNoTime = errors.New("the look had no time left for it")

func newLook(config Config, aside *aside) *look {
	l := &look{
		config: config, now: notCollected(time.Now()), server: newServer(), aside: aside,
		inserts: inserts{arrivals: series{keep: time.Minute}}, cache: cache{blocks: series{keep: time.Minute}},
	}
	l.parts = []*part{
		{name: "database", quick: true, read: l.readDatabase},
		{name: "inserts", read: l.readInserts},
		{name: activityPart, quick: true, read: l.readActivity},
		{name: "wal", every: 5 * time.Second, read: l.readWAL},
		{name: "replication", quick: true, read: l.readReplication},
		{name: "tables", every: 10 * time.Second, read: l.readTables},
		{name: "io", every: 10 * time.Second, read: l.readIO},
		{name: "size", every: 30 * time.Second, read: l.readSize},
		{name: "indexes", every: 30 * time.Second, read: l.readIndexes},
		{name: "statements", every: 30 * time.Second, read: l.readStatements},
		{name: "wraparound", every: time.Minute, read: l.readWraparound},
	}
	return l
}

// take looks once, at everything that is due or only at the quick parts. It
// always returns a snapshot, within the budget.
func (l *look) take(ctx context.Context, whole bool) sight {
	within, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	reachable := l.readParts(within, whole)
	if reachable {
		l.aside.begin(ctx)
	}

	s := l.now
	s.CheckedAt = time.Now().UTC().Truncate(time.Microsecond)
	usual := &l.inserts.minutes
	s.Inserts.Baseline = Baseline{RowsPerSecond: usual.median(), Minutes: len(usual.past)}
	s.Inserts.Baseline.Share = shareOf(s.Inserts.RowsPerSecondWhileInserting, s.Inserts.Baseline.RowsPerSecond)
	s.Stale = []Stale{}
	for _, p := range l.parts {
		if p.problem != "" {
			s.Stale = append(s.Stale, Stale{Part: p.name, since: p.last})
		}
	}
	s.Partitions = l.aside.fill(&s, l.config.Log)
	return sight{s, reachable, l.cache.recent()}
}

// readParts reads what is due on one connection and says whether the database
// answered at all.
func (l *look) readParts(ctx context.Context, whole bool) (reachable bool) {
	session, err := openSession(ctx, l.config.Pool)
	if err != nil {
		l.lose(err)
		return false
	}
	defer session.close()
	if l.lost != "" {
		l.config.Log.Info("the database is reached again")
		l.lost = ""
	}
	for _, p := range l.due(time.Now(), whole) {
		var at time.Time
		if !roomFor(ctx) || session.broken() {
			if reachable && time.Since(p.last) < p.every+patience {
				continue
			}
			l.note(p, errNoTime)
			continue
		}
		err := session.use(ctx, func(ctx context.Context, conn *pgx.Conn) error {
			at = time.Now()
			return p.read(ctx, conn, at)
		})
		l.note(p, err)
		if err == nil {
			p.last = at
		}
		reachable = reachable || err == nil || session.conn != nil && refused(err)
	}
	if reachable && roomFor(ctx) && !session.broken() {
		l.aside.watch(ctx, session.conn.Conn())
	}
	return reachable
}

// due lists the parts that are to be read, those that could not be read the
// last time at the end, so that they do not take the time of the others. A part
// is due at the look that is nearest to its time, else it would often wait for
// the one after it.
func (l *look) due(now time.Time, whole bool) []*part {
	var sound, troubled []*part
	for _, p := range l.parts {
		switch {
		case !whole && !p.quick:
		case p.problem != "":
			troubled = append(troubled, p)
		case p.last.IsZero() || now.Sub(p.last) >= p.every-l.config.Every/2:
			sound = append(sound, p)
		}
	}
	return slices.Concat(sound, troubled)
}

// refused says whether the server answered and only this statement could not
// be carried out, for instance because it would have had to wait. A server
// that is shutting down (class 57P) does not count as answering.
func refused(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code[:min(3, len(answer.Code))] != "57P"
}

// note logs a problem when it begins, changes or ends.
func (l *look) note(p *part, err error) {
	switch {
	case err == nil && p.logged:
		l.config.Log.Info("part of the snapshot is read again", "part", p.name)
		p.problem, p.logged = "", false
	case err == nil:
		p.problem = ""
	case p.problem != err.Error() && !errors.Is(err, context.Canceled): // which is the end of the service
		l.config.Log.Warn("part of the snapshot is stale", "part", p.name, "error", err)
		p.problem, p.logged = err.Error(), true
	}
}

// lose notes that there is no connection, which is one line in the log and not
// one for each part.
func (l *look) lose(err error) {
	if l.lost != err.Error() && !errors.Is(err, context.Canceled) {
		l.config.Log.Warn("the database cannot be reached", "error", err)
	}
	l.lost = err.Error()
	for _, p := range l.parts {
		p.problem = l.lost
	}
}

// The counters of the database.
const (
	databaseCommits = iota
	databaseRollbacks
	databaseTempBytes
	databaseDeadlocks
)

func (l *look) readDatabase(ctx context.Context, conn *pgx.Conn, at time.Time) error {
	const sql = `select blks_hit, blks_read, numbackends::bigint,
		current_setting('max_connections')::bigint, split_part(current_setting('server_version'), ' ', 1),
		current_setting('server_version_num')::int, stats_reset,
		xact_commit::float8, xact_rollback::float8, temp_bytes::float8, deadlocks::float8
		from pg_stat_database where datname = current_database()`
	var hit, read, connections, most int64
	var version string
	var reset *time.Time
	counted := make([]float64, 4)
	if err := conn.QueryRow(ctx, sql).Scan(&hit, &read, &connections, &most, &version, &l.version, &reset,
		&counted[databaseCommits], &counted[databaseRollbacks], &counted[databaseTempBytes], &counted[databaseDeadlocks],
	); err != nil {
		return fmt.Errorf("reading pg_stat_database: %w", err)
	}
	l.now.Database.Connections, l.now.Database.MaxConnections, l.now.Database.Version = &connections, &most, &version
	l.now.Cache = l.cache.add(at, hit, read)
	if reset != nil {
		*reset = reset.UTC()
	}
	l.now.Indexes.CountedSince = reset
	c := &l.server.database
	c.add(at, counted...)
	l.now.Work = Work{
		CommitsPerSecond: c.perSecond(databaseCommits), RollbacksPerSecond: c.perSecond(databaseRollbacks),
		TempBytesPerSecond:  c.perSecond(databaseTempBytes),
		DeadlocksLastMinute: c.count(databaseDeadlocks), DeadlocksSinceStart: int64(c.since[databaseDeadlocks]),
	}
	return nil
}

// readInserts reads the counters of every table of the users. Partitioned
// parents have none of their own; their leaves are tables too. The function
// is what pg_stat_user_tables calls, without the joins to indexes.
func (l *look) readInserts(ctx context.Context, conn *pgx.Conn, at time.Time) error {
	const sql = `select c.oid, pg_stat_get_tuples_inserted(c.oid)
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'monitoring') and n.nspname not like 'pg_temp%'`
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return fmt.Errorf("reading insert counters: %w", err)
	}
	leaves := map[uint32]int64{}
	var oid uint32
	var count int64
	if _, err := pgx.ForEachRow(rows, []any{&oid, &count}, func() error {
		leaves[oid] = count
		return nil
	}); err != nil {
		return fmt.Errorf("reading insert counters: %w", err)
	}
	l.now.Inserts = l.inserts.add(at, leaves)
	return nil
}

func (l *look) readSize(ctx context.Context, conn *pgx.Conn, _ time.Time) error {
	var size int64
	if err := conn.QueryRow(ctx, `select pg_database_size(current_database())`).Scan(&size); err != nil {
		return fmt.Errorf("reading the size of the database: %w", err)
	}
	l.now.Database.SizeBytes = &size
	return nil
}
