package replica

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/service/internal/refusal"
)

const (
	// lookEvery is how often a replica that follows tries to collect.
	lookEvery = 500 * time.Millisecond
	// retryTime is the mean pause before a session that broke is replaced.
	retryTime = 100 * time.Millisecond
	// aloneTime is how long a replica stays Alone before it looks for the
	// schema again.
	aloneTime = 30 * time.Second
)

// meet keeps a session at the desk until ctx ends.
func (m *Member) meet(ctx context.Context) {
	var listening *listener
	said := false // that the session is lost
	for ctx.Err() == nil {
		conn, err := m.arrive(ctx)
		if err == nil {
			if listening == nil {
				listening = m.listen(ctx)
			}
			said = false
			m.desk.open(ctx, conn)
			err = m.stay(ctx, listening)
			m.desk.open(ctx, nil)
		}
		switch {
		case ctx.Err() != nil:
		case refusal.Lasts(err):
			listening.stop()
			listening = nil
			m.beAlone(ctx, err)
		case m.State() == Alone: // it was, and nothing says that it need not be
			pause(ctx, aloneTime)
		default:
			m.become(Cut)
			if !said {
				said = true
				m.log.WarnContext(ctx, "the session with the other replicas is lost", "error", err)
			}
			pause(ctx, retryTime/2+rand.N(retryTime))
		}
	}
	listening.stop()
}

// arrive opens a session and makes the schema where it is missing.
func (m *Member) arrive(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, sessionConfig(m.config.Database))
	if err != nil {
		return nil, err
	}
	asking, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	// What is written each second need not wait for the disk; shared.lasting
	// asks for that where it has to.
	_, err = conn.Exec(asking, `set synchronous_commit = off`)
	if err == nil {
		err = m.prepare(asking, conn)
	}
	if err != nil {
		closeSession(ctx, conn)
		return nil, err
	}
	return conn, nil
}

func (m *Member) prepare(ctx context.Context, conn *pgx.Conn) error {
	var there bool
	err := conn.QueryRow(ctx, `
		select coalesce(max(version_id), 0) >= $1 from monitoring.goose_db_version where is_applied`, newest).Scan(&there)
	if err == nil && there {
		return nil
	}
	if err != nil && !refusal.Lasts(err) {
		return err
	}
	made, err := Prepare(ctx, m.config.Database)
	if made {
		m.log.InfoContext(ctx, "schema monitoring is made")
	}
	return err
}

// stay looks who collects, again and again, until the session breaks or ctx
// ends. It begins when this replica hears: whoever collects hears itself.
func (m *Member) stay(ctx context.Context, listening *listener) error {
	for hears := false; !hears; {
		select {
		case <-listening.begun:
			hears = true
		case <-ctx.Done():
			return nil
		case <-m.wake:
			if err := m.desk.broken(); err != nil {
				return err
			}
		}
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		// What the server refused for the moment may go well the next time.
		if err := m.look(ctx); err != nil {
			if broken := m.desk.broken(); broken != nil {
				return broken
			}
			m.log.WarnContext(ctx, "looking who collects", "error", err)
		}
		select {
		case <-tick.C:
		case <-m.wake:
		case <-ctx.Done():
			m.leave(ctx)
			return nil
		}
	}
}

func (m *Member) beAlone(ctx context.Context, why error) {
	m.mu.Lock()
	m.memory.goOn(m.highest)
	m.mu.Unlock()
	if m.become(Alone) {
		m.log.WarnContext(ctx, "nothing is shared with other replicas: schema monitoring may not be used or made; "+
			"run `marketd migrate up` as the owner of the database, and grant this role what docs/replicas.md lists", "error", why)
	}
	m.join()
	pause(ctx, aloneTime)
}

// pause waits for that long, or until ctx ends.
func pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
