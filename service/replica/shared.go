package replica

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// peerTime is how long a replica counts after its last report.
	peerTime = 10 * time.Second
	// tries is how often a short write is tried while others are in the way.
	tries = 5
	// changeTries is how often a change of a document begins again because
	// another one was faster.
	changeTries = 50
)

// shared is the store of replicas that share.
type shared struct{ *Member }

// lasting makes this transaction wait until it would survive a crash, as the
// server is set up to wait; never less than for its own disk.
const lasting = `
	select set_config('synchronous_commit', case reset_val when 'off' then 'on' else reset_val end, true)
	from pg_settings where name = 'synchronous_commit'`

// fence is one row for the session that collects in this term, else none.
const fence = `
	with fence as (
		select from monitoring.collector where term = $1 and pid = pg_backend_pid())`

const insertMessage = fence + `, numbered as (
		insert into monitoring.channels as c (channel, seq) select $2, 1 from fence
		on conflict (channel) do update set seq = c.seq + 1 returning seq
	), written as (
		insert into monitoring.messages (channel, seq, at, data)
		select $2, seq, clock_timestamp(), $3::json from numbered returning seq)
	select pg_notify('marketd_monitoring', $2 || ':' || seq) from written`

const replaceDocument = fence + `, written as (
		insert into monitoring.documents (name, changed_at, body) select $2, clock_timestamp(), $3::json from fence
		on conflict (name) do update set changed_at = excluded.changed_at, body = excluded.body returning name)
	select pg_notify('marketd_monitoring', 'doc:' || name) from written`

func (s shared) post(ctx context.Context, p Posting) error {
	return s.desk.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		s.mu.Lock()
		held, term := s.held, s.term
		s.mu.Unlock()
		if held == 0 || p.Term != 0 && p.Term != term {
			return ErrNotLeading
		}
		var err error
		for range tries {
			if err = write(ctx, conn, held, p); !busy(err) {
				break
			}
		}
		if errors.Is(err, ErrNotLeading) {
			closeSession(ctx, conn)
		}
		return err
	})
}

// write sends the posting at once, as one transaction: a collector that hangs
// never does so with a transaction open.
func write(ctx context.Context, conn *pgx.Conn, held int64, p Posting) error {
	batch := &pgx.Batch{}
	if p.Lasting {
		batch.Queue(lasting)
	}
	names := make([]string, 0, len(p.Documents))
	for name := range p.Documents {
		names = append(names, name)
	}
	slices.Sort(names) // everybody locks in one order
	outside := false
	count := func(rows pgx.Rows) error {
		n := 0
		for rows.Next() {
			n++
		}
		outside = outside || n == 0
		return rows.Err()
	}
	for _, name := range names {
		batch.Queue(replaceDocument, held, name, string(p.Documents[name])).Query(count)
	}
	for _, d := range p.Messages {
		batch.Queue(insertMessage, held, d.Channel, string(d.Data)).Query(count)
	}
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if outside {
		return ErrNotLeading
	}
	return nil
}

func (s shared) load(ctx context.Context, name string) (body json.RawMessage, age time.Duration, err error) {
	err = s.desk.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		asked := time.Now()
		found, err := read(ctx, conn, name)
		body, age = found.body, found.age+time.Since(asked) // the answer may have been long on its way
		return err
	})
	return body, age, err
}

// found is a document; it is empty if there is none.
type found struct {
	body    json.RawMessage
	version string
	age     time.Duration
}

func read(ctx context.Context, conn *pgx.Conn, name string) (found, error) {
	var body, version string
	var seconds float64
	err := conn.QueryRow(ctx, `
		select body::text, xmin::text, extract(epoch from clock_timestamp() - changed_at)::float8
		from monitoring.documents where name = $1`, name).Scan(&body, &version, &seconds)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return found{}, nil
	case err != nil:
		return found{}, err
	}
	return found{json.RawMessage(body), version, time.Duration(max(0, seconds) * float64(time.Second))}, nil
}

// change reads, lets change, and writes if nobody else has in the meantime. So
// a replica that hangs while it changes keeps nobody waiting.
func (s shared) change(
	ctx context.Context, name string, change func(old json.RawMessage) (json.RawMessage, error),
) error {
	for range changeTries {
		var old found
		err := s.desk.do(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
			old, err = read(ctx, conn, name)
			return err
		})
		if err != nil {
			return err
		}
		body, err := change(old.body)
		if err != nil {
			return err
		}
		done := false
		err = s.desk.do(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
			done, err = replace(ctx, conn, name, old.version, body)
			return err
		})
		if done || err != nil && !busy(err) {
			return err
		}
	}
	return errors.New("others changed the document all the time")
}

const (
	deleteVersion = `with changed as (delete from monitoring.documents where name = $1 and xmin::text = $2 returning name)`
	insertVersion = `with changed as (
		insert into monitoring.documents (name, changed_at, body) values ($1, clock_timestamp(), $2::json)
		on conflict do nothing returning name)`
	updateVersion = `with changed as (
		update monitoring.documents set body = $3::json, changed_at = clock_timestamp()
		where name = $1 and xmin::text = $2 returning name)`
	tellChanged = ` select pg_notify('marketd_monitoring', 'doc:' || name) from changed`
)

// replace writes a document over the version that was read, and says whether
// it was still that one.
func replace(ctx context.Context, conn *pgx.Conn, name, version string, body json.RawMessage) (bool, error) {
	batch := &pgx.Batch{}
	batch.Queue(lasting)
	var query *pgx.QueuedQuery
	switch {
	case body == nil && version == "":
		return true, nil
	case body == nil:
		query = batch.Queue(deleteVersion+tellChanged, name, version)
	case version == "":
		query = batch.Queue(insertVersion+tellChanged, name, string(body))
	default:
		query = batch.Queue(updateVersion+tellChanged, name, version, string(body))
	}
	done := false
	query.Query(func(rows pgx.Rows) error {
		for rows.Next() {
			done = true
		}
		return rows.Err()
	})
	err := conn.SendBatch(ctx, batch).Close()
	return done && err == nil, err
}

func (s shared) past(ctx context.Context, channel string, n int) (all []Message, err error) {
	err = s.desk.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			select channel, seq, at, data::text from monitoring.messages where channel = $1 order by seq desc limit $2`,
			channel, max(0, n))
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, scanMessage)
		return err
	})
	slices.Reverse(all)
	return all, err
}

func (s shared) report(ctx context.Context, body json.RawMessage) error {
	return s.desk.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			insert into monitoring.members (name, seen_at, body) values ($1, clock_timestamp(), $2::json)
			on conflict (name) do update set seen_at = excluded.seen_at, body = excluded.body`, s.config.Name, string(body))
		return err
	})
}

func (s shared) peers(ctx context.Context) (all []Peer, err error) {
	err = s.desk.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			select name, extract(epoch from clock_timestamp() - seen_at)::float8, body::text from monitoring.members
			where seen_at > clock_timestamp() - make_interval(secs => $1) order by name`, peerTime.Seconds())
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Peer, error) {
			var p Peer
			var age float64
			var body string
			err := row.Scan(&p.Name, &age, &body)
			p.Age, p.Body = time.Duration(max(0, age)*float64(time.Second)), json.RawMessage(body)
			return p, err
		})
		return err
	})
	return all, err
}
