package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// asideEvery is the time between two looks at the partitions.
	asideEvery = 10 * time.Second
	// asideMost is how often they are looked at in that time: at once when
	// something has changed, unless it changes all the time.
	asideMost = 5
	// asideBudget is how long one may take.
	asideBudget = 5 * time.Second
	// partitionsStale is the age from which what was seen of them is stale.
	partitionsStale = asideEvery + asideBudget + patience
)

// aside looks at the partitions beside the looks at the database, which do
// not wait for it. It looks once at a time.
type aside struct {
	read func(ctx context.Context) (PartitionStatus, error)
	// news is called after each look.
	news func()
	// turn is taken by whoever uses the monitor's second connection.
	turn turn
	done sync.WaitGroup

	mu      sync.Mutex
	busy    bool
	mark    string                   // what watch saw last; empty until it did
	hurry   bool                     // watch saw something else
	blind   bool                     // watch could not see
	tried   time.Time                // when the last look began
	before  [asideMost - 1]time.Time // when those before it did, the oldest first
	last    time.Time                // when the last one that succeeded ended
	found   *PartitionStatus
	problem error
	told    string // the problem that was logged
}

func newAside(read func(ctx context.Context) (PartitionStatus, error), news func()) *aside {
	return &aside{read: read, news: news, turn: make(turn, 1)}
}

// turn lets one at a time use a connection.
type turn chan struct{}

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the monitor's second connection: %w", ctx.Err())
	}
}

func (t turn) end() { <-t }

var errBlind = errors.New("the server's lists of partitions could not be read")

// begin looks at the partitions if it is time to. It does not wait.
func (a *aside) begin(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wait := asideEvery
	switch {
	case a.problem != nil:
		wait = time.Second
	case a.hurry:
		wait = asideEvery - a.tried.Sub(a.before[0])
	}
	if a.read == nil || a.busy || time.Since(a.tried) < wait {
		return
	}
	copy(a.before[:], append(a.before[1:], a.tried))
	a.busy, a.hurry, a.tried = true, false, time.Now()
	a.done.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, asideBudget)
		defer cancel()
		found, err := a.look(ctx)
		a.end(found, err)
		a.news()
	})
}

func (a *aside) end(found PartitionStatus, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy, a.problem = false, err
	if err == nil {
		a.found, a.last = &found, found.CheckedAt
	}
}

func (a *aside) look(ctx context.Context) (PartitionStatus, error) {
	if err := a.turn.take(ctx); err != nil {
		return PartitionStatus{}, err
	}
	defer a.turn.end()
	found, err := a.read(ctx)
	found.CheckedAt = time.Now().UTC().Truncate(time.Microsecond)
	found.total()
	return found, err
}

// latest is what was seen last, nil if nothing was.
func (a *aside) latest() *PartitionStatus {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.found
}

// marks tell partitions that came, went or are being detached from those that
// were there, and whether rows came into a default partition or left it. They
// are read from catalogs that nobody locks by locking a table.
const marks = `select (select count(*) || ' ' || coalesce(sum(hashoid(inhrelid)::bigint + inhdetachpending::int), 0)
		from pg_inherits join pg_class p on p.oid = inhparent and p.relkind = 'p') || ' ' ||
	(select coalesce(sum(pg_stat_get_tuples_inserted(partdefid) + pg_stat_get_tuples_deleted(partdefid)), 0)
		from pg_partitioned_table where partdefid <> 0)`

// watch looks for changes, which costs little, so that the next look at the
// partitions comes at once. What the server does not let it read is stale; what
// was not read for another reason waits for its time.
func (a *aside) watch(ctx context.Context, conn *pgx.Conn) {
	if a.read == nil {
		return
	}
	var mark string
	err := conn.QueryRow(ctx, marks).Scan(&mark)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.blind = err != nil && refused(err)
	if err != nil {
		return
	}
	a.hurry = a.hurry || a.mark != "" && a.mark != mark
	a.mark = mark
}

// wait returns when nothing is under way any more.
func (a *aside) wait() { a.done.Wait() }

// fill returns what is known, and notes in the snapshot if that is stale.
func (a *aside) fill(s *Snapshot, log *slog.Logger) *Partitions {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.read == nil {
		return nil
	}
	problem := a.problem
	if problem == nil && a.blind {
		problem = errBlind
	}
	if problem == nil && !a.last.IsZero() && time.Since(a.last) > partitionsStale {
		problem = errors.New("nothing was heard for long")
	}
	switch {
	case problem == nil && a.told != "":
		log.Info("part of the snapshot is read again", "part", "partitions")
		a.told = ""
	case problem != nil && a.told != problem.Error():
		log.Warn("part of the snapshot is stale", "part", "partitions", "error", problem)
		a.told = problem.Error()
	}
	if problem != nil {
		s.Stale = append(s.Stale, Stale{Part: "partitions", since: a.last})
	}
	return a.sums()
}

// since returns what was seen since the look that made the snapshot, and which
// parts are stale then.
func (a *aside) since(stale []Stale) (*Partitions, []Stale) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.problem == nil && !a.blind && time.Since(a.last) <= partitionsStale {
		stale = slices.DeleteFunc(slices.Clone(stale), func(s Stale) bool { return s.Part == "partitions" })
	}
	return a.sums(), stale
}

func (a *aside) sums() *Partitions {
	if a.found == nil {
		return nil
	}
	sums := a.found.summed()
	return &sums
}
