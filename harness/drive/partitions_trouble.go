package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Forget stores rows of one instrument for a day, a second apart and with trade
// numbers from trade on, without asking for a partition first: if the day has
// none they end up in the default partition.
func (o Operator) Forget(ctx context.Context, day time.Time, rows int, trade int64) error {
	return connected(ctx, o.DSN, "storing prices of a forgotten day", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `INSERT INTO ticks (instrument_id, at, trade, price, volume)
			SELECT (SELECT min(id) FROM instruments), $1::timestamptz + n * interval '1 second', $2::bigint + n, 100, 1
			FROM generate_series(0, $3::integer - 1) AS n`, day.UTC().Truncate(24*time.Hour), trade, rows)
		return err
	})
}

// TakeAway drops the partition of the ticks of a day, as somebody might by hand.
// One that holds rows stays, and that is an error.
func (o Operator) TakeAway(ctx context.Context, day time.Time) error {
	p, err := ReadPartitions(ctx, o.DSN, "ticks")
	if err != nil {
		return err
	}
	day = day.UTC().Truncate(24 * time.Hour)
	for _, leaf := range p.Leaves {
		if !leaf.From.Equal(day) {
			continue
		}
		return connected(ctx, o.DSN, "taking a partition away", func(conn *pgx.Conn) error {
			name := pgx.Identifier{leaf.Name}.Sanitize()
			var filled bool
			if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+name+`)`).Scan(&filled); err != nil {
				return err
			}
			if filled {
				return finding("partition " + leaf.Name + " holds rows")
			}
			_, err := conn.Exec(ctx, `DROP TABLE `+name)
			return err
		})
	}
	return fmt.Errorf("taking a partition away: the ticks of %s have none of their own", day.Format(time.DateOnly))
}

// InterruptDetach begins to detach the partition of the ticks of a day without
// stopping anybody, and breaks off in the middle, so that the partition is half
// detached. The default partition is away meanwhile: the server asks for that.
func (o Operator) InterruptDetach(ctx context.Context, day time.Time) error {
	p, err := ReadPartitions(ctx, o.DSN, "ticks")
	if err != nil {
		return err
	}
	for _, leaf := range p.Leaves {
		if leaf.From.Equal(day.UTC().Truncate(24 * time.Hour)) {
			return connected(ctx, o.DSN, "breaking off a detach", func(conn *pgx.Conn) error {
				return o.breakOff(ctx, conn, leaf.Name)
			})
		}
	}
	return fmt.Errorf("breaking off a detach: the ticks of %s have no partition of their own", day.Format(time.DateOnly))
}

// breakOff detaches while somebody reads, which the detach waits for, and gives
// up after half a second.
func (o Operator) breakOff(ctx context.Context, conn *pgx.Conn, partition string) error {
	reader, err := pgx.Connect(ctx, o.DSN)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, `ALTER TABLE ticks DETACH PARTITION ticks_default`); err != nil {
		return err
	}
	if _, err := reader.Exec(ctx, `BEGIN; SELECT count(*) FROM ticks`); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `SET statement_timeout = '500ms'`); err != nil {
		return err
	}
	_, detachErr := conn.Exec(ctx, `ALTER TABLE ticks DETACH PARTITION `+pgx.Identifier{partition}.Sanitize()+` CONCURRENTLY`)
	if _, err := reader.Exec(ctx, `ROLLBACK`); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `RESET statement_timeout; ALTER TABLE ticks ATTACH PARTITION ticks_default DEFAULT`); err != nil {
		return err
	}
	if detachErr == nil {
		return finding("the detach of " + partition + " did not wait for anybody")
	}
	var pending bool
	err = conn.QueryRow(ctx, `SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass($1)`, partition).Scan(&pending)
	if err == nil && !pending {
		return finding("the detach of " + partition + " broke off before it had begun: " + plain(detachErr).Error())
	}
	return err
}

// Status is what the tool tells about the partitions.
type Status struct {
	AsOf          time.Time     `json:"as_of"`
	SchemaVersion int64         `json:"schema_version"`
	Tables        []TableStatus `json:"tables"`
}

// TableStatus is what the tool tells about the partitions of one table.
type TableStatus struct {
	Table      string `json:"table"`
	Partitions []struct {
		Name string `json:"name"`
	} `json:"partitions"`
	LookAheadHours float64           `json:"look_ahead_hours"`
	DefaultRows    int64             `json:"default_rows"`
	Gaps           []json.RawMessage `json:"gaps"`
	DetachPending  []json.RawMessage `json:"detach_pending"`
	Overdue        []json.RawMessage `json:"overdue"`
}

// AskStatus asks the tool so many times how the partitions are, while somebody
// holds the newest partition of ticks under the strongest lock, unless locked is
// false. It yields "status, duration" in milliseconds, with the start of the
// tool, "status answers missed", counted of those asked: an error, or none
// within five seconds, which counts to the duration with all of them, and
// "partitions not told", counted of those there are, in the last answer.
func (o Operator) AskStatus(ctx context.Context, times int, locked bool) (measure.Set, Status, error) {
	ticks, err := ReadPartitions(ctx, o.DSN, "ticks")
	if err != nil {
		return nil, Status{}, err
	}
	if len(ticks.Leaves) == 0 {
		return nil, Status{}, errors.New("asking for the status of the partitions: there is none")
	}
	var last Status
	took, missed := measure.NewHistogram(), measure.Share{}
	ask := func() error {
		for range times {
			status, d, err := o.askStatus(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			took.Record(d)
			missed.Of++
			if err != nil {
				missed.Hits++
				continue
			}
			last = status
		}
		return nil
	}
	if locked {
		newest := ticks.Leaves[len(ticks.Leaves)-1].Name
		err = connected(ctx, o.DSN, "asking for the status of locked partitions", func(conn *pgx.Conn) error {
			if _, err := conn.Exec(ctx, `BEGIN; LOCK TABLE ONLY `+pgx.Identifier{newest}.Sanitize()+` IN ACCESS EXCLUSIVE MODE`); err != nil {
				return err
			}
			return ask()
		})
	} else {
		err = ask()
	}
	return measure.Set{
		"status, duration":      {Name: "status, duration", Unit: measure.Milliseconds, Histogram: took},
		"status answers missed": {Name: "status answers missed", Share: &missed},
		"partitions not told":   last.untold(ticks),
	}, last, err
}

// statusPatience is how long an answer about the partitions may take.
const statusPatience = 5 * time.Second

func (o Operator) askStatus(ctx context.Context) (Status, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	var status Status
	start := time.Now()
	said, err := environ.Command(ctx, o.Tool, o.DSN, "partitions", "status", "--json")
	took := time.Since(start)
	if err != nil {
		return status, max(took, statusPatience), err
	}
	err = decodeFirst(said, &status)
	return status, took, err
}

// untold counts the partitions of ticks that the status does not name.
func (s Status) untold(ticks Partitions) measure.Value {
	told := map[string]bool{}
	for _, table := range s.Tables {
		for _, p := range table.Partitions {
			told[p.Name] = true
		}
	}
	var missing int64
	for _, leaf := range ticks.Leaves {
		if !told[leaf.Name] {
			missing++
		}
	}
	return count("partitions not told", missing, int64(len(ticks.Leaves)))
}
