package alert

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what people may say.
const (
	maxSilences = 1000
	maxSilence  = 30 * 24 * time.Hour
	maxAuthor   = 100
	maxWords    = 1000
)

// Errors that a caller tells apart.
var (
	// ErrNoRule: there is no rule of that name.
	ErrNoRule = errors.New("there is no rule of this name; GET /api/alerts/rules lists them")
	// ErrNotActive: the rule has no alert at the moment.
	ErrNotActive = errors.New("the rule has no alert that fires")
	// ErrNoSilence: there is no silence of that id, or it has expired.
	ErrNoSilence = errors.New("there is no silence of this id, or it has expired")
	// ErrUnavailable: what was said could not be written where all replicas
	// read it.
	ErrUnavailable = errors.New("the replicas' database does not answer")
)

// Invalid says which field is wrong and why.
type Invalid struct{ Field, Problem string }

func (i *Invalid) Error() string { return i.Field + ": " + i.Problem }

// Silence keeps webhooks from being told of a rule's alert. The stream, the
// log and the history are told all the same, with a remark.
type Silence struct {
	ID        string    `json:"id"`
	Rule      string    `json:"rule"`
	Author    string    `json:"author"`
	Reason    string    `json:"reason"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// people is what people said of alerts. It is one document for all replicas.
type people struct {
	Version  int       `json:"version"`
	Silences []Silence `json:"silences"`
	// Acknowledged is by the name of the rule.
	Acknowledged map[string]acknowledged `json:"acknowledged"`
}

// acknowledged is an acknowledgement with what it is of.
type acknowledged struct {
	Acknowledgement

	Alert       string `json:"alert"`
	Escalations int    `json:"escalations"`
}

func readPeople(text json.RawMessage) (people, error) {
	var p people
	if err := json.Unmarshal(text, &p); err != nil {
		return people{}, fmt.Errorf("reading silences and acknowledgements: %w", err)
	}
	if p.Version != documentVersion {
		return people{}, fmt.Errorf("reading silences and acknowledgements: their version is %d, this program reads %d", p.Version, documentVersion)
	}
	return p, nil
}

func (p people) empty() bool { return len(p.Silences)+len(p.Acknowledged) == 0 }

// clone shares nothing that is ever changed.
func (p people) clone() people {
	return people{documentVersion, slices.Clone(p.Silences), maps.Clone(p.Acknowledged)}
}

func (p *people) acknowledge(rule string, a acknowledged) {
	if p.Acknowledged == nil {
		p.Acknowledged = map[string]acknowledged{}
	}
	p.Acknowledged[rule] = a
}

func (p *people) silence(now time.Time, s Silence) error {
	if slices.ContainsFunc(p.Silences, func(known Silence) bool { return known.ID == s.ID }) {
		return nil // said again
	}
	p.endSilences(now)
	if len(p.Silences) >= maxSilences {
		return &Invalid{"rule", fmt.Sprintf("there are %d silences already; end some", maxSilences)}
	}
	p.Silences = append(p.Silences, s)
	return nil
}

func (p *people) endSilence(now time.Time, id string) error {
	p.endSilences(now)
	at := slices.IndexFunc(p.Silences, func(s Silence) bool { return s.ID == id })
	if at < 0 {
		return ErrNoSilence
	}
	p.Silences = slices.Delete(p.Silences, at, at+1)
	return nil
}

func (p *people) endSilences(now time.Time) {
	p.Silences = slices.DeleteFunc(p.Silences, func(s Silence) bool { return !now.Before(s.ExpiresAt) })
}

// silenced judges by the time and deletes nothing, for a clock may jump.
func (p *people) silenced(now time.Time, rule string) bool {
	return slices.ContainsFunc(p.Silences, func(s Silence) bool { return s.Rule == rule && now.Before(s.ExpiresAt) })
}

// acknowledgeable returns the acknowledgement of the rule's alert, and whether
// the alert is of this replica alone.
func (b *Board) acknowledgeable(now time.Time, rule, author, comment string) (a acknowledged, own bool, err error) {
	author, comment = strings.TrimSpace(author), strings.TrimSpace(comment)
	if err := errors.Join(words("author", author, maxAuthor, true), words("comment", comment, maxWords, false)); err != nil {
		return a, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r, known := b.rule(rule)
	if !known {
		return a, false, ErrNoRule
	}
	state := b.state(r)
	if state.Stage != Firing && state.Stage != Recovering {
		return a, false, ErrNotActive
	}
	return acknowledged{Acknowledgement{author, comment, now.UTC()}, state.ID, state.Escalations}, r.own(), nil
}

// silenceable checks a silence and gives it its id and creation.
func (b *Board) silenceable(now time.Time, s Silence) (Silence, error) {
	s.Author, s.Reason = strings.TrimSpace(s.Author), strings.TrimSpace(s.Reason)
	err := errors.Join(words("author", s.Author, maxAuthor, true), words("reason", s.Reason, maxWords, true))
	switch {
	case !s.ExpiresAt.After(now):
		err = errors.Join(err, &Invalid{"expires_at", "must be in the future"})
	case s.ExpiresAt.Sub(now) > maxSilence:
		err = errors.Join(err, &Invalid{"expires_at", "must be within 30 days; a rule can be disabled in the rules file"})
	}
	if err != nil {
		return Silence{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.rule(s.Rule); !known {
		return Silence{}, ErrNoRule
	}
	s.ID, s.CreatedAt, s.ExpiresAt = rand.Text()[:12], now.UTC(), s.ExpiresAt.UTC()
	return s, nil
}

// acknowledgeOwn notes who looks after an alert of this replica alone.
func (b *Board) acknowledgeOwn(rule string, a acknowledged) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acknowledged[rule] = a
	b.note()
}

// heed takes up what people said.
func (b *Board) heed(said people) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.people = said.clone()
	b.note()
}

// said is what people said.
func (b *Board) said() people {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.people.clone()
}

// acknowledgement is by whom the rule's alert as it is now was acknowledged:
// none of an earlier alert, and none from before it became critical.
func (b *Board) acknowledgement(rule Rule) *Acknowledgement {
	by := b.people.Acknowledged
	if rule.own() {
		by = b.acknowledged
	}
	a, state := by[rule.Name], b.state(rule)
	if state.ID == "" || a.Alert != state.ID || a.Escalations != state.Escalations {
		return nil
	}
	return &a.Acknowledgement
}

// Alert is the active alert of a rule.
func (b *Board) Alert(rule string) (Alert, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, known := b.rule(rule)
	if !known || !b.state(r).Stage.Active() {
		return Alert{}, false
	}
	return b.alert(r), true
}

// Silences lists those that have not expired, oldest first.
func (b *Board) Silences(now time.Time) []Silence {
	b.mu.Lock()
	defer b.mu.Unlock()
	said := b.people.clone()
	said.endSilences(now)
	return append([]Silence{}, said.Silences...)
}

// words checks what a person wrote.
func words(field, text string, most int, needed bool) error {
	switch {
	case needed && text == "":
		return &Invalid{field, "is needed"}
	case len(text) > most:
		return &Invalid{field, fmt.Sprintf("must have at most %d bytes", most)}
	case field == "author" && strings.ContainsAny(text, "\n\t\u2028\u2029"):
		return &Invalid{field, "must be one line without tabs"}
	case !utf8.ValidString(text) || strings.ContainsFunc(text, controls):
		return &Invalid{field, "must be text without control characters"}
	}
	return nil
}

// controls says whether a character changes how what is around it reads: it
// controls a terminal, or the direction of the text.
func controls(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
}
