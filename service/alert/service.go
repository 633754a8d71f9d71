package alert

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signoff-dev/signoff/service/monitor"
)

// Channel is the channel on which events are published.
const Channel = "performance_alert"

// judgeEvery is less than the second between two snapshots, so that an alert
// fires soon after the time that its rule asks for.
const judgeEvery = 100 * time.Millisecond

// Monitor has the newest figures of the database, from memory.
type Monitor interface {
	Snapshot() monitor.Snapshot
}

// Publisher takes events to whoever listens. It must not block.
type Publisher interface {
	Broadcast(channel string, data any)
}

// Config is what a Service needs.
type Config struct {
	// Board holds the rules and what becomes of them. Required.
	Board *Board
	// Monitor has the figures. Required.
	Monitor Monitor
	// Publish receives each event. Nil publishes nothing.
	Publish Publisher
	// Webhooks are told when an alert fires, changes its severity and ends.
	Webhooks []*Webhook
	// Rules is the file that Reload reads; empty is none.
	Rules string
	// State is the file in which alerts survive a restart; empty is none.
	State string
	// Log receives each event, and what could not be done. Nil discards it.
	Log *slog.Logger
}

// Service feeds a board with figures and tells its events.
type Service struct {
	config Config
	order  sync.Mutex // from judging until told
}

// New makes a Service and takes up the state file, if there is one. A file
// that cannot be read is told and ignored.
func New(config Config) *Service {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{config: config}
	if config.State == "" {
		return s
	}
	text, err := os.ReadFile(config.State)
	if errors.Is(err, fs.ErrNotExist) {
		return s
	}
	var undelivered map[string][]Notice
	if err == nil {
		undelivered, err = config.Board.Restore(text)
	}
	if err != nil {
		config.Log.Error("state of the alerts is ignored, all rules begin anew", "file", config.State, "error", err)
		return s
	}
	for _, hook := range config.Webhooks {
		hook.Enqueue(undelivered[hook.key()])
	}
	return s
}

// Run judges until ctx ends, and then saves the state.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.judge(ctx) })
	for _, hook := range s.config.Webhooks {
		group.Go(func() error { return hook.Run(ctx) })
	}
	if s.config.State != "" {
		group.Go(func() error { return s.keep(ctx) })
	}
	err := group.Wait()
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

// Look judges the newest figures once and tells what changed.
func (s *Service) Look(now time.Time) {
	reading := Read(s.config.Monitor.Snapshot())
	s.order.Lock()
	defer s.order.Unlock()
	events, notices := s.config.Board.Judge(now, reading)
	s.tell(events, notices)
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
	events, notices := s.config.Board.Replace(now, rules)
	s.tell(events, notices)
	return nil
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

func (s *Service) tell(events []Event, notices []Notice) {
	for _, e := range events {
		level := slog.LevelInfo
		if e.State == Firing {
			level = slog.LevelWarn
		}
		s.config.Log.Log(context.Background(), level, "alert changed", "id", e.ID, "rule", e.Rule, "severity", e.Severity,
			"state", e.State, "previous_state", e.PreviousState, "silenced", e.Silenced, "summary", e.Summary)
		if s.config.Publish != nil {
			s.config.Publish.Broadcast(Channel, e)
		}
	}
	if len(notices) > 0 {
		for _, hook := range s.config.Webhooks {
			hook.Enqueue(notices)
		}
	}
}

// keep saves the state from time to time, apart from the judging, for a disk
// may be slow.
func (s *Service) keep(ctx context.Context) error {
	tick := time.NewTicker(saveMoving)
	defer tick.Stop()
	saved := time.Now()
	for {
		select {
		case <-s.config.Board.changed:
		case <-tick.C:
			if !s.config.Board.moving() && time.Since(saved) < saveAlways {
				continue
			}
		case <-ctx.Done():
			return nil
		}
		s.save()
		saved = time.Now()
	}
}

func (s *Service) save() {
	if s.config.State == "" {
		return
	}
	undelivered := map[string][]Notice{}
	for _, hook := range s.config.Webhooks {
		if waiting := hook.Waiting(); len(waiting) > 0 {
			undelivered[hook.key()] = waiting
		}
	}
	text, err := s.config.Board.Save(undelivered)
	if err == nil {
		err = replaceFile(s.config.State, text)
	}
	if err != nil {
		s.config.Log.Error("state of the alerts not saved", "file", s.config.State, "error", err)
	}
}
