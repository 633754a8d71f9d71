package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signoff-dev/signoff/service/replica"
)

// The documents that the replicas share.
const (
	statesDocument = "alert_states"
	peopleDocument = "alert_people"
)

const (
	// postTime bounds one conversation with the other replicas' database, and
	// changeTime what a person waits for.
	postTime   = 5 * time.Second
	changeTime = 3 * time.Second
	// leaveTime bounds the last one of all.
	leaveTime = time.Second
	// postAgain is how long after one that failed the next is tried.
	postAgain = 250 * time.Millisecond
)

// share is what the service remembers of its conversation with the others.
type share struct {
	// wake has one element while there is something to post or to load.
	wake chan struct{}
	// talking has one element while what people said is changed or loaded, so
	// that the newest is what holds.
	talking chan struct{}
	// shares says that something is shared: this replica is not alone.
	shares atomic.Bool

	mu    sync.Mutex
	stale map[string]bool // what is to be loaded; past is the history

	// alone are the changes that people made while this replica was alone. It
	// is of whoever is talking.
	alone []func(*people) error

	// The rest is of Attend alone.
	forgot bool // what webhooks have to be told was left to another replica
	// parted is set from a time alone on until there are others again: what
	// webhooks have to be told of it nobody else knows.
	parted bool
}

const past = "past"

func newShare() *share {
	s := &share{wake: make(chan struct{}, 1), talking: make(chan struct{}, 1), stale: map[string]bool{}}
	s.expireAll()
	return s
}

func (s *share) hurry() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// expire notes that something is to be loaded again.
func (s *share) expire(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		s.stale[name] = true
	}
}

// expireAll is for while nothing is heard of the others.
func (s *share) expireAll() { s.expire(statesDocument, peopleDocument, past) }

// refresh loads what is to be loaded; what failed is so again the next time.
func (s *share) refresh(name string, load func() error) error {
	s.mu.Lock()
	stale := s.stale[name]
	delete(s.stale, name)
	s.mu.Unlock()
	if !stale {
		return nil
	}
	err := load()
	if err != nil {
		s.expire(name)
	}
	return err
}

// Heard takes a message that all replicas hear. It does not block.
func (s *Service) Heard(m replica.Message) {
	if e, ok := eventIn(m); ok {
		s.hear(e)
	}
}

func eventIn(m replica.Message) (e Event, ok bool) {
	return e, m.Channel == Channel && json.Unmarshal(m.Data, &e) == nil
}

// Changed is to be told of every document that changed. It does not block.
func (s *Service) Changed(document string) {
	if document == statesDocument || document == peopleDocument {
		s.share.expire(document)
		s.share.hurry()
	}
}

func (s *Service) attend(ctx context.Context) error {
	tick := time.NewTicker(judgeEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-tick.C:
		case <-s.share.wake:
		case <-ctx.Done():
			return nil
		}
		err := s.Attend(ctx, time.Now())
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failing = false
			continue
		case !failing:
			s.config.Log.Warn("alerts not shared with the other replicas, it is tried again", "error", err)
		}
		failing = true
		select {
		case <-time.After(postAgain):
		case <-ctx.Done():
			return nil
		}
	}
}

// Attend speaks with the other replicas once: it takes up what they changed,
// and posts what was judged if this one leads. It waits for the database, and
// nothing else waits for it.
func (s *Service) Attend(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	term := s.config.Member.Term() // before the state: should that change, nothing is posted
	state := s.config.Member.State()
	switch state {
	case replica.Cut:
		s.resign()
		s.share.expireAll()
		return nil
	case replica.Alone:
		s.share.expireAll()
		s.share.shares.Store(false)
		s.share.parted = true
		if s.inDoubt(term) {
			s.part(now, term)
		}
		return s.post(ctx, now, term)
	case replica.Collecting, replica.Following:
	}
	s.share.shares.Store(true)
	if err := errors.Join(s.share.refresh(past, func() error { return s.recallPast(ctx) }),
		s.share.refresh(peopleDocument, func() error { return s.listen(ctx, state) })); err != nil {
		return err
	}
	if state == replica.Collecting {
		return s.lead(ctx, now, term)
	}
	if !s.share.forgot || s.share.parted {
		s.resign()
		s.share.expire(statesDocument)
	}
	return s.share.refresh(statesDocument, func() error { return s.heel(ctx, now) })
}

