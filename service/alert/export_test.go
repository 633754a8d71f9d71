package alert

import "time"

// HookQueue is how many notices may wait.
const HookQueue = hookQueue

// Hurried makes a webhook try again at once.
func Hurried(h *Webhook) *Webhook {
	h.retry = time.Millisecond
	return h
}

// Patience makes a webhook wait that long for an answer.
func Patience(h *Webhook, patience time.Duration) *Webhook {
	h.client.Timeout = patience
	return h
}

// Pause is how long a webhook waits after so many failures.
func Pause(h *Webhook, failures int) time.Duration { return h.pause(failures) }

// Judge judges as a service that is alone does, and posts at once.
func (b *Board) Judge(now time.Time, reading Reading) ([]Event, []Notice) {
	if b.inDoubt(1) {
		b.settle(now, 1, document{})
	}
	events, notices := b.judgeOwn(now, reading)
	b.judgeShared(now, reading, 1)
	return b.flush(now, events, notices)
}

// flush posts what is drafted.
func (b *Board) flush(now time.Time, events []Event, notices []Notice) ([]Event, []Notice) {
	if p := b.drafted(now, nil); p != nil {
		b.holds(now, p)
		for _, e := range p.events {
			b.hear(e)
		}
		events, notices = append(events, p.events...), append(notices, p.notices...)
	}
	return events, notices
}

// Replace puts other rules in force, and posts what that ends.
func (b *Board) Replace(now time.Time, rules []Rule) ([]Event, []Notice) {
	events, notices := b.replace(now, rules)
	return b.flush(now, events, notices)
}

// Acknowledge acknowledges as a service that is alone does.
func (b *Board) Acknowledge(now time.Time, rule, author, comment string) (Alert, error) {
	a, own, err := b.acknowledgeable(now, rule, author, comment)
	if err != nil {
		return Alert{}, err
	}
	if said := b.said(); own {
		b.acknowledgeOwn(rule, a)
	} else {
		said.acknowledge(rule, a)
		b.heed(said)
	}
	alert, _ := b.Alert(rule)
	return alert, nil
}

// Silence silences as a service that is alone does.
func (b *Board) Silence(now time.Time, s Silence) (Silence, error) {
	s, err := b.silenceable(now, s)
	if err != nil {
		return s, err
	}
	said := b.said()
	err = said.silence(now, s)
	b.heed(said)
	return s, err
}

// EndSilence ends a silence as a service that is alone does.
func (b *Board) EndSilence(now time.Time, id string) error {
	said := b.said()
	err := said.endSilence(now, id)
	b.heed(said)
	return err
}

// Deliver takes the first notice that waits, as a receiver would.
func Deliver(h *Webhook) (Notice, bool) {
	waiting := h.Waiting()
	if len(waiting) == 0 {
		return Notice{}, false
	}
	h.done(waiting[0].Key)
	return waiting[0], true
}
