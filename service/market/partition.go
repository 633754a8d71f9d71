package market

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// partitionsPerProcess bounds how many partitions one process makes, so that
// a client with scattered dates cannot fill the catalogue. Rows beyond it go to
// the default partition, where they are found as well, only more slowly.
const partitionsPerProcess = 400

// partitions keeps rows out of the default partition: it makes the partition
// of a day or year before its first row is stored.
type partitions struct {
	pool *pgxpool.Pool
	log  *slog.Logger

	mu    sync.RWMutex
	tried map[string]bool
	made  int
}

// slice is one partition: parent's rows with from <= column < to.
type slice struct {
	parent, column string
	name           string
	from, to       time.Time
}

func dayOf(at time.Time) slice {
	at = at.UTC()
	from := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	return slice{
		parent: "ticks", column: "at", name: from.Format("ticks_p20060102"),
		from: from, to: from.AddDate(0, 0, 1),
	}
}

func yearOf(day time.Time) slice {
	from := time.Date(day.UTC().Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	return slice{
		parent: "bars", column: "day", name: from.Format("bars_p2006"),
		from: from, to: from.AddDate(1, 0, 0),
	}
}

// ensure makes the partitions that this process has not tried yet.
func (p *partitions) ensure(ctx context.Context, wanted ...slice) {
	for _, s := range wanted {
		p.mu.RLock()
		known := p.tried[s.name]
		p.mu.RUnlock()
		if known {
			continue
		}
		p.mu.Lock()
		if !p.tried[s.name] && p.made < partitionsPerProcess {
			p.tried[s.name] = true
			p.made++
			if err := s.make(ctx, p.pool); err != nil {
				p.log.WarnContext(ctx, "partition not made, its rows go to the default partition",
					"partition", s.name, "error", err.Error())
			}
		}
		p.mu.Unlock()
	}
}

// make creates the partition beside its parent, moves rows over that came to
// the default partition before it, and attaches it. It waits for no lock
// longer than half a second.
func (s slice) make(ctx context.Context, pool *pgxpool.Pool) error {
	name := pgx.Identifier{s.name}.Sanitize()
	bound := func(t time.Time) string { return "'" + t.Format("2006-01-02 15:04:05+00") + "'" }
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var there bool
		if err := tx.QueryRow(ctx, `
			select set_config('lock_timeout', '500ms', true) is null
			    or pg_advisory_xact_lock(hashtext('partition ' || $1)) is null
			    or to_regclass($1) is not null`, s.name).Scan(&there); err != nil {
			return fmt.Errorf("looking for partition %s: %w", s.name, err)
		}
		if there {
			return nil
		}
		inside := fmt.Sprintf("%s >= %s and %s < %s", s.column, bound(s.from), s.column, bound(s.to))
		for _, statement := range []string{
			fmt.Sprintf(`lock table only %s_default in access exclusive mode`, s.parent),
			fmt.Sprintf(`create table %s (like %s including defaults including constraints)`, name, s.parent),
			fmt.Sprintf(`with moved as (delete from only %[1]s_default where %[2]s returning *)
				insert into %[3]s select * from moved`, s.parent, inside, name),
			fmt.Sprintf(`alter table %s attach partition %s for values from (%s) to (%s)`,
				s.parent, name, bound(s.from), bound(s.to)),
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return fmt.Errorf("making partition %s: %w", s.name, err)
			}
		}
		return nil
	})
}
