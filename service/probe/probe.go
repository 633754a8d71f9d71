// Package probe measures what the extension of the market brought: how much
// faster, or smaller, things are than they were in the baseline, on this
// database and at this moment.
//
// One replica measures each five minutes, over a session of its own, for at
// most about a second of the database's time. What it needs of tables it makes
// in one transaction that it takes back: nothing of it can be left over, and
// nobody waits for its commits. It asks the market's own tables two questions,
// and writes nothing to them. A round that finds the database busy is skipped.
//
// It exists because monitor watches what others do and must never make work of
// its own. It refuses to know HTTP, and what operators are alerted of.
package probe

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/signoff-dev/signoff/service/replica"
)

// Document is the name under which the replicas share the last answer.
const Document = "performance"

// The states of a round.
const (
	stateNotMeasured = "not_measured"
	stateMeasured    = "measured"
	stateSkipped     = "skipped"
	stateFailed      = "failed"
)

// Busy is why a round is skipped: users wait, or the database is not well.
const Busy = "busy"

const (
	// soon is when a skipped or failed round is tried again.
	soon = 30 * time.Second
	// again is how often a replica looks for news, if nobody tells it.
	again = time.Minute
	// sharing bounds what reading and writing the document may take.
	sharing = 2 * time.Second
)

// Member is what a Service needs of the replicas; *replica.Member is one.
type Member interface {
	Leads() bool
	Post(ctx context.Context, p replica.Posting) error
	// LoadAged returns a document and how long ago it was written, by the
	// server's clock.
	LoadAged(ctx context.Context, name string) (json.RawMessage, time.Duration, error)
}

// Config is what a Service needs.
type Config struct {
	// Member is this process among the replicas. Required.
	Member Member
	// Measure carries out one round: Prober.Measure. Required.
	Measure func(ctx context.Context) (Round, []Metric)
	// Busy says that this is no moment to measure. Nil is never.
	Busy func() bool
	// Log receives what could not be shared, once per change. Nil discards it.
	Log *slog.Logger
	// First is when the first round begins after Run does, if nobody measured
	// lately; zero is 10 s. Every is the time between two; zero is 5 minutes.
	First, Every time.Duration
}

// Service holds the last answer, and measures while its replica leads.
type Service struct {
	config Config
	latest atomic.Pointer[Answer]
	stale  chan struct{} // has one element when the document changed
}

// New makes a Service that has measured nothing.
func New(config Config) *Service {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.First == 0 {
		config.First = 10 * time.Second
	}
	if config.Every == 0 {
		config.Every = 5 * time.Minute
	}
	s := &Service{config: config, stale: make(chan struct{}, 1)}
	nothing := unknown()
	s.latest.Store(&nothing)
	return s
}

// Answer is the last answer with its ages as of now, from memory.
func (s *Service) Answer() Answer { return s.latest.Load().at(time.Now()) }

// Changed tells that another replica may have measured. It does not block.
func (s *Service) Changed() {
	select {
	case s.stale <- struct{}{}:
	default: // it is told already
	}
}

// Run measures whenever it is time and this replica leads, and takes over what
// others measured, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	told := news{next: time.Now()}
	next := told.next.Add(s.config.First)
	tick := time.NewTicker(min(time.Second, s.config.Every))
	defer tick.Stop()
	for {
		if now := time.Now(); !now.Before(told.next) {
			s.load(ctx, &told)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.stale:
			told.next = time.Now()
			continue
		case <-tick.C:
		}
		now := time.Now()
		if !s.config.Member.Leads() {
			continue
		}
		if now.Before(s.rested(now)) || now.Before(next) {
			continue
		}
		state := s.round(ctx)
		wait := s.config.Every
		if state != stateMeasured {
			wait = min(wait, soon)
		}
		next = time.Now().Add(wait)
	}
}

// rested is when the last measurement, whoever made it, is old enough. One that
// is of the future is of a clock that jumped, and keeps nobody waiting.
func (s *Service) rested(now time.Time) time.Time {
	measured := s.latest.Load().MeasuredAt
	if measured == nil || measured.After(now) {
		return time.Time{}
	}
	return measured.Add(s.config.Every)
}

// round measures, or says why not, and shares what came of it.
func (s *Service) round(ctx context.Context) (state string) {
	now := time.Now().UTC()
	round, found := Round{State: stateSkipped, Reason: pointer(Busy), At: &now}, []Metric(nil)
	if s.config.Busy == nil || !s.config.Busy() {
		round, found = s.config.Measure(ctx)
	}
	answer := s.latest.Load().merge(found, round)
	s.latest.Store(&answer)
	body, err := json.Marshal(answer)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, sharing)
		defer cancel()
		err = s.config.Member.Post(ctx, replica.Posting{Documents: map[string]json.RawMessage{Document: body}})
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		s.config.Log.Warn("performance was measured but not shared", "error", err.Error())
	}
	return round.State
}

// news is about the news of other replicas: when they are asked for next,
// and how often that failed on end.
type news struct {
	next   time.Time
	failed int
}

// load takes over the shared answer, if it is there and not older than what is
// known. While that fails it is tried again each second; the log says so once,
// but not of the first moments, in which the replicas have yet to meet.
func (s *Service) load(ctx context.Context, r *news) {
	const moments = 10
	ctx, cancel := context.WithTimeout(ctx, sharing)
	defer cancel()
	body, age, err := s.config.Member.LoadAged(ctx, Document)
	var answer Answer
	if err == nil && body != nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		if r.failed++; r.failed == moments {
			s.config.Log.Warn("performance that was measured elsewhere could not be read", "error", err.Error())
		}
		r.next = time.Now().Add(time.Second)
		return
	}
	r.failed, r.next = 0, time.Now().Add(again)
	if answer.Round.At != nil { // it was written as soon as the round had ended
		answer = answer.moved(time.Now().Add(-age).Sub(*answer.Round.At))
	}
	known := s.latest.Load().Round.At
	if body != nil && (known == nil || answer.Round.At != nil && !answer.Round.At.Before(*known)) {
		s.latest.Store(&answer)
	}
}
