package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/replica"
)

// Channel is the channel of the events.
const Channel = "performance_alert"

// judgeEvery is less than the second between two snapshots, so that an alert
// fires soon after the time that its rule asks for.
const judgeEvery = 100 * time.Millisecond

// cutAfter is how long the database may owe this replica an answer before it
// counts as not reached. It is asked every 250 ms, so that one late answer is none.
const cutAfter = 500 * time.Millisecond

// Monitor has the newest figures of the database, from memory.
type Monitor interface {
	Snapshot() monitor.Snapshot
}

// Member is this replica among the others, as replica.Member describes it.
type Member interface {
	State() replica.State
	Leads() bool
	Term() uint64
	Silence() time.Duration
	Post(ctx context.Context, p replica.Posting) error
	Tell(d replica.Draft)
	Load(ctx context.Context, name string) (json.RawMessage, error)
	Change(ctx context.Context, name string, change func(old json.RawMessage) (json.RawMessage, error)) error
	Past(ctx context.Context, channel string, n int) ([]replica.Message, error)
}

// Config is what a Service needs.
type Config struct {
	// Board holds the rules and what becomes of them. Required.
	Board *Board
	// Monitor has the figures. Required.
	Monitor Monitor
	// Member tells the events of this replica, and posts those of all. What it
	// hears and what changed is to be told to Heard and Changed. Required.
	Member Member
	// Webhooks are told when an alert fires, changes its severity and ends.
	Webhooks []*Webhook
	// Rules is the file that Reload reads; empty is none.
	Rules string
	// State is the file in which the alerts of this replica survive a restart,
	// and all alerts while nothing is shared; empty is none.
	State string
	// Log receives each event, and what could not be done. Nil discards it.
	Log *slog.Logger
}

// Service feeds a board with figures and tells its events.
type Service struct {
	*Board

	config Config
	// own are the webhooks once more, for the alerts of this replica alone.
	ownHooks []*Webhook
	order    sync.Mutex // from judging own rules until told

	share *share
}

// New makes a Service and takes up the state file, if there is one. A file
// that cannot be read is told and ignored.
func New(config Config) *Service {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Board: config.Board, config: config, share: newShare()}
	for _, hook := range config.Webhooks {
		s.ownHooks = append(s.ownHooks, hook.beside())
	}
	s.restore()
	return s
}

// Run judges until ctx ends, and then saves the state. The member should take
// part for longer.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.judge(ctx) })
	group.Go(func() error { return s.attend(ctx) })
	for _, hook := range slices.Concat(s.config.Webhooks, s.ownHooks) {
		group.Go(func() error { return hook.Run(ctx) })
	}
	if s.config.State != "" {
		group.Go(func() error { return s.keep(ctx) })
	}
	err := group.Wait()
	s.leave(context.WithoutCancel(ctx))
	s.save()
	return err
}

func (s *Service) judge(ctx context.Context) error {
	tick := time.NewTicker(judgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.Look(time.Now())
		case <-ctx.Done():
			return nil
		}
	}
}

// Look judges the newest figures once. What changed of own alerts is told at
// once, what changed of the others is posted by Attend. It waits for nobody.
func (s *Service) Look(now time.Time) {
	reading := s.read()
	s.order.Lock()
	defer s.order.Unlock()
	s.tell(s.judgeOwn(now, reading))
	if !reading.Blind && s.config.Member.Leads() && s.judgeShared(now, reading, s.config.Member.Term()) {
		s.share.hurry()
	}
}

// read is what is known at the moment. That the database does not answer this
// replica is known here before a look of the monitor fails.
func (s *Service) read() Reading {
	reading := Read(s.config.Monitor.Snapshot())
	if s.config.Member.Silence() >= cutAfter {
		reading.Figures[unreachable] = 1
	}
	return reading
}

// Reload reads the rules file again and puts it in force. If it has problems,
// all of them are returned and the rules stay as they are.
func (s *Service) Reload(now time.Time) error {
	rules, err := ReadRules(s.config.Rules)
	if err != nil {
		return err
	}
	s.order.Lock()
	defer s.order.Unlock()
	s.tell(s.replace(now, rules))
	s.share.hurry()
	return nil
}

// tell tells what changed of own alerts: nobody else sees them.
func (s *Service) tell(events []Event, notices []Notice) {
	for _, e := range events {
		s.log(e)
		if data, err := json.Marshal(e); err == nil {
			s.config.Member.Tell(replica.Draft{Channel: Channel, Data: data})
		}
	}
	enqueue(s.ownHooks, notices)
}

func (s *Service) log(e Event) {
	level := slog.LevelInfo
	if e.State == Firing {
		level = slog.LevelWarn
	}
	s.config.Log.Log(context.Background(), level, "alert changed", "id", e.ID, "rule", e.Rule, "severity", e.Severity,
		"state", e.State, "previous_state", e.PreviousState, "silenced", e.Silenced, "summary", e.Summary)
}

func enqueue(hooks []*Webhook, notices []Notice) {
	for _, hook := range hooks {
		if len(notices) > 0 {
			hook.Enqueue(notices)
		}
	}
}

// ReadRules reads a rules file; without one it returns the defaults.
func ReadRules(path string) ([]Rule, error) {
	if path == "" {
		return Defaults(), nil
	}
	text, err := os.ReadFile(path)
	var reading *fs.PathError
	if errors.As(err, &reading) {
		return nil, fmt.Errorf("reading %s: %w", path, reading.Err)
	} else if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	rules, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s:\n%w", path, err)
	}
	return rules, nil
}
