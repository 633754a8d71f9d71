package replica

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"
)

// Member is this process among the replicas.
type Member struct {
	config Config
	log    *slog.Logger
	out    *outbox
	desk   *desk
	memory *memory
	silent silence

	// joined is closed when this replica hears and knows who collects, or is
	// Alone.
	joined chan struct{}
	join   func()
	// wake asks for a look at who collects, before its time.
	wake chan struct{}

	mu    sync.Mutex
	state State
	term  uint64
	// lease is until when this replica may believe that it still collects.
	lease time.Time
	// held is the term of the lock as the database counts; seen is the last
	// one that anybody held.
	held, seen int64
	// heard is the last number of each channel that was told, as the database
	// counts; highest the highest ever, also while this replica was Alone or
	// before a server forgot its last moments.
	heard, highest map[string]uint64

	// pruned is when old messages were last deleted; only look uses it.
	pruned time.Time
}

// store is where messages, documents and members are.
type store interface {
	post(ctx context.Context, p Posting) error
	load(ctx context.Context, name string) (json.RawMessage, time.Duration, error)
	change(ctx context.Context, name string, change func(old json.RawMessage) (json.RawMessage, error)) error
	past(ctx context.Context, channel string, n int) ([]Message, error)
	report(ctx context.Context, body json.RawMessage) error
	peers(ctx context.Context) ([]Peer, error)
}

// New makes a member that is Cut until Run, or Alone without a database.
func New(config Config) *Member {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Hear == nil {
		config.Hear = func(Message) {}
	}
	if config.Changed == nil {
		config.Changed = func(string) {}
	}
	m := &Member{
		config: config, log: config.Log, out: newOutbox(config.Hear, config.Changed),
		joined: make(chan struct{}), wake: make(chan struct{}, 1),
		state: Cut, term: 1, heard: map[string]uint64{}, highest: map[string]uint64{},
	}
	m.join = sync.OnceFunc(func() { close(m.joined) })
	m.memory = newMemory(config.Name, m.out)
	m.desk = newDesk(m.lost)
	if config.Database == nil {
		m.state = Alone
		m.join()
	}
	return m
}

// Run takes part until ctx ends; then it gives up its lock, so that another
// replica follows at once, and tells what was still to be told.
func (m *Member) Run(ctx context.Context) error {
	var meeting, telling sync.WaitGroup
	told, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	telling.Go(func() { m.out.run(told) })
	if m.config.Database != nil {
		meeting.Go(func() { m.silent.watch(ctx, sessionConfig(m.config.Database)) })
		meeting.Go(func() { m.meet(ctx) })
	}
	<-ctx.Done()
	meeting.Wait()
	stop()
	telling.Wait()
	return nil
}

// State is what this replica is now, from memory.
func (m *Member) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now()
}

// now is the state under the mutex: one that could not say for long that it
// collects may have been put out.
func (m *Member) now() State {
	if m.state == Collecting && time.Now().After(m.lease) {
		return Cut
	}
	return m.state
}

// Leads says whether this replica looks and judges: Alone or Collecting.
func (m *Member) Leads() bool {
	state := m.State()
	return state == Alone || state == Collecting
}

// Term counts the changes of who leads, as far as this replica saw them; what
// was kept in memory from an earlier term is to be loaded again.
func (m *Member) Term() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.term
}

// Silence is for how long the database has not answered this replica, from the
// beginning of the first question without an answer; 0 if it answers. It is
// asked every 250 ms, over a session of its own.
func (m *Member) Silence() time.Duration { return m.silent.length() }

// Tell lets only the clients of this replica know, without a number. It works
// while the database is gone.
func (m *Member) Tell(d Draft) {
	m.out.add(item{message: Message{Channel: d.Channel, At: instant(time.Now()), Data: d.Data}})
}

// Post writes and tells all. Everybody hears it through Hear, this replica too.
// An error that is not ErrNotLeading may leave open whether it was written:
// whoever posts what it has judged loads that again in a new Term.
func (m *Member) Post(ctx context.Context, p Posting) error {
	store, err := m.store()
	if err != nil {
		return err
	}
	if !m.Leads() || p.Term != 0 && p.Term != m.Term() {
		return ErrNotLeading
	}
	return store.post(ctx, p)
}

// Load returns a document, nil if there is none.
func (m *Member) Load(ctx context.Context, name string) (json.RawMessage, error) {
	body, _, err := m.LoadAged(ctx, name)
	return body, err
}

// LoadAged returns a document too, and how long ago it was written: by the
// server's clock, for those of the machines may differ.
func (m *Member) LoadAged(ctx context.Context, name string) (json.RawMessage, time.Duration, error) {
	store, err := m.joinedStore(ctx)
	if err != nil {
		return nil, 0, err
	}
	return store.load(ctx, name)
}

// Change changes a document at any replica, one after another, and tells all
// through Changed. Nil is no document, before and after. An error of change is
// returned as it is, and nothing has changed. Where two change a document at
// once, change is called again with what the other one left.
func (m *Member) Change(ctx context.Context, name string, change func(old json.RawMessage) (json.RawMessage, error)) error {
	store, err := m.joinedStore(ctx)
	if err != nil {
		return err
	}
	return store.change(ctx, name, change)
}

// Past returns the last n messages of a channel, the oldest first. Before the
// first call of Hear or after it, nothing is missing between the two.
func (m *Member) Past(ctx context.Context, channel string, n int) ([]Message, error) {
	store, err := m.joinedStore(ctx)
	if err != nil {
		return nil, err
	}
	return store.past(ctx, channel, n)
}

// Report tells the others how this replica is. It is to be called once a
// second; one that has not reported for ten seconds is no peer any more.
func (m *Member) Report(ctx context.Context, body json.RawMessage) error {
	store, err := m.store()
	if err != nil {
		return err
	}
	return store.report(ctx, body)
}

// Peers lists the replicas that reported lately, this one among them, by name.
func (m *Member) Peers(ctx context.Context) ([]Peer, error) {
	store, err := m.store()
	if err != nil {
		return nil, err
	}
	return store.peers(ctx)
}

func (m *Member) store() (store, error) {
	switch m.State() {
	case Alone:
		return m.memory, nil
	case Cut:
		return nil, ErrCut
	}
	return shared{m}, nil
}

// joinedStore waits a moment for the beginning.
func (m *Member) joinedStore(ctx context.Context) (store, error) {
	patience := time.NewTimer(answerTime)
	defer patience.Stop()
	select {
	case <-m.joined:
		return m.store()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-patience.C:
		return nil, ErrCut
	}
}

// become changes the state and says whether it is another one.
func (m *Member) become(state State) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.state
	m.state = state
	if state != before && (state == Alone || before == Alone) {
		m.term++
	}
	if state != Collecting {
		m.held = 0
	}
	return state != before
}

// lost is told that the session at the desk broke, by whoever noticed.
func (m *Member) lost() {
	m.become(Cut)
	m.nudge()
}

func (m *Member) nudge() {
	select {
	case m.wake <- struct{}{}:
	default: // asked already
	}
}

// instant is a time as the server keeps it.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