// leave posts how far time has counted, so that whoever leads next goes on from
// there.
func (s *Service) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	s.hasten()
	if err := s.Attend(ctx, time.Now()); err != nil {
		s.config.Log.Warn("alerts not shared with the other replicas at the end", "error", err)
	}
}

func (s *Service) recallPast(ctx context.Context) error {
	messages, err := s.config.Member.Past(ctx, Channel, keptEvents)
	if err != nil {
		return fmt.Errorf("reading the history of the alerts: %w", err)
	}
	var events []Event
	for _, m := range messages {
		if e, ok := eventIn(m); ok {
			events = append(events, e)
		}
	}
	s.recall(events)
	return nil
}

// load is the document of the states. One that cannot be read is told and is
// as if another had begun anew.
func (s *Service) load(ctx context.Context) (document, error) {
	text, err := s.config.Member.Load(ctx, statesDocument)
	if err != nil {
		return document{}, fmt.Errorf("loading the states of the alerts: %w", err)
	}
	found, err := readDocument(text)
	if err != nil {
		s.config.Log.Error("states of the alerts are ignored, all rules begin anew", "error", err)
		return document{Serial: "unreadable"}, nil
	}
	return found, nil
}

// heel follows the one that leads, which delivers what webhooks have to be
// told.
func (s *Service) heel(ctx context.Context, now time.Time) error {
	found, err := s.load(ctx)
	if err != nil {
		return err
	}
	s.leaveHooks()
	s.reunited(s.follow(now, found))
	return nil
}

// lead goes on from what was posted last, and posts what is due.
func (s *Service) lead(ctx context.Context, now time.Time, term uint64) error {
	if s.inDoubt(term) {
		found, err := s.load(ctx)
		if err != nil {
			return err
		}
		became := s.settle(now, term, found)
		parted := s.share.parted
		if became.takenUp {
			s.leaveHooks()
		}
		for _, hook := range s.config.Webhooks {
			if s.share.forgot {
				hook.Enqueue(slices.DeleteFunc(found.Undelivered[hook.key()], func(n Notice) bool { return parted && !became.takenUp && !s.current(n) }))
			}
		}
		s.share.forgot, s.share.parted = false, false
		s.reunited(became)
		if became.made != nil {
			s.posted(became.made)
		}
	}
	return s.post(ctx, now, term)
}

// post posts what is due.
func (s *Service) post(ctx context.Context, now time.Time, term uint64) error {
	due := s.drafted(now, waiting(s.config.Webhooks))
	if due == nil {
		return nil
	}
	text, err := json.Marshal(due.document)
	if err != nil {
		return fmt.Errorf("encoding the states of the alerts: %w", err)
	}
	p := replica.Posting{Documents: map[string]json.RawMessage{statesDocument: text}, Term: term, Lasting: len(due.events)+len(due.notices) > 0}
	for _, e := range due.events {
		data, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encoding an event: %w", err)
		}
		p.Messages = append(p.Messages, replica.Draft{Channel: Channel, Data: data})
	}
	if err := s.config.Member.Post(ctx, p); err != nil {
		return fmt.Errorf("posting the events of the alerts: %w", err)
	}
	s.holds(now, due)
	s.posted(due)
	return nil
}

// posted tells the log and the webhooks of what all others have heard.
func (s *Service) posted(made *posting) {
	for _, e := range made.events {
		s.log(e)
	}
	enqueue(s.config.Webhooks, made.notices)
}
