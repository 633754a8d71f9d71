package monitor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// budget is how long one look may take before the database counts as
// unreachable. The server's own timeouts end a single statement sooner.
const budget = 2 * time.Second

// sizeEvery is the time between two measurements of the size, which reads the
// directory of the database.
const sizeEvery = 30 * time.Second

// look takes snapshots one after another and remembers what the next one
// needs to turn counters into rates.
type look struct {
	config Config
	parts  []*part
	now    Snapshot

	inserts inserts
	cache   cache
	pool    acquisitions
}

// part is a group of figures that is read with one statement.
type part struct {
	name string
	// every is the least time between two readings; zero is each look.
	every time.Duration
	read  func(ctx context.Context, conn *pgx.Conn, at time.Time) error

	last    time.Time // the last success
	problem string    // of the last attempt, as logged
}

func newLook(config Config) *look {
	l := &look{config: config, inserts: inserts{arrivals: series{keep: time.Minute}}, cache: cache{blocks: series{keep: time.Minute}}}
	l.pool.keep = rateWindow
	l.parts = []*part{
		{name: "database", read: l.readDatabase},
		{name: "inserts", read: l.readInserts},
		{name: "size", every: sizeEvery, read: l.readSize},
	}
	return l
}

// take looks once. It always returns a snapshot, within the budget.
func (l *look) take(ctx context.Context) Snapshot {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	reachable := l.readParts(ctx)

	s := l.now
	s.CheckedAt = time.Now().UTC().Truncate(time.Microsecond)
	s.Pool = l.pool.read(l.config.Served, s.CheckedAt)
	s.Queries = Queries{WindowSeconds: windowSeconds, ByStatement: []Statement{}}
	if l.config.Queries != nil {
		s.Queries = l.config.Queries.Queries()
	}
	s.Stale = []Stale{}
	for _, p := range l.parts {
		if p.problem != "" {
			s.Stale = append(s.Stale, Stale{Part: p.name, since: p.last})
		}
	}
	s.judge(reachable, l.cache.recent())
	return s
}

// readParts reads what is due on one connection and says whether the database
// answered at all.
func (l *look) readParts(ctx context.Context) (reachable bool) {
	conn, err := l.config.Pool.Acquire(ctx)
	if err != nil {
		for _, p := range l.parts {
			l.note(p, fmt.Errorf("connecting: %w", err))
		}
		return false
	}
	defer conn.Release()
	reachable = true
	for _, p := range l.parts {
		at := time.Now()
		if p.problem == "" && !p.last.IsZero() && at.Sub(p.last) < p.every {
			continue
		}
		err := p.read(ctx, conn.Conn(), at)
		l.note(p, err)
		if err == nil {
			p.last = at
		} else if !refused(err) {
			reachable = false
		}
	}
	return reachable
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
	case err == nil && p.problem != "":
		l.config.Log.Info("part of the snapshot is read again", "part", p.name)
		p.problem = ""
	case err != nil && p.problem != err.Error():
		l.config.Log.Warn("part of the snapshot is stale", "part", p.name, "error", err)
		p.problem = err.Error()
	}
}

func (l *look) readDatabase(ctx context.Context, conn *pgx.Conn, at time.Time) error {
	const sql = `select blks_hit, blks_read, numbackends::bigint,
		current_setting('max_connections')::bigint, split_part(current_setting('server_version'), ' ', 1)
		from pg_stat_database where datname = current_database()`
	var hit, read, connections, most int64
	var version string
	if err := conn.QueryRow(ctx, sql).Scan(&hit, &read, &connections, &most, &version); err != nil {
		return fmt.Errorf("reading pg_stat_database: %w", err)
	}
	l.now.Database.Connections, l.now.Database.MaxConnections, l.now.Database.Version = &connections, &most, &version
	l.now.Cache = l.cache.add(at, hit, read)
	return nil
}

// readInserts reads the counters of every table of the users. Partitioned
// parents have none of their own; their leaves are tables too. The function
// is what pg_stat_user_tables calls, without the joins to indexes.
func (l *look) readInserts(ctx context.Context, conn *pgx.Conn, at time.Time) error {
	const sql = `select c.oid, pg_stat_get_tuples_inserted(c.oid)
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_temp%'`
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
