package drive

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Reconnect loses its line several times and each time asks for the figures of
// the database that it missed meanwhile, by the last number that it has, and
// listens beyond that, to what is told live. It yields "messages missing in the
// sequence", counted of all numbers from the first to the last that it heard,
// "messages told twice" and "messages out of sequence", counted of all that it
// heard, "reconnections without an answer", counted of all, and "messages that
// break their schema", counted of all.
func (m *Market) Reconnect(ctx context.Context, times int, away time.Duration) (measure.Set, error) {
	var l lossOfLine
	for i := range times + 1 {
		if i > 0 {
			pause(ctx, away)
			l.unanswered.Of++
		}
		if err := l.listen(ctx, m, i > 0); err != nil {
			return nil, fmt.Errorf("line %d of %d: %w", i+1, times+1, err)
		}
	}
	missing := measure.Share{Hits: l.last - l.first + 1 - int64(len(l.seen)), Of: l.last - l.first + 1}
	return measure.Set{
		"messages missing in the sequence": {Share: &missing},
		"messages told twice":              {Share: &l.twice},
		"messages out of sequence":         {Share: &l.disordered},
		"reconnections without an answer":  {Share: &l.unanswered},
		"messages that break their schema": {Share: &l.broken},
	}, ctx.Err()
}

// lossOfLine is what a client heard who loses its line now and then.
type lossOfLine struct {
	seen        map[int64]bool
	first, last int64

	twice, disordered, unanswered, broken measure.Share
}

// listen opens a line, asks for what was missed if it is a new one, and listens
// until two figures have come that nobody could have missed.
func (l *lossOfLine) listen(ctx context.Context, m *Market, again bool) error {
	c, err := m.call(ctx)
	if err != nil {
		return err
	}
	defer c.hangUp()
	until := int64(2)
	if again {
		// Before the line knows what is wanted, it tells everything: only what
		// comes after the answer counts.
		if err := c.say(fmt.Sprintf(`{"type":"subscribe","data":{"channel":%q,"since":%d}}`, figuresChannel, l.last)); err != nil {
			return err
		}
		before, came := c.answer(ctx, "subscribed")
		l.check(before)
		if !came {
			l.unanswered.Hits++
			return ctx.Err() // what is missing is counted
		}
		until += newest(before[len(before)-1])
	}
	within, cancel := context.WithTimeout(ctx, changePatience)
	defer cancel()
	for l.last < until || l.first == 0 {
		all, came := c.until(within, figuresChannel)
		l.check(all)
		l.note(all)
		if !came {
			return ctx.Err() // what is missing is counted
		}
	}
	return nil
}

// newest is the number of the last message that there was when a subscription
// was answered.
func newest(answer heard) int64 {
	var said struct{ Data struct{ Seq int64 } }
	if json.Unmarshal(answer.raw, &said) != nil {
		return 0
	}
	return said.Data.Seq
}

// check holds all messages to their schemas.
func (l *lossOfLine) check(all []heard) {
	for _, h := range all {
		l.broken.Of++
		contract := "ws/" + h.Type
		if h.Type == "subscribed" {
			contract = "ws/subscribed_since" // nothing else is asked for
		}
		if contracts.Check(contract, h.raw) != nil {
			l.broken.Hits++
		}
	}
}

// note counts the figures.
func (l *lossOfLine) note(all []heard) {
	for _, h := range all {
		if h.Type != figuresChannel || h.Seq == nil {
			continue
		}
		if l.seen == nil {
			l.seen, l.first = map[int64]bool{}, *h.Seq
		}
		l.twice.Of++
		l.disordered.Of++
		switch {
		case l.seen[*h.Seq]:
			l.twice.Hits++
		case *h.Seq < l.last:
			l.disordered.Hits++
		}
		l.seen[*h.Seq] = true
		l.last = max(l.last, *h.Seq)
	}
}
