package monitor

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// windowSeconds is how far back latencies go; the window moves on in slots.
const (
	windowSeconds = 60
	slotSeconds   = 10
	slots         = windowSeconds / slotSeconds
)

// maxStatements bounds how many names are kept apart; the latency of any
// further name counts only in the whole.
const maxStatements = 32

// Recorder notes how long statements take. It is the tracer of the served
// pool (pgx.QueryTracer, pgx.BatchTracer and pgx.CopyFromTracer) and safe for
// concurrent use.
//
// A statement whose text is in the catalogue given to NewRecorder, or that
// begins with a comment of the form "-- name: latest_price", is also counted
// under that name; batches are counted as "batch", copies as "copy" and commits
// as "commit". BEGIN and ROLLBACK are not counted.
type Recorder struct {
	names map[string]string // never written to after NewRecorder

	mu      sync.Mutex
	slot    int64 // the number of the current slot since the epoch
	whole   *window
	byName  map[string]*window
	slowest map[string][]Slow // by name, the slowest of each minute
}

// NewRecorder makes an empty Recorder. Each catalogue maps the text of
// statements as they are executed to their names.
func NewRecorder(catalogues ...map[string]string) *Recorder {
	r := &Recorder{
		names: map[string]string{}, whole: &window{},
		byName: map[string]*window{}, slowest: map[string][]Slow{},
	}
	for _, catalogue := range catalogues {
		maps.Copy(r.names, catalogue)
	}
	return r
}

// window is a ring of histograms.
type window struct {
	slots [slots]histogram
}

// Record notes one statement. An empty name counts only in the whole.
func (r *Recorder) Record(name string, took time.Duration) {
	us, now := took.Microseconds(), time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(now)
	at := r.slot % slots
	r.whole.slots[at].record(us)
	r.noteSlow(name, took, now)
	if name == "" {
		return
	}
	w := r.byName[name]
	if w == nil {
		if len(r.byName) >= maxStatements {
			return
		}
		w = &window{}
		r.byName[name] = w
	}
	w.slots[at].record(us)
}

// turn empties the slots that the window has moved on to.
func (r *Recorder) turn(now time.Time) {
	slot := now.Unix() / slotSeconds
	for fresh := slot; fresh > r.slot && fresh > slot-slots; fresh-- {
		r.whole.slots[fresh%slots] = histogram{}
		for _, w := range r.byName {
			w.slots[fresh%slots] = histogram{}
		}
	}
	r.slot = max(r.slot, slot)
}

// Queries sums up the last minute.
func (r *Recorder) Queries() Queries {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.turn(now)
	q := noQueries()
	q.Latency, q.Slowest = r.whole.latency(), r.slow(now)
	for _, name := range slices.Sorted(maps.Keys(r.byName)) {
		if l := r.byName[name].latency(); l.Count > 0 {
			q.ByStatement = append(q.ByStatement, Statement{Name: name, Latency: l})
		}
	}
	return q
}

func (w *window) latency() Latency {
	var all histogram
	for i := range w.slots {
		all.add(&w.slots[i])
	}
	return all.latency()
}

type traceKey struct{}

type trace struct {
	name  string
	began time.Time
}

func begin(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, traceKey{}, trace{name: name, began: time.Now()})
}

func (r *Recorder) end(ctx context.Context) {
	if t, ok := ctx.Value(traceKey{}).(trace); ok {
		r.Record(t.name, time.Since(t.began))
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (r *Recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	name, counted := r.names[data.SQL], true
	if name == "" {
		name, counted = statementName(data.SQL)
	}
	if !counted {
		return context.WithValue(ctx, traceKey{}, nil)
	}
	return begin(ctx, name)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (r *Recorder) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	r.end(ctx)
}

// TraceBatchStart implements pgx.BatchTracer.
func (r *Recorder) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return begin(ctx, "batch")
}

// TraceBatchQuery implements pgx.BatchTracer. A batch is timed as one.
func (r *Recorder) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (r *Recorder) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	r.end(ctx)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (r *Recorder) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return begin(ctx, "copy")
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (r *Recorder) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromEndData) {
	r.end(ctx)
}

// statementName reads the name off a statement and says whether it counts.
func statementName(sql string) (name string, counted bool) {
	sql = strings.TrimLeft(sql, " \t\r\n")
	if rest, ok := strings.CutPrefix(sql, "-- name:"); ok {
		line, _, _ := strings.Cut(rest, "\n")
		if fields := strings.Fields(line); len(fields) > 0 && len(fields[0]) <= 64 {
			return fields[0], true
		}
		return "", true
	}
	switch word, _, _ := strings.Cut(sql, " "); strings.ToLower(strings.TrimRight(word, ";")) {
	case "begin", "rollback":
		return "", false
	case "commit":
		return "commit", true
	}
	return "", true
}
