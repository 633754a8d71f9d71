package drive

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Upkeep is one call of the tool that looks after the partitions.
type Upkeep struct {
	// Verb is "ensure", "retain" or "repair".
	Verb string
	// Now is the moment that the tool takes for the present; zero is the present.
	Now time.Time
	// Ahead is how many intervals are made ahead; zero leaves it to the tool.
	Ahead int
	// Further arguments, such as --keep-ticks 90d.
	Further []string
}

// Kept is what the tool says that it did.
type Kept struct {
	Created   []string `json:"created"`
	Moved     int64    `json:"moved"`
	Detached  []string `json:"detached"`
	Finalized []string `json:"finalized"`
	Dropped   []string `json:"dropped"`
	Skipped   string   `json:"skipped"`
}

func (u Upkeep) args() []string {
	args := []string{"partitions", u.Verb, "--json"}
	if !u.Now.IsZero() {
		args = append(args, "--now", u.Now.UTC().Format(time.RFC3339))
	}
	if u.Ahead > 0 {
		args = append(args, "--ahead", fmt.Sprint(u.Ahead))
	}
	return append(args, u.Further...)
}

// Call has the tool do it, and returns what it says and how long it took.
func (u Upkeep) Call(ctx context.Context, o Operator) (Kept, time.Duration, error) {
	var kept Kept
	start := time.Now()
	said, err := environ.Command(ctx, o.Tool, o.DSN, u.args()...)
	took := time.Since(start)
	if err != nil {
		return kept, took, fmt.Errorf("looking after the partitions: %w", err)
	}
	if err := decodeFirst(said, &kept); err != nil {
		return kept, took, fmt.Errorf("reading what %s did with the partitions: %w", u.Verb, err)
	}
	return kept, took, nil
}

// Keep has the tool look after the partitions once, and looks with eyes of its
// own at what came of it. It yields
//
//   - "ensure, duration" (or retain, repair) in seconds, with the start of the tool;
//   - "days without a partition", counted of the day of Now and the days ahead:
//     four, or as many as were asked for;
//   - "rows in the default partition", counted of all ticks and bars;
//   - "rows lost or changed", counted of all rows before; those that a retention
//     set aside are not lost;
//   - "detaches left pending", counted of all partitions.
func (o Operator) Keep(ctx context.Context, u Upkeep) (measure.Set, Kept, error) {
	before, err := ReadSums(ctx, o.DSN)
	if err != nil {
		return nil, Kept{}, err
	}
	aside, err := rowsAside(ctx, o.DSN)
	if err != nil {
		return nil, Kept{}, err
	}
	kept, took, err := u.Call(ctx, o)
	if err != nil {
		return nil, kept, err
	}
	seen, err := o.Room(ctx, u.Now, u.Ahead)
	if err != nil {
		return nil, kept, err
	}
	after, err := ReadSums(ctx, o.DSN)
	if err != nil {
		return nil, kept, err
	}
	asideNow, err := rowsAside(ctx, o.DSN)
	if err != nil {
		return nil, kept, err
	}
	var harmed int64
	for _, part := range before.Differ(after) {
		harmed += max(before.Parts[part].Rows, after.Parts[part].Rows) - min(before.Parts[part].Rows, after.Parts[part].Rows)
		if before.Parts[part].Rows == after.Parts[part].Rows {
			harmed += before.Parts[part].Rows
		}
	}
	harmed = max(0, harmed-(asideNow-aside))
	return seen, kept, seen.Add(measure.Set{
		u.Verb + ", duration":  seconds(u.Verb+", duration", took),
		"rows lost or changed": count("rows lost or changed", harmed, before.Rows),
	})
}

