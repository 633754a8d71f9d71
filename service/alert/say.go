package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/service/replica"
)

// Acknowledge notes that somebody looks after the alert of a rule. It holds
// until the alert ends or becomes critical, at all replicas; that of an alert
// that is of this replica alone holds here. What cannot be written where all
// read it is refused with ErrUnavailable.
func (s *Service) Acknowledge(ctx context.Context, now time.Time, rule, author, comment string) (Alert, error) {
	a, own, err := s.acknowledgeable(now, rule, author, comment)
	if err != nil {
		return Alert{}, err
	}
	if own {
		s.acknowledgeOwn(rule, a)
	} else if err := s.say(ctx, func(p *people) error { p.acknowledge(rule, a); return nil }); err != nil {
		return Alert{}, err
	}
	acknowledged, active := s.Alert(rule)
	if !active {
		return Alert{}, ErrNotActive // it has ended meanwhile
	}
	return acknowledged, nil
}

// Silence adds a silence; its id and creation are given here.
func (s *Service) Silence(ctx context.Context, now time.Time, silence Silence) (Silence, error) {
	silence, err := s.silenceable(now, silence)
	if err != nil {
		return Silence{}, err
	}
	if err := s.say(ctx, func(p *people) error { return p.silence(now, silence) }); err != nil {
		return Silence{}, err
	}
	return silence, nil
}

// EndSilence ends a silence before it expires.
func (s *Service) EndSilence(ctx context.Context, now time.Time, id string) error {
	return s.say(ctx, func(p *people) error { return p.endSilence(now, id) })
}

// say changes what people said, at all replicas.
func (s *Service) say(ctx context.Context, change func(*people) error) error {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	select {
	case s.share.talking <- struct{}{}:
		defer func() { <-s.share.talking }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	alone := s.config.Member.State() == replica.Alone
	err := s.change(ctx, alone, change)
	if alone && err == nil {
		s.share.alone = append(s.share.alone, change)
	}
	return err
}

// change changes what people said, which has its turn. Alone, this replica
// knows it best, and so it does where the document is lost.
func (s *Service) change(ctx context.Context, alone bool, change func(*people) error) error {
	var after people
	var refusal error
	err := s.config.Member.Change(ctx, peopleDocument, func(old json.RawMessage) (json.RawMessage, error) {
		after, refusal = s.said(), nil
		if len(old) > 0 && !alone {
			if after, refusal = readPeople(old); refusal != nil {
				return nil, refusal
			}
		}
		refusal = change(&after)
		if refusal != nil {
			return nil, refusal
		}
		return json.Marshal(after)
	})
	switch {
	case refusal != nil && errors.Is(err, refusal):
		return refusal
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	s.heed(after)
	return nil
}

// listen takes up what people said at other replicas, and lets them know what
// was said here while this one was alone. Where the document is lost, the one
// that leads writes it again.
func (s *Service) listen(ctx context.Context, state replica.State) error {
	select {
	case s.share.talking <- struct{}{}:
		defer func() { <-s.share.talking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	text, err := s.config.Member.Load(ctx, peopleDocument)
	if err != nil {
		return fmt.Errorf("loading silences and acknowledgements: %w", err)
	}
	if len(text) > 0 {
		said, err := readPeople(text)
		if err != nil {
			s.config.Log.Error("silences and acknowledgements are ignored", "error", err)
			return nil
		}
		s.heed(said)
	}
	lost := len(text) == 0 && state == replica.Collecting && !s.said().empty()
	if !lost && len(s.share.alone) == 0 {
		return nil
	}
	if err := s.change(ctx, false, s.repeat); err != nil {
		return err
	}
	s.share.alone = nil
	return nil
}

// repeat says again what was said alone; what makes no sense any more is left.
func (s *Service) repeat(p *people) error {
	for _, change := range s.share.alone {
		_ = change(p)
	}
	return nil
}
