package replica

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/service/internal/advisory"
	"github.com/signoff-dev/signoff/service/internal/refusal"
)

const (
	// beatEvery is how often the collector says that it lives.
	beatEvery = time.Second
	// leaseTime is for how long after its last beat it believes that it
	// collects. The others put it out after three seconds by the server's clock.
	leaseTime = 2500 * time.Millisecond
	// pruneEvery is how often old messages are deleted.
	pruneEvery = 10 * time.Second
	// endTime is how long ending another session may take.
	endTime = 500 * time.Millisecond
)

// kept is how many messages of a channel stay.
func kept(channel string) int {
	switch channel {
	case "database_performance":
		return 600
	case "performance_alert":
		return 10_000
	}
	return 1000
}

// look says that this replica still collects, or tries to.
func (m *Member) look(ctx context.Context) error {
	return m.desk.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		m.mu.Lock()
		held, lease := m.held, m.lease
		m.mu.Unlock()
		if held == 0 {
			return m.follow(ctx, conn)
		}
		if time.Until(lease) > leaseTime-beatEvery+lookEvery/2 {
			return nil
		}
		return m.beat(ctx, conn, held)
	})
}

// follow tries to take the lock. Whoever holds it without having said for
// three seconds that he lives is put out.
func (m *Member) follow(ctx context.Context, conn *pgx.Conn) error {
	for range 2 {
		if taken, err := m.take(ctx, conn); taken || err != nil {
			return err
		}
		var term int64
		var late bool
		err := conn.QueryRow(ctx, `
			select term, beat_at < clock_timestamp() - interval '3 seconds' from monitoring.collector`).Scan(&term, &late)
		switch {
		case errors.Is(err, pgx.ErrNoRows): // the first one ever just took the lock
			late = true
		case err != nil:
			return err
		}
		m.following(ctx, term)
		if !late {
			return nil
		}
		if ended, err := m.putOut(ctx, conn); !ended || err != nil {
			return err
		}
	}
	return nil
}

// take tries to take the lock and writes down who has it.
func (m *Member) take(ctx context.Context, conn *pgx.Conn) (bool, error) {
	begun := time.Now()
	var taken bool
	if err := conn.QueryRow(ctx, `select pg_try_advisory_lock($1)`, advisory.Collector).Scan(&taken); err != nil {
		closeSession(ctx, conn) // it may have been taken nevertheless
		return false, err
	} else if !taken {
		return false, nil
	}
	var term int64
	err := conn.QueryRow(ctx, `
		insert into monitoring.collector as c (term, name, pid, beat_at)
		values (1, $1, pg_backend_pid(), clock_timestamp())
		on conflict (one) do update set term = c.term + 1, name = excluded.name, pid = excluded.pid, beat_at = excluded.beat_at
		returning term`, m.config.Name).Scan(&term)
	if err == nil {
		err = m.goOn(ctx, conn)
	}
	if err != nil {
		closeSession(ctx, conn) // and with it goes the lock
		return false, err
	}
	m.mu.Lock()
	m.state, m.held, m.seen, m.lease = Collecting, term, term, begun.Add(leaseTime)
	m.term++
	m.mu.Unlock()
	m.join()
	m.log.InfoContext(ctx, "this replica collects", "term", term)
	return true, nil
}

// goOn makes the numbers go on after those that this replica has heard: a
// server that crashed may have forgotten the last ones.
func (m *Member) goOn(ctx context.Context, conn *pgx.Conn) error {
	m.mu.Lock()
	m.memory.reached(m.highest)
	channels, seqs := arrays(m.highest)
	m.mu.Unlock()
	_, err := conn.Exec(ctx, `
		insert into monitoring.channels as c (channel, seq) select * from unnest($1::text[], $2::bigint[])
		on conflict (channel) do update set seq = excluded.seq where c.seq < excluded.seq`, channels, seqs)
	return err
}

func (m *Member) following(ctx context.Context, term int64) {
	m.mu.Lock()
	changed := m.seen != term
	if changed {
		m.seen = term
		m.term++
	}
	m.mu.Unlock()
	became := m.become(Following)
	m.join()
	if became || changed {
		m.log.InfoContext(ctx, "another replica collects", "term", term)
	}
}

const lockHolder = `
	from pg_locks l
	left join monitoring.collector c on c.pid = l.pid
	left join pg_stat_activity a on a.pid = l.pid
	where l.locktype = 'advisory' and l.granted and l.objsubid = 1
	  and l.database = (select oid from pg_database where datname = current_database())
	  and (l.classid::bigint << 32) + l.objid::bigint = $1
	  -- One that took the lock just now has not written its name yet.
	  and coalesce(c.beat_at, a.state_change) < clock_timestamp() - interval '3 seconds'`

// putOut ends the session of a collector that hangs, and says whether the
// lock may be free now.
func (m *Member) putOut(ctx context.Context, conn *pgx.Conn) (bool, error) {
	var pid int32
	var ended bool
	err := conn.QueryRow(ctx, `select l.pid, pg_terminate_backend(l.pid, $2)`+lockHolder,
		advisory.Collector, endTime.Milliseconds()).Scan(&pid, &ended)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case refusal.Lasts(err): // that is the session of another role
		m.log.WarnContext(ctx, "the collecting replica hangs, and this role may not end its session", "error", err)
		return false, nil
	case err != nil:
		return false, err
	}
	m.log.WarnContext(ctx, "the collecting replica hung and is put out", "pid", pid, "ended", ended)
	return ended, nil
}

// beat says that the collector lives, and deletes old messages now and then.
func (m *Member) beat(ctx context.Context, conn *pgx.Conn, held int64) error {
	begun := time.Now()
	done, err := conn.Exec(ctx, `
		update monitoring.collector set beat_at = clock_timestamp() where term = $1 and pid = pg_backend_pid()`, held)
	switch {
	case err != nil: // if it is only for the moment, the lease says for how long
		return err
	case done.RowsAffected() == 0:
		closeSession(ctx, conn)
		return ErrNotLeading
	}
	m.mu.Lock()
	m.lease = begun.Add(leaseTime)
	m.mu.Unlock()
	if time.Since(m.pruned) < pruneEvery {
		return nil
	}
	m.pruned = begun
	return prune(ctx, conn)
}

// prune deletes some of the messages and members that are too old.
func prune(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `select channel, seq from monitoring.channels`)
	if err != nil {
		return err
	}
	type last struct {
		Channel string
		Seq     int64
	}
	channels, err := pgx.CollectRows(rows, pgx.RowToStructByPos[last])
	if err != nil {
		return err
	}
	for _, c := range channels {
		if _, err := conn.Exec(ctx, `
			delete from monitoring.messages where channel = $1 and seq in (
				select seq from monitoring.messages where channel = $1 and seq <= $2 order by seq limit 500)`,
			c.Channel, c.Seq-int64(kept(c.Channel))); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, `delete from monitoring.members where seen_at < clock_timestamp() - interval '1 hour'`)
	return err
}

// leave gives the lock up and lets the others know.
func (m *Member) leave(ctx context.Context) {
	if m.State() != Collecting {
		return
	}
	err := m.desk.do(context.WithoutCancel(ctx), func(ctx context.Context, conn *pgx.Conn) error {
		m.become(Cut) // whoever wants to post after this finds that it may not
		_, err := conn.Exec(ctx, `
			select pg_notify($2, 'free') from (select pg_advisory_unlock($1)) given_up`, advisory.Collector, notifications)
		return err
	})
	m.log.InfoContext(ctx, "this replica collects no more", "error", err)
}
