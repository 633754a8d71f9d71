package drive

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/measure"
)

// lookEvery is how often the locks are looked at. A look costs the server a
// few tenths of a millisecond; what is held for less may be seen or not, and
// counts for as much as it lasts on average.
const lookEvery = 4 * time.Millisecond

// locksSQL says which locks are held, or waited for, that stop those who write,
// on the tables that the service uses; a partition counts as its table. Vacuum is
// none of the operator's doing.
const locksSQL = `SELECT l.granted, l.mode, coalesce(p.relname, c.relname)
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation
LEFT JOIN pg_inherits h ON h.inhrelid = c.oid
LEFT JOIN pg_class p ON p.oid = h.inhparent
JOIN pg_stat_activity a ON a.pid = l.pid AND a.backend_type = 'client backend'
WHERE l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
	AND (c.relname IN ('ticks', 'bars', 'instruments', 'market_data') OR p.relname IN ('ticks', 'bars'))
GROUP BY 1, 2, 3`

// Locks is what was seen of the locks in a stretch of time.
type Locks struct {
	// Stopped is how long writers were stopped by a lock of any backend on any
	// of their tables, in sum; Exclusive how long readers were as well.
	Stopped, Exclusive time.Duration
	// Queued is how long somebody waited for such a lock: whoever comes then
	// waits behind.
	Queued time.Duration
	// By is how long each kind of lock was held on each table, such as
	// "ShareLock on ticks"; several may have been held at a time.
	By map[string]time.Duration
	// Looks is how often we looked, and Every how far these looks are apart in
	// the mean.
	Looks int64
	Every time.Duration
	// Blind is how long nothing could be seen, because the server was away.
	Blind time.Duration

	spans []stretch // in which writers were stopped, in order
}

// stretch is one of time.
type stretch struct{ from, to time.Time }

// within is how long writers were stopped between two moments.
func (l Locks) within(from, to time.Time) time.Duration {
	var sum time.Duration
	for _, s := range l.spans {
		if s.from.Before(from) {
			s.from = from
		}
		if s.to.After(to) {
			s.to = to
		}
		sum += max(0, s.to.Sub(s.from))
	}
	return sum
}

// WatchLocks looks at the locks of a database while something is done, over a
// connection of its own, and returns what was seen and the error of what was
// done. A server that goes away meanwhile is looked at again when it is back.
func WatchLocks(ctx context.Context, dsn string, do func(context.Context) error) (Locks, error) {
	w := &lockWatcher{dsn: dsn}
	if err := w.connect(ctx); err != nil {
		return Locks{}, err
	}
	watching, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { // ends with what is done
		defer close(ended)
		w.watch(watching)
	}()
	err := do(ctx)
	stop()
	<-ended
	return w.seen, err
}

// Measures yields in milliseconds "exclusive locks, in sum": how long writers
// were stopped by a lock on a table of theirs (SHARE or stronger), taken
// together, "locks against readers, in sum": how long ACCESS EXCLUSIVE was held,
// and "locks waited for, in sum". Each says how close we looked: a single lock
// is known to within two looks, and the sum of many is right on average.
func (l Locks) Measures() measure.Set {
	says := fmt.Sprintf("looked every %.1f ms", measure.InMilliseconds(l.Every))
	if l.Blind > 0 {
		says += fmt.Sprintf(", blind for %.1f s", l.Blind.Seconds())
	}
	sum := func(name string, d time.Duration) measure.Value {
		return measure.Value{Name: name, Unit: measure.Milliseconds, Amount: &measure.Amount{
			Value: measure.InMilliseconds(d), Of: l.Looks, Says: says,
		}}
	}
	return measure.Set{
		"exclusive locks, in sum":       sum("exclusive locks, in sum", l.Stopped),
		"locks against readers, in sum": sum("locks against readers, in sum", l.Exclusive),
		"locks waited for, in sum":      sum("locks waited for, in sum", l.Queued),
	}
}

type lockWatcher struct {
	dsn  string
	conn *pgx.Conn
	seen Locks
}

func (w *lockWatcher) connect(ctx context.Context) error {
	conn, err := connect(ctx, w.dsn, "watching the locks")
	if err != nil {
		return err
	}
	w.conn = conn
	return nil
}

// watch looks until ctx is done. What a look shows counts from the middle
// between it and the one before to the middle between it and the next.
func (w *lockWatcher) watch(ctx context.Context) {
	defer func() { _ = w.conn.Close(context.WithoutCancel(ctx)) }()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var watched time.Duration
	var before look
	before.at = time.Now()
	for ctx.Err() == nil {
		now, ok := w.look(ctx)
		if ctx.Err() != nil {
			break
		}
		since := now.at.Sub(before.at)
		if ok {
			w.seen.Looks++
			watched += since
			middle := before.at.Add(since / 2)
			w.seen.count(before, stretch{before.at, middle})
			w.seen.count(now, stretch{middle, now.at})
		} else {
			w.seen.Blind += since
			w.reconnect(ctx)
		}
		before = now
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	if w.seen.Looks > 0 {
		w.seen.Every = watched / time.Duration(w.seen.Looks)
	}
}

// look is what was held at a moment.
type look struct {
	at                         time.Time
	stopped, exclusive, queued bool
	held                       []string
}

func (w *lockWatcher) look(ctx context.Context) (look, bool) {
	// A look that hangs is one that a server in trouble does not answer.
	looking, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var l look
	rows, _ := w.conn.Query(looking, locksSQL) // its error is that of the rows
	var granted bool
	var mode, table string
	_, err := pgx.ForEachRow(rows, []any{&granted, &mode, &table}, func() error {
		if !granted {
			l.queued = true
			return nil
		}
		l.stopped = true
		l.exclusive = l.exclusive || mode == "AccessExclusiveLock"
		l.held = append(l.held, mode+" on "+table)
		return nil
	})
	l.at = time.Now()
	return l, err == nil
}

func (w *lockWatcher) reconnect(ctx context.Context) {
	_ = w.conn.Close(context.WithoutCancel(ctx))
	conn, err := pgx.Connect(ctx, w.dsn)
	if err == nil { // otherwise the next look fails and we are back
		w.conn = conn
	}
}

func (l *Locks) count(seen look, during stretch) {
	d := during.to.Sub(during.from)
	if seen.stopped {
		l.Stopped += d
		l.spans = append(l.spans, during)
	}
	if seen.exclusive {
		l.Exclusive += d
	}
	if seen.queued {
		l.Queued += d
	}
	for _, lock := range seen.held {
		if l.By == nil {
			l.By = map[string]time.Duration{}
		}
		l.By[lock] += d
	}
}
