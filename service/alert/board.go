package alert

import (
	"slices"
	"sync"
	"time"
)

// Board holds the rules, their states, what people said and the history, as
// this replica knows them. It is safe for concurrent use and never waits for
// anything but itself.
type Board struct {
	mu    sync.Mutex
	rules []Rule
	// own are the rules that every replica judges for itself, shared the
	// others, as they were posted.
	own, shared ledger
	draft       draft
	// parted is what held for all when a time alone began; nil at other times.
	parted *ledger
	people people
	// acknowledged are the acknowledgements of own alerts.
	acknowledged map[string]acknowledged
	history      history
	// open are the alerts of all replicas of which own clients heard last that
	// they are active.
	open map[string]Event
	// newest are the figures that were judged last, looked is when.
	newest Reading
	looked time.Time
	// changed has one element from a change until it is saved.
	changed chan struct{}
}

// NewBoard makes a board of rules that have never seen a sample.
func NewBoard(rules []Rule) *Board {
	b := &Board{
		own: newLedger(), shared: newLedger(), draft: draft{ledger: newLedger()},
		acknowledged: map[string]acknowledged{}, open: map[string]Event{}, changed: make(chan struct{}, 1),
	}
	b.take(rules)
	return b
}

func (b *Board) take(rules []Rule) {
	b.rules = nil
	for _, rule := range rules {
		b.rules = append(b.rules, rule.clone())
	}
}

// judgeOwn steps the rules that every replica judges for itself.
func (b *Board) judgeOwn(now time.Time, reading Reading) ([]Event, []Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looked = now
	if _, known := reading.Figures[unreachable]; !known && reading.Blind {
		return nil, nil
	}
	b.newest = reading
	events, notices := b.own.judge(b.frameOf(now, true, b.draftOrShared()), reading)
	b.tell(events, notices)
	return events, notices
}

// draftOrShared is what is known of the shared rules: as judged by the one
// that leads, as posted for all others.
func (b *Board) draftOrShared() ledger {
	if b.draft.leads {
		return b.draft.ledger
	}
	return b.shared
}

// frameOf is what the rules of one scope are judged within; other is what is
// known of the rules of the other scope.
func (b *Board) frameOf(now time.Time, own bool, other ledger) frame {
	return frame{
		now: now, rules: b.scope(own), silenced: func(rule string) bool { return b.people.silenced(now, rule) },
		elsewhere: func(name string) bool { return other.States[name].Stage.Active() },
	}
}

// scope is the rules that every replica judges for itself, or the others.
func (b *Board) scope(own bool) []Rule {
	return slices.DeleteFunc(slices.Clone(b.rules), func(r Rule) bool { return r.own() != own })
}

// ofThisReplica says whether the rule is one that every replica judges for
// itself.
func (b *Board) ofThisReplica(rule string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, known := b.rule(rule)
	return known && r.own()
}

// tell keeps what changed of own rules.
func (b *Board) tell(events []Event, notices []Notice) {
	b.history.add(events...)
	if len(events)+len(notices) > 0 {
		b.note()
	}
}

// note says that there is something to save.
func (b *Board) note() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// replace puts other rules in force. States are kept by name; the alert of a
// rule that is no more, or that watches another figure now, ends. What ends of
// the shared rules is for the one that leads to post.
func (b *Board) replace(now time.Time, rules []Rule) ([]Event, []Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	former := b.rules
	b.take(rules)
	own, shared := b.frameOf(now, true, b.draftOrShared()), b.frameOf(now, false, b.own)
	own.former, shared.former = former, former
	events, notices := b.own.withdraw(own), b.own.notices(own)
	b.tell(events, notices)
	if b.draft.leads {
		b.draft.events = append(b.draft.events, b.draft.withdraw(shared)...)
		b.draft.notices = append(b.draft.notices, b.draft.ledger.notices(shared)...)
	}
	return events, notices
}

func (b *Board) rule(name string) (Rule, bool) {
	at := slices.IndexFunc(b.rules, func(r Rule) bool { return r.Name == name })
	if at < 0 {
		return Rule{}, false
	}
	return b.rules[at], true
}

// state is what is known of a rule.
func (b *Board) state(rule Rule) State {
	of := b.shared
	if rule.own() {
		of = b.own
	}
	if state := of.States[rule.Name]; rule.judges(state) {
		return state
	}
	return State{}
}

// inhibitor names the alert that explains whatever the rule sees.
func (b *Board) inhibitor(rule Rule) string {
	for _, name := range rule.InhibitedBy {
		if by, known := b.rule(name); known && b.state(by).Stage.Active() {
			return name
		}
	}
	return ""
}
