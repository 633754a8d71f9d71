package alert

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// mostPending is how many events may wait to be posted; with that many nothing
// more is judged until they are.
const mostPending = 1000

// freshFor is how long after others judged a missing figure ends nothing.
const freshFor = 5 * time.Second

// draft is what the one that leads has judged: the posted states and, on top
// of them, what is not posted yet.
type draft struct {
	ledger

	// takenUp is set until the first judgement of what others had judged, since
	// is when that was; zero if there was nothing.
	takenUp bool
	since   time.Time
	// leads says that this replica judges in this term.
	leads bool
	term  uint64
	// base is the serial of the document that the draft goes on from; empty is
	// none.
	base string
	// events and notices are not posted yet.
	events  []Event
	notices []Notice
	// doubt is a posting of which it is not known whether it was made.
	doubt *posting
	// saved is when the document was last written, waiting what it said of
	// the webhooks.
	saved   time.Time
	waiting []string
}

// document is what the replicas share of the shared rules, as JSON.
type document struct {
	Version int `json:"version"`
	// Serial names the posting that wrote it.
	Serial string `json:"serial"`

	ledger

	// Undelivered is by the fingerprint of the webhook's address.
	Undelivered map[string][]Notice `json:"undelivered"`
}

// documentVersion is the form of the documents.
const documentVersion = 1

func readDocument(text json.RawMessage) (document, error) {
	var d document
	if len(text) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return document{}, fmt.Errorf("reading the states of the alerts: %w", err)
	}
	if d.Version != documentVersion {
		return document{}, fmt.Errorf("reading the states of the alerts: their version is %d, this program reads %d", d.Version, documentVersion)
	}
	return d, nil
}

// posting is one attempt to make the draft what holds.
type posting struct {
	document

	events  []Event
	notices []Notice
}

// judgeShared steps the rules that one judges for all, if this replica leads
// in the term. It says whether there is something to post.
func (b *Board) judgeShared(now time.Time, reading Reading, term uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.draft.leads || b.draft.term != term || len(b.draft.events) >= mostPending {
		return false
	}
	f := b.frameOf(now, false, b.own)
	if b.draft.takenUp {
		b.draft.takenUp, b.draft.since = false, now
	}
	age := now.Sub(b.draft.since)
	f.fresh = age >= 0 && age < freshFor
	events, notices := b.draft.judge(f, reading)
	b.draft.events = append(b.draft.events, events...)
	b.draft.notices = append(b.draft.notices, notices...)
	return len(b.draft.events)+len(b.draft.notices) > 0
}

// drafted is the posting that is due at now, nil if there is none. Undelivered
// is what each webhook has not taken yet.
func (b *Board) drafted(now time.Time, undelivered map[string][]Notice) *posting {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := &b.draft
	since := now.Sub(d.saved)
	due := len(d.events)+len(d.notices) > 0 || since >= saveAlways || since >= saveMoving && d.moving() ||
		!slices.Equal(keysOf(undelivered), d.waiting)
	if !d.leads || !due {
		return nil
	}
	all := map[string][]Notice{}
	for hook, waiting := range undelivered {
		all[hook] = slices.Concat(waiting, d.notices)
	}
	p := &posting{
		document: document{documentVersion, rand.Text(), d.clone(), all},
		events:   slices.Clone(d.events), notices: slices.Clone(d.notices),
	}
	d.doubt = p
	return p
}

// settle learns what holds at the beginning of a term, or after a posting that
// may have been made or not. If somebody else has posted meanwhile, the draft
// is dropped and the document taken up. It returns the posting in doubt if it
// was made after all.
func (b *Board) settle(now time.Time, term uint64, found document) (made *posting, takenUp bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := &b.draft
	made, d.doubt = d.doubt, nil
	if d.term == 0 && len(d.States) > 0 {
		d.takenUp = true // from a file
	}
	d.leads, d.term, d.saved = true, term, now
	switch {
	case made != nil && found.Serial == made.Serial:
		b.stand(now, made)
		return made, false
	case found.Serial == d.base || found.Serial == "":
		return nil, false
	}
	*d = draft{ledger: found.sound(b.scope(false)), leads: true, term: term, base: found.Serial, saved: now, takenUp: true}
	b.shared = d.clone()
	return nil, true
}

// post makes a posting that was made what holds.
func (b *Board) post(now time.Time, p *posting) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.draft.doubt = nil
	b.stand(now, p)
}

func (b *Board) stand(now time.Time, p *posting) {
	d := &b.draft
	b.shared = p.clone()
	d.base, d.saved, d.waiting = p.Serial, now, keysOf(p.Undelivered)
	d.events = slices.Delete(d.events, 0, len(p.events))
	d.notices = slices.Delete(d.notices, 0, len(p.notices))
	b.note()
}

// follow takes up what another replica posted. What this one drafted while it
// led is kept until it is known whether somebody went on from there.
func (b *Board) follow(found document) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.draft.leads = false
	b.shared = found.sound(b.scope(false))
}

// resign is to be called when this replica does not lead any more.
func (b *Board) resign() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.draft.leads = false
}

// inDoubt says whether settle is needed before the next posting.
func (b *Board) inDoubt(term uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.draft.leads || b.draft.term != term || b.draft.doubt != nil
}

// hasten makes a posting due if time counts for any alert.
func (b *Board) hasten() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.draft.moving() {
		b.draft.saved = time.Time{}
	}
}

func keysOf(undelivered map[string][]Notice) []string {
	var keys []string
	for hook, notices := range undelivered {
		for _, n := range notices {
			keys = append(keys, hook+" "+n.Key)
		}
	}
	slices.Sort(keys)
	return keys
}
