package alert

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// part begins a time alone: what held for all goes on here, and this replica
// judges it. What is kept of an earlier time alone is over.
func (b *Board) part(now time.Time, term uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.parted == nil {
		held := b.shared.clone()
		b.parted = &held
	}
	b.draft.leads, b.draft.term, b.draft.saved, b.draft.doubt = true, term, now, nil
}

// reunite says, at the end of a time alone, what becomes of all that was told
// here: own clients hear the end of every alert that does not go on, and
// webhooks what holds instead of what they heard from here.
func (b *Board) reunite(now time.Time, here, before ledger) ([]Event, []Notice) {
	events := b.ends(now)
	b.history.add(events...)
	var notices []Notice
	names := maps.Clone(here.Told)
	maps.Copy(names, before.Told)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		told, holds := here.Told[name], b.shared.Told[name]
		if told.Key == before.Told[name].Key || told.Key == holds.Key {
			continue // that was told by others, or by nobody, or it holds
		}
		if told.ID != "" && told.ID != holds.ID {
			notices = append(notices, told.ended(now).again(now))
		}
		if holds.ID != "" {
			notices = append(notices, holds.again(now))
		}
	}
	return events, notices
}

// ends are the ends of the alerts of which own clients heard, and which do not
// go on. One may have ended elsewhere, and they did not hear of it.
func (b *Board) ends(now time.Time) (events []Event) {
	for _, id := range slices.Sorted(maps.Keys(b.open)) {
		e := b.open[id]
		if b.shared.States[e.Rule].ID == id {
			continue
		}
		if end, known := b.history.end(id); known {
			events = append(events, end)
		} else {
			events = append(events, e.over(now, b.people.silenced(now, e.Rule)))
		}
	}
	return events
}

// goOn ends a time alone in which nobody else judged: it is part of the story.
// The others hear how what they knew of has ended meanwhile, and so do webhooks
// once more, for another replica may have told them that it holds.
func (b *Board) goOn(now time.Time) {
	if b.parted == nil {
		return
	}
	var events []Event
	for _, name := range slices.Sorted(maps.Keys(b.parted.States)) {
		was := b.parted.States[name]
		if end, known := b.history.end(was.ID); known && b.shared.States[name].ID != was.ID {
			events = append(events, end)
		}
	}
	var notices []Notice
	for _, name := range slices.Sorted(maps.Keys(b.parted.Told)) {
		if _, holds := b.shared.Told[name]; !holds {
			notices = append(notices, b.parted.Told[name].ended(now).again(now))
		}
	}
	b.draft.events, b.draft.notices = append(events, b.draft.events...), append(notices, b.draft.notices...)
	b.parted = nil
}

// over ends an alert that nobody judges any more.
func (e Event) over(now time.Time, silenced bool) Event {
	e.PreviousState, e.PreviousSeverity, e.State = e.State, e.Severity, NoData
	e.Value, e.At, e.Silenced = nil, now.UTC(), silenced
	e.Summary = "This replica judged alone; what all replicas share has no such alert."
	return e
}

// again is a notice with another key, so that it is taken although the same was
// told before.
func (n Notice) again(now time.Time) Notice {
	n.Key += "/" + strconv.FormatInt(now.UnixMilli(), 10)
	return n
}

// current says whether a notice still says what holds: one from before a time
// alone may have been overtaken there.
func (b *Board) current(n Notice) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	told, known := b.shared.Told[n.Rule]
	if n.Ended != nil {
		return !known
	}
	return told.Key == n.Key
}

// leaveHooks leaves what webhooks have to be told to the document, but for what
// it does not know: that of a time alone.
func (s *Service) leaveHooks() {
	if !s.share.forgot && !s.share.parted {
		for _, hook := range s.config.Webhooks {
			hook.Forget()
		}
	}
	s.share.forgot, s.share.parted = true, false
}

// reunited tells how what was told alone has ended.
func (s *Service) reunited(became settled) {
	s.tell(became.events, nil)
	enqueue(s.config.Webhooks, became.notices)
}
