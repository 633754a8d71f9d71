package alert

import (
	"crypto/rand"
	"errors"
	"fmt"
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

// Acknowledge notes that somebody looks after the alert of a rule. It holds
// until the alert ends or becomes critical.
func (b *Board) Acknowledge(now time.Time, rule, author, comment string) (Alert, error) {
	author, comment = strings.TrimSpace(author), strings.TrimSpace(comment)
	if err := errors.Join(words("author", author, maxAuthor, true), words("comment", comment, maxWords, false)); err != nil {
		return Alert{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r, known := b.rule(rule)
	state := b.states[rule]
	switch {
	case !known:
		return Alert{}, ErrNoRule
	case state.Stage != Firing && state.Stage != Recovering:
		return Alert{}, ErrNotActive
	}
	state.Acknowledged = &Acknowledgement{Author: author, Comment: comment, At: now.UTC()}
	b.states[rule] = state
	b.note()
	return b.alert(r), nil
}

// Silence adds a silence; its id and creation are given here.
func (b *Board) Silence(now time.Time, s Silence) (Silence, error) {
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
	b.endSilences(now)
	if len(b.silences) >= maxSilences {
		return Silence{}, &Invalid{"rule", fmt.Sprintf("there are %d silences already; end some", maxSilences)}
	}
	s.ID, s.CreatedAt, s.ExpiresAt = rand.Text()[:12], now.UTC(), s.ExpiresAt.UTC()
	b.silences = append(b.silences, s)
	b.note()
	return s, nil
}

// Silences lists those that have not expired, oldest first.
func (b *Board) Silences(now time.Time) []Silence {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endSilences(now)
	return append([]Silence{}, b.silences...)
}

// EndSilence ends a silence before it expires.
func (b *Board) EndSilence(now time.Time, id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endSilences(now)
	at := slices.IndexFunc(b.silences, func(s Silence) bool { return s.ID == id })
	if at < 0 {
		return ErrNoSilence
	}
	b.silences = slices.Delete(b.silences, at, at+1)
	b.note()
	return nil
}

func (b *Board) endSilences(now time.Time) {
	b.silences = slices.DeleteFunc(b.silences, func(s Silence) bool { return !now.Before(s.ExpiresAt) })
}

func (b *Board) silenced(rule string) bool {
	return slices.ContainsFunc(b.silences, func(s Silence) bool { return s.Rule == rule })
}

// words checks what a person wrote.
func words(field, text string, most int, needed bool) error {
	switch {
	case needed && text == "":
		return &Invalid{field, "is needed"}
	case len(text) > most:
		return &Invalid{field, fmt.Sprintf("must have at most %d bytes", most)}
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return &Invalid{field, "must be text without control characters"}
	}
	return nil
}
