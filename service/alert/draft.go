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

// draft is what this replica has judged, or would go on from: the posted states
// and, on top of them, what is not posted yet. A document that somebody else
// posted replaces it.
type draft struct {
	ledger

	// takenUp is set until the first judgement of what others had judged, since
	// is when that was; zero if there was nothing.
	takenUp bool
	since   time.Time
	// leads says that this replica judges in this term.
	leads bool
	term  uint64
	// base is the serial of the shared document that the draft goes on from;
	// empty is none. What is posted alone does not change it.
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

// settled is what became of the draft when the document was looked at.
type settled struct {
	// made is the posting in doubt, if it was made after all.
	made *posting
	// takenUp says that somebody else had posted, so that the draft is dropped.
	takenUp bool
	// events and notices say how what this replica told alone has ended: the
	// events to its own clients.
	events  []Event
	notices []Notice
}

// settle learns what holds at the beginning of a term, or after a posting that
// may have been made or not. If somebody else has posted meanwhile, the
// document is taken up. If not, or if the document is lost, this replica knows
// the most and the draft goes on. Whoever begins a term posts at once.
func (b *Board) settle(now time.Time, term uint64, found document) settled {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := &b.draft
	if !d.leads || d.term != term {
		d.saved = time.Time{}
	}
	made := d.doubt
	d.leads, d.term, d.doubt = true, term, nil
	switch {
	case made != nil && found.Serial == made.Serial:
		b.stand(now, made)
		return settled{made: made}
	case found.Serial == d.base || found.Serial == "":
		b.goOn(now)
		return settled{}
	}
	return b.takeUp(now, found)
}

// holds makes a posting that was made what holds.
func (b *Board) holds(now time.Time, p *posting) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.draft.doubt = nil
	b.stand(now, p)
}

func (b *Board) stand(now time.Time, p *posting) {
	d := &b.draft
	b.shared = p.clone()
	d.saved, d.waiting = now, keysOf(p.Undelivered)
	if b.parted == nil {
		d.base = p.Serial
	}
	d.events = slices.Delete(d.events, 0, len(p.events))
	d.notices = slices.Delete(d.notices, 0, len(p.notices))
	b.note()
}

// follow takes up what another replica posted. What this one drafted while it
// led is kept until it is known that somebody went on from elsewhere; so is
// what it knows while the document is lost.
func (b *Board) follow(now time.Time, found document) settled {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := &b.draft
	d.leads = false
	switch {
	case found.Serial == "":
		return settled{}
	case b.parted == nil && (found.Serial == d.base || d.doubt != nil && found.Serial == d.doubt.Serial):
		b.shared = found.sound()
		return settled{}
	}
	return b.takeUp(now, found)
}

// takeUp replaces all that is known by what somebody else posted.
func (b *Board) takeUp(now time.Time, found document) settled {
	here, before := b.shared, b.parted
	b.shared, b.parted = found.sound(), nil
	d := &b.draft
	*d = draft{ledger: b.shared.clone(), leads: d.leads, term: d.term, base: found.Serial, saved: d.saved, takenUp: true}
	b.note()
	if before == nil {
		return settled{takenUp: true}
	}
	events, notices := b.reunite(now, here, *before)
	return settled{takenUp: true, events: events, notices: notices}
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
