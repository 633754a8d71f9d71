package replica

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signoff-dev/signoff/service/internal/refusal"
)

const (
	// notifications is the server's channel that says what is new.
	notifications = "marketd_monitoring"
	// readEvery is how often a replica looks without being told.
	readEvery = 2 * time.Second
	// readAtOnce bounds the messages of one channel in one answer.
	readAtOnce = 500
)

// listener hears until it is stopped.
type listener struct {
	member *Member
	cancel context.CancelFunc
	// begun is closed when it hears for the first time.
	begun, ended chan struct{}
	// documents are the last known versions, nil before the first look.
	documents map[string]string
	// said that it does not hear, and has not heard since.
	said bool
}

func (m *Member) listen(ctx context.Context) *listener {
	ctx, cancel := context.WithCancel(ctx)
	l := &listener{member: m, cancel: cancel, begun: make(chan struct{}), ended: make(chan struct{})}
	go l.run(ctx)
	return l
}

// stop ends it and waits for the end; nil is none.
func (l *listener) stop() {
	if l != nil {
		l.cancel()
		<-l.ended
	}
}

func (l *listener) run(ctx context.Context) {
	defer close(l.ended)
	for ctx.Err() == nil {
		err := l.session(ctx)
		switch {
		case ctx.Err() != nil:
		case refusal.Lasts(err):
			l.member.desk.spoil(ctx, err)
		case !l.said:
			l.said = true
			l.member.log.WarnContext(ctx, "not hearing the other replicas, trying again", "error", err)
		}
		pause(ctx, retryTime/2+rand.N(retryTime))
	}
}

// session hears over one session until that breaks or ctx ends.
func (l *listener) session(ctx context.Context) error {
	told := false
	config := sessionConfig(l.member.config.Database)
	config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) {
		told = true
		if n.Payload == "free" {
			l.member.nudge()
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { closeSession(ctx, conn) }()
	if err := asked(ctx, func(ctx context.Context) error {
		if _, err := conn.Exec(ctx, `listen `+notifications); err != nil {
			return err
		}
		return l.begin(ctx, conn)
	}); err != nil {
		return err
	}
	for {
		told = false
		if err := asked(ctx, func(ctx context.Context) error { return l.read(ctx, conn) }); err != nil {
			return err
		}
		l.began()
		l.said = false
		if told {
			continue
		}
		waiting, cancel := context.WithTimeout(ctx, readEvery)
		err := conn.PgConn().WaitForNotification(waiting)
		cancel()
		if err != nil && (ctx.Err() != nil || !pgconn.Timeout(err)) {
			return err
		}
	}
}

func asked(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return ask(ctx)
}

func (l *listener) began() {
	select {
	case <-l.begun:
	default:
		close(l.begun)
	}
}

// read tells everything that is new.
func (l *listener) read(ctx context.Context, conn *pgx.Conn) error {
	for {
		messages, full, err := l.messages(ctx, conn)
		if err != nil {
			return err
		}
		// Documents are read after the messages that may speak of them, and
		// told before.
		changed, err := l.changed(ctx, conn)
		if err != nil {
			return err
		}
		l.tell(changed, messages)
		if !full {
			return nil
		}
	}
}

// begin sets the cursor. What is there the first time counts as heard: of it,
// Past tells. Later, the cursor only goes back, where a server forgot its last
// moments or is another one: else this replica would be deaf to what follows.
func (l *listener) begin(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `select channel, seq from monitoring.channels`)
	if err != nil {
		return err
	}
	defer rows.Close()
	now := map[string]uint64{}
	for rows.Next() {
		var channel string
		var seq int64
		if err := rows.Scan(&channel, &seq); err != nil {
			return err
		}
		now[channel] = uint64(seq)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	m := l.member
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.documents == nil {
		l.documents, m.heard = map[string]string{}, now
	}
	for channel, seq := range m.heard {
		m.heard[channel] = min(seq, now[channel])
	}
	return nil
}

func (l *listener) messages(ctx context.Context, conn *pgx.Conn) (all []Message, full bool, err error) {
	channels, seqs := l.member.cursor()
	rows, err := conn.Query(ctx, `
		select m.channel, m.seq, m.at, m.data::text
		from monitoring.channels c
		left join unnest($1::text[], $2::bigint[]) heard (channel, seq) on heard.channel = c.channel
		cross join lateral (
			select * from monitoring.messages m
			where m.channel = c.channel and m.seq > coalesce(heard.seq, 0) order by m.seq limit $3) m
		where c.seq > coalesce(heard.seq, 0)
		order by m.channel, m.seq`, channels, seqs, readAtOnce)
	if err != nil {
		return nil, false, err
	}
	all, err = pgx.CollectRows(rows, scanMessage)
	if err != nil {
		return nil, false, err
	}
	// In the order of posting as far as the server's clock knows it; within a
	// channel only the numbers count.
	slices.SortStableFunc(all, func(a, b Message) int {
		if a.Channel == b.Channel {
			return 0
		}
		return a.At.Compare(b.At)
	})
	return all, len(all) >= readAtOnce, nil
}

func scanMessage(row pgx.CollectableRow) (Message, error) {
	var m Message
	var seq int64
	var data string
	err := row.Scan(&m.Channel, &seq, &m.At, &data)
	m.Seq, m.At, m.Data = uint64(seq), m.At.UTC(), json.RawMessage(data)
	return m, err
}

// changed names the documents that are not as they were.
func (l *listener) changed(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, `select name, xmin::text from monitoring.documents`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	versions := map[string]string{}
	var changed []string
	for rows.Next() {
		var name, version string
		if err := rows.Scan(&name, &version); err != nil {
			return nil, err
		}
		versions[name] = version
		if l.documents[name] != version {
			changed = append(changed, name)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for name := range l.documents {
		if _, there := versions[name]; !there {
			changed = append(changed, name)
		}
	}
	l.documents = versions
	slices.SortFunc(changed, strings.Compare)
	return changed, nil
}

func (l *listener) tell(changed []string, messages []Message) {
	items := make([]item, 0, len(changed)+len(messages))
	for _, name := range changed {
		items = append(items, item{document: name})
	}
	m := l.member
	m.mu.Lock()
	for _, message := range messages {
		m.heard[message.Channel] = message.Seq
		m.highest[message.Channel] = max(m.highest[message.Channel], message.Seq)
		items = append(items, item{message: message})
	}
	m.mu.Unlock()
	m.out.add(items...)
}

// cursor is the last number heard of each channel, as two arrays.
func (m *Member) cursor() (channels []string, seqs []int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return arrays(m.heard)
}

func arrays(numbers map[string]uint64) (channels []string, seqs []int64) {
	channels, seqs = []string{}, []int64{}
	for channel, seq := range numbers {
		channels, seqs = append(channels, channel), append(seqs, int64(seq))
	}
	return channels, seqs
}
