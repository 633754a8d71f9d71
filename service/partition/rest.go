package partition

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// restTime is how long an interval is left alone whose rows took longer to
// move than they may: each try stops the writers of the table.
const restTime = time.Hour

// rests are the partitions that are left alone, and until when.
type rests struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (r *rests) begin(partition string, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[string]time.Time{}
	}
	r.until[partition] = until
}

// over reports whether the partition may be made now, and forgets those of
// which that is so.
func (r *rests) over(partition string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, resting := r.until[partition]
	if resting && !now.Before(until) {
		delete(r.until, partition)
	}
	return !resting || !now.Before(until)
}

// tooMany refuses to move more rows beside the market than its writers should
// wait for. It counts without a lock, and no further than it must.
func (w *work) tooMany(ctx context.Context, l *layout, s slice) error {
	if w.most == 0 || l.defaultName == "" {
		return nil
	}
	interval := l.from(s.span)
	way := "run `marketd partitions repair` when it is quiet; writers of the table wait meanwhile"
	if !w.rests.over(s.name, w.now) {
		return refusal{fmt.Sprintf("the rows of %s in %s took longer to move than they may: %s", interval, l.defaultName, way)}
	}
	var count int64
	if err := w.attempt(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, fmt.Sprintf(`select count(*) from (select from only %s where %s limit %d) as found`,
			l.sql(l.defaultName), l.inside(s.span), w.most+1)).Scan(&count)
	}); err != nil {
		return fmt.Errorf("counting the rows in %s: %w", l.defaultName, err)
	}
	if count > w.most {
		return refusal{fmt.Sprintf("more than %d rows of %s in %s: %s", w.most, interval, l.defaultName, way)}
	}
	return nil
}

// from is what people call the interval of a span.
func (t table) from(s span) string {
	if t.yearly {
		return s.from.Format("2006")
	}
	return s.from.Format(time.DateOnly)
}
