package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// savedVersion is the form of what is saved.
const savedVersion = 1

// saved is all that shall survive a restart.
type saved struct {
	Version  int               `json:"version"`
	States   map[string]State  `json:"states"`
	Silences []Silence         `json:"silences"`
	History  []Event           `json:"history"`
	Told     map[string]Notice `json:"told"`
	// Undelivered is by the fingerprint of the webhook's address.
	Undelivered map[string][]Notice `json:"undelivered"`
}

// Save encodes what the board knows, together with what the webhooks have not
// yet taken.
func (b *Board) Save(undelivered map[string][]Notice) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text, err := json.Marshal(saved{savedVersion, b.states, b.silences, b.history, b.told, undelivered})
	if err != nil {
		return nil, fmt.Errorf("encoding the state of the alerts: %w", err)
	}
	return text, nil
}

// Restore takes up what Save wrote, and returns what was not delivered. States
// of rules that there are no more are dropped; what webhooks were told of them
// ends with the next Judge. If the text cannot be read, nothing is changed.
func (b *Board) Restore(text []byte) (undelivered map[string][]Notice, err error) {
	var s saved
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("reading the state of the alerts: %w", err)
	}
	if s.Version != savedVersion {
		return nil, fmt.Errorf("reading the state of the alerts: its version is %d, this program reads %d", s.Version, savedVersion)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, state := range s.States {
		rule, known := b.rule(name)
		if known && !rule.Disabled && state.of(rule) {
			b.states[name] = state
		}
	}
	b.silences, b.history = s.Silences, s.History
	if s.Told != nil {
		b.told = s.Told
	}
	return s.Undelivered, nil
}

// of says whether a state that was read makes sense for the rule.
func (s State) of(rule Rule) bool {
	sane := func(w Stopwatch) bool { return w.Elapsed >= 0 && w.Elapsed <= 2*maxDuration }
	return s.Of == rule.of() &&
		slices.Contains([]Stage{Pending, Firing, Recovering, OK, NoData, Failed}, s.Stage) &&
		slices.Contains([]Severity{None, Warning, Critical}, s.Severity) &&
		s.Stage.Active() == (s.ID != "") && s.Stage.Active() == (s.Severity != None) &&
		sane(s.Missing) && sane(s.Warning.Beyond) && sane(s.Warning.Well) && sane(s.Critical.Beyond) && sane(s.Critical.Well)
}

// moving says whether any alert is on its way from one stage to the next, so
// that time counts.
func (b *Board) moving() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.states {
		if s.Warning.moving() || s.Critical.moving() || s.active() && s.Missing.Running {
			return true
		}
	}
	return false
}

func (l Level) moving() bool { return l.Active && l.Clearing || !l.Active && l.Beyond.Running }

// replaceFile writes a file whole or not at all.
func replaceFile(path string, text []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// How often the state is written: soon after something changed, now and then
// while time counts, and rarely otherwise.
const (
	saveMoving = 5 * time.Second
	saveAlways = 5 * time.Minute
)