// Room looks at the partitions of a database with eyes of its own. It yields
// "days without a partition", counted of the day of now and the days ahead (zero
// is now, and four days), "rows in the default partition", counted of all ticks
// and bars, and "detaches left pending", counted of all partitions.
func (o Operator) Room(ctx context.Context, now time.Time, ahead int) (measure.Set, error) {
	if now.IsZero() {
		now = time.Now()
	}
	if ahead == 0 {
		ahead = 4
	}
	ticks, err := ReadPartitions(ctx, o.DSN, "ticks")
	if err != nil {
		return nil, err
	}
	bars, err := ReadPartitions(ctx, o.DSN, "bars")
	if err != nil {
		return nil, err
	}
	today := now.UTC().Truncate(24 * time.Hour)
	missing := measure.Share{}
	for n := range ahead + 1 {
		day := today.AddDate(0, 0, n)
		missing.Of++
		if !ticks.covers(day) || !bars.covers(day) {
			missing.Hits++
		}
	}
	all := slices.Concat(ticks.Leaves, bars.Leaves)
	var pending int64
	for _, leaf := range all {
		if leaf.Pending {
			pending++
		}
	}
	return measure.Set{
		"days without a partition":      {Name: "days without a partition", Share: &missing},
		"rows in the default partition": count("rows in the default partition", ticks.Default+bars.Default, ticks.Rows+bars.Rows),
		"detaches left pending":         count("detaches left pending", pending, int64(len(all))),
	}, nil
}

// Partitions are those of one table as the harness sees them.
type Partitions struct {
	Leaves        []Leaf // without the default partition
	Rows, Default int64  // rows of the whole table, and in its default partition
}

// Leaf is one partition: from From (zero: from the beginning of time) to before To.
type Leaf struct {
	Name     string
	From, To time.Time
	// Pending says that the partition is half detached.
	Pending bool
}

func (p Partitions) covers(day time.Time) bool {
	for _, leaf := range p.Leaves {
		if !leaf.Pending && !leaf.From.After(day) && leaf.To.After(day) {
			return true
		}
	}
	return false
}

// bounds reads the limits of a partition as the server writes them.
var bounds = regexp.MustCompile(`^FOR VALUES FROM \((MINVALUE|'([^']+)')\) TO \('([^']+)'\)$`)

// ReadPartitions reads the partitions of a table that is divided by time.
func ReadPartitions(ctx context.Context, dsn, table string) (Partitions, error) {
	var p Partitions
	err := steadily(ctx, dsn, "reading the partitions", func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), i.inhdetachpending FROM pg_inherits i
			JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1) ORDER BY 1`, table)
		if err != nil {
			return err
		}
		var name, bound string
		var pending bool
		var remainder string
		_, err = pgx.ForEachRow(rows, []any{&name, &bound, &pending}, func() error {
			if bound == "DEFAULT" {
				remainder = name
				return nil
			}
			leaf, err := parseLeaf(name, bound)
			leaf.Pending = pending
			p.Leaves = append(p.Leaves, leaf)
			return err
		})
		if err != nil {
			return err
		}
		if err := conn.QueryRow(ctx, `SELECT count(*) FROM `+pgx.Identifier{table}.Sanitize()).Scan(&p.Rows); err != nil || remainder == "" {
			return err
		}
		return conn.QueryRow(ctx, `SELECT count(*) FROM `+pgx.Identifier{remainder}.Sanitize()).Scan(&p.Default)
	})
	return p, err
}

func parseLeaf(name, bound string) (Leaf, error) {
	found := bounds.FindStringSubmatch(bound)
	if found == nil {
		return Leaf{}, finding(fmt.Sprintf("partition %s has limits of another kind: %s", name, bound))
	}
	leaf := Leaf{Name: name}
	for text, into := range map[string]*time.Time{found[2]: &leaf.From, found[3]: &leaf.To} {
		if text == "" {
			continue
		}
		at, err := time.Parse("2006-01-02 15:04:05-07", text)
		if err != nil {
			at, err = time.Parse(time.DateOnly, text)
		}
		if err != nil {
			return Leaf{}, finding(fmt.Sprintf("partition %s has limits that are no times: %s", name, bound))
		}
		*into = at.UTC()
	}
	return leaf, nil
}

// rowsAside counts the rows of partitions that were detached and kept, or are
// about to be.
func rowsAside(ctx context.Context, dsn string) (int64, error) {
	var n int64
	err := connected(ctx, dsn, "counting the rows that were set aside", func(conn *pgx.Conn) error {
		names, err := conn.Query(ctx, `SELECT c.relname FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
			WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
			AND (c.relname ~ '^(ticks|bars)_kept_' OR i.inhdetachpending)`)
		if err != nil {
			return err
		}
		tables, err := pgx.CollectRows(names, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, table := range tables {
			var rows int64
			if err := conn.QueryRow(ctx, `SELECT count(*) FROM `+pgx.Identifier{table}.Sanitize()).Scan(&rows); err != nil {
				return err
			}
			n += rows
		}
		return nil
	})
	return n, err
}
