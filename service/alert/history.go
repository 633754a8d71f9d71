package alert

import (
	"slices"
	"time"
)

// keptEvents is how many events the history holds.
const keptEvents = 1000

// history is the newest events, the oldest first. What is added twice, because
// it was read from a file, asked for and heard, is there once.
type history struct {
	events []Event
	known  map[change]bool
}

// change is what makes an event that event.
type change struct {
	id       string
	severity Severity
	from, to Stage
	at       int64 // in µs since 1970, which survives being written
}

func changeOf(e Event) change {
	return change{e.ID, e.Severity, e.PreviousState, e.State, e.At.UnixMicro()}
}

// add takes events that just came. They are not put in the order of their
// times, for a clock may have been set back.
func (h *history) add(events ...Event) {
	if h.known == nil {
		h.known = map[change]bool{}
	}
	for _, e := range events {
		if !h.known[changeOf(e)] {
			h.known[changeOf(e)] = true
			h.events = append(h.events, e)
		}
	}
	for len(h.events) > keptEvents {
		delete(h.known, changeOf(h.events[0]))
		h.events = slices.Delete(h.events, 0, 1)
	}
}

// merge takes events of the past among the others.
func (h *history) merge(events []Event) {
	all := slices.Concat(events, h.events)
	slices.SortStableFunc(all, func(a, b Event) int { return a.At.Compare(b.At) })
	*h = history{}
	h.add(all...)
}

// Question narrows the history. Its zero value asks for everything.
type Question struct {
	Rule     string
	Severity Severity
	State    Stage
	// From is the first moment, To the first one that is too late.
	From, To time.Time
	// Limit is the most events, the newest ones; zero is all.
	Limit int
}

// History lists events, the newest first.
func (b *Board) History(q Question) []Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := []Event{}
	for _, e := range slices.Backward(b.history.events) {
		switch {
		case q.Limit > 0 && len(found) == q.Limit:
			return found
		case q.Rule != "" && q.Rule != e.Rule, q.Severity != None && q.Severity != e.Severity, q.State != "" && q.State != e.State,
			!q.From.IsZero() && e.At.Before(q.From), !q.To.IsZero() && !e.At.Before(q.To):
		default:
			found = append(found, e)
		}
	}
	return found
}

// end is the event with which an alert ended.
func (h *history) end(id string) (Event, bool) {
	for _, e := range slices.Backward(h.events) {
		if e.ID == id && !e.State.Active() {
			return e, true
		}
	}
	return Event{}, false
}

// hear takes an event that was told to the clients.
func (b *Board) hear(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.history.add(e)
	if rule, known := b.rule(e.Rule); e.State.Active() && (!known || !rule.own()) {
		b.open[e.ID] = e
	} else {
		delete(b.open, e.ID)
	}
	b.note()
}

// recall takes events of the past.
func (b *Board) recall(events []Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.history.merge(events)
	b.note()
}
