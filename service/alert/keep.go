package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// savedVersion is the form of what is saved.
const savedVersion = 2

// saved is all that shall survive a restart of this replica.
type saved struct {
	Version int    `json:"version"`
	Own     ledger `json:"own"`
	// Acknowledged is of own alerts.
	Acknowledged map[string]acknowledged `json:"acknowledged"`
	// Shared and People are nil where the replicas share them.
	Shared  *ledger `json:"shared"`
	People  *people `json:"people"`
	History []Event `json:"history"`
	// Undelivered is by the fingerprint of the webhook's address.
	Undelivered map[string][]Notice `json:"undelivered"`
}

// Save encodes what the board knows, together with what the webhooks have not
// yet taken; everything, or only what is of this replica.
func (b *Board) Save(everything bool, undelivered map[string][]Notice) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := saved{
		Version: savedVersion, Own: b.own, Acknowledged: b.acknowledged, History: b.history.events, Undelivered: undelivered,
	}
	if everything {
		shared, said := b.shared, b.people.clone()
		if b.draft.leads && len(b.draft.events)+len(b.draft.notices) == 0 {
			shared = b.draft.ledger // with the time that counts; but what is not told is not saved as told
		}
		s.Shared, s.People = &shared, &said
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encoding the state of the alerts: %w", err)
	}
	return text, nil
}

// Restore takes up what Save wrote, and returns what was not delivered. Alerts
// of rules that there are no more end with the next look. If the text cannot be read, nothing is changed.
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
	b.own = s.Own.sound()
	if s.Acknowledged != nil {
		b.acknowledged = s.Acknowledged
	}
	if s.Shared != nil {
		b.shared = s.Shared.sound()
		b.draft.ledger, b.draft.takenUp = b.shared.clone(), len(b.shared.States) > 0
		b.parted = new(newLedger()) // what is saved was told by this replica alone
	}
	if s.People != nil {
		b.people = s.People.clone()
	}
	b.history.add(s.History...)
	return s.Undelivered, nil
}

// sane says whether a state that was read makes sense.
func (s State) sane() bool {
	sane := func(w Stopwatch) bool { return w.Elapsed >= 0 && w.Elapsed <= 2*maxDuration }
	return slices.Contains([]Stage{Pending, Firing, Recovering, OK, NoData, Failed}, s.Stage) &&
		slices.Contains([]Severity{None, Warning, Critical}, s.Severity) &&
		s.Stage.Active() == (s.ID != "") && s.Stage.Active() == (s.Severity != None) &&
		sane(s.Missing) && sane(s.Warning.Beyond) && sane(s.Warning.Well) && sane(s.Critical.Beyond) && sane(s.Critical.Well)
}

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

// restore takes up the state file.
func (s *Service) restore() {
	if s.config.State == "" {
		return
	}
	text, err := os.ReadFile(s.config.State)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var undelivered map[string][]Notice
	if err == nil {
		undelivered, err = s.Restore(text)
	}
	if err != nil {
		s.config.Log.Error("state of the alerts is ignored, all rules begin anew", "file", s.config.State, "error", err)
		return
	}
	s.share.parted = s.parted != nil
	for i, hook := range s.config.Webhooks {
		for _, n := range undelivered[hook.key()] {
			if s.ofThisReplica(n.Rule) {
				s.ownHooks[i].Enqueue([]Notice{n})
			} else {
				hook.Enqueue([]Notice{n})
			}
		}
	}
}

// keep saves the state from time to time, apart from the judging, for a disk
// may be slow.
func (s *Service) keep(ctx context.Context) error {
	tick := time.NewTicker(saveMoving)
	defer tick.Stop()
	saved := time.Now()
	for {
		select {
		case <-s.changed:
		case <-tick.C:
			if !s.moving() && time.Since(saved) < saveAlways {
				continue
			}
		case <-ctx.Done():
			return nil
		}
		s.save()
		saved = time.Now()
	}
}

// moving says whether time counts for any alert.
func (b *Board) moving() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.own.moving() || b.draftOrShared().moving()
}

func (s *Service) save() {
	if s.config.State == "" {
		return
	}
	everything := !s.share.shares.Load()
	undelivered := waiting(s.ownHooks)
	if everything {
		for key, notices := range waiting(s.config.Webhooks) {
			undelivered[key] = append(undelivered[key], notices...)
		}
	}
	text, err := s.Save(everything, undelivered)
	if err == nil {
		err = replaceFile(s.config.State, text)
	}
	if err != nil {
		s.config.Log.Error("state of the alerts not saved", "file", s.config.State, "error", err)
	}
}

// waiting is what webhooks have not taken yet, by the keys of their addresses.
func waiting(hooks []*Webhook) map[string][]Notice {
	all := map[string][]Notice{}
	for _, hook := range hooks {
		all[hook.key()] = hook.Waiting()
	}
	return all
}
