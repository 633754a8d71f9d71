package drive

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/measure"
)

// Part is the rows of one kind, "tick" or "bar", of one day in UTC.
type Part struct {
	Kind string
	Day  string // 2006-01-02
}

// Sum is how many rows a part has, and the sum of their digests, a number too
// long for an int64. Equal sums mean equal rows.
type Sum struct {
	Rows    int64
	Digests string
}

// Sums is what is stored, part by part, added up by the server: no row leaves
// it. They are equal for equal rows in every version of the schema, whatever
// the layout, but only between servers of one version.
type Sums struct {
	Parts map[Part]Sum
	Rows  int64
	Took  time.Duration
}

// ReadSums adds up everything that is stored.
func ReadSums(ctx context.Context, dsn string) (Sums, error) {
	return readSums(ctx, dsn, func(s shape) (string, []any) { return s.sums, nil })
}

// ReadSumsBelow is ReadSums without the ticks from trade on: what was there
// before a load that is under way.
func ReadSumsBelow(ctx context.Context, dsn string, trade int64) (Sums, error) {
	return readSums(ctx, dsn, func(s shape) (string, []any) { return s.boundedSums, []any{trade} })
}

func readSums(ctx context.Context, dsn string, query func(shape) (string, []any)) (Sums, error) {
	var sums Sums
	err := steadily(ctx, dsn, "adding up what is stored", func(conn *pgx.Conn) error {
		return inShape(ctx, conn, func(s shape) error {
			sums = Sums{Parts: map[Part]Sum{}}
			start := time.Now()
			sql, args := query(s)
			rows, err := conn.Query(ctx, sql, args...)
			if err != nil {
				return err
			}
			var part Part
			var sum Sum
			_, err = pgx.ForEachRow(rows, []any{&part.Kind, &part.Day, &sum.Rows, &sum.Digests}, func() error {
				sums.Parts[part] = sum
				sums.Rows += sum.Rows
				return nil
			})
			sums.Took = time.Since(start)
			return err
		})
	})
	return sums, err
}

// Speed yields "content check speed" in rows a second.
func (s Sums) Speed() measure.Set {
	speed := measure.Amount{Of: s.Rows, Says: fmt.Sprintf("%d rows in %.2f s", s.Rows, s.Took.Seconds())}
	if s.Took > 0 {
		speed.Value = float64(s.Rows) / s.Took.Seconds()
	}
	return measure.Set{"content check speed": {Name: "content check speed", Unit: "a second", Amount: &speed}}
}

// Differ returns the parts whose sums differ, in order.
func (s Sums) Differ(after Sums) []Part {
	differ := map[Part]bool{}
	for part, sum := range s.Parts {
		differ[part] = after.Parts[part] != sum
	}
	for part, sum := range after.Parts {
		differ[part] = s.Parts[part] != sum
	}
	maps.DeleteFunc(differ, func(_ Part, yes bool) bool { return !yes })
	return slices.SortedFunc(maps.Keys(differ), func(a, b Part) int {
		return strings.Compare(a.Kind+a.Day, b.Kind+b.Day)
	})
}

// rowsOf counts the rows of the parts before, and after where there are more.
func (s Sums) rowsOf(parts []Part, after Sums) int64 {
	var n int64
	for _, part := range parts {
		n += max(s.Parts[part].Rows, after.Parts[part].Rows)
	}
	return n
}

// withContent adds the questions about content, which are made of two that yield
// the ticks and the bars with their digests. In them $bound stands for what is
// counted, and bound for what lies below a trade number.
func (s shape) withContent(ticks, bars, bound string) shape {
	both := strings.ReplaceAll(ticks+" UNION ALL "+bars, "$day", aDay)
	everything, below := strings.ReplaceAll(both, "$bound", "true"), strings.ReplaceAll(both, "$bound", bound)
	s.rows, s.bounded = byRow(everything), byRow(below)
	s.sums, s.boundedSums = byDay(everything), byDay(below)
	return s
}

// byRow names each row so that text order is the order of kind, symbol and time.
func byRow(digest string) string {
	return `SELECT concat_ws(' ', kind, symbol, to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), trade), digest FROM (` + digest + `) AS stored`
}

// byDay adds up above the union of ticks and bars: of a single table the planner
// takes every moment for a group of its own, and then shuns its workers.
func byDay(digest string) string {
	return `SELECT kind, day::date::text, rows, digests::text FROM (SELECT kind, date_bin('1 day', at, ` + aDay + `) AS day, count(*) AS rows, sum(digest) AS digests
		FROM (` + digest + `) AS stored GROUP BY 1, 2) AS days`
}

// steadily connects with the settings that digests and days depend on: times
// are in UTC and dates are written in one way, whatever the server's defaults.
func steadily(ctx context.Context, dsn, doing string, use func(*pgx.Conn) error) error {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, plain(err))
	}
	maps.Copy(config.RuntimeParams, map[string]string{"TimeZone": "UTC", "DateStyle": "ISO, YMD", "jit": "off"})
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, plain(err))
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := use(conn); err != nil {
		return fmt.Errorf("%s: %w", doing, plain(err))
	}
	return nil
}
