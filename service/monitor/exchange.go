package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/signoff-dev/signoff/service/replica"
)

// Heard tells the service of a message that all replicas hear. It does not
// block.
func (s *Service) Heard(m replica.Message) {
	if m.Channel != Channel && m.Channel != PartitionChannel {
		return
	}
	select {
	case s.news <- struct{}{}:
	default: // one is waiting, and the document will be the newest
	}
}

// exchange reports how this process is, and takes what the leader saw or what
// the others reported.
func (s *Service) exchange(ctx context.Context) error {
	tick := time.NewTicker(s.config.Every)
	defer tick.Stop()
	var problem string
	note := func(err error) {
		switch {
		case err == nil && problem != "":
			s.config.Log.Info("the other replicas are heard again")
			problem = ""
		case err != nil && problem == "" && ctx.Err() == nil:
			problem = err.Error()
			s.config.Log.Warn("the other replicas are not heard", "error", err)
		}
	}
	var taken time.Time
	for {
		switch role := s.config.role(); {
		case role == leading:
			note(s.gather(ctx))
		case role == following && time.Since(taken) >= 2*s.config.Every:
			taken = time.Now()
			note(s.take(ctx))
			fallthrough
		case role == following:
			note(s.report(ctx))
		}
		for waiting := true; waiting; {
			select {
			case <-tick.C:
				waiting = false
			case <-s.news:
				if s.config.role() == following {
					taken = time.Now()
					note(s.take(ctx))
				}
			case <-ctx.Done():
				return nil
			}
		}
	}
}

func (s *Service) report(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	if err := s.config.Replicas.Report(within, encode(s.locals.last.Load())); err != nil {
		return fmt.Errorf("reporting to the other replicas: %w", err)
	}
	return nil
}

// gather reports, and asks how the others are.
func (s *Service) gather(ctx context.Context) error {
	if err := s.report(ctx); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	told, err := s.config.Replicas.Peers(within)
	if err != nil {
		return fmt.Errorf("reading what the other replicas reported: %w", err)
	}
	var peers []Instance
	for _, peer := range told {
		var local Local
		if peer.Name == s.config.Name || json.Unmarshal(peer.Body, &local) != nil {
			continue
		}
		peers = append(peers, instance(peer.Name, local, peer.Age, false))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers = peers
	return nil
}

// sharedSnapshot is the document that followers serve. The minutes let one of
// them go on with the baseline.
type sharedSnapshot struct {
	Snapshot

	Minutes []sharedMinute `json:"insert_minutes"`
}

type sharedMinute struct {
	Number int64   `json:"minute"`
	Rate   float64 `json:"rows_per_second"`
}

func (s *Service) document(snapshot Snapshot) json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	shared := sharedSnapshot{Snapshot: snapshot}
	for _, m := range s.usual {
		shared.Minutes = append(shared.Minutes, sharedMinute{m.number, m.rate})
	}
	return encode(shared)
}

// sharedPartitions is what another replica saw of the partitions.
type sharedPartitions struct {
	status PartitionStatus
	taken  time.Time // by the clock of this machine
}

// take takes what the leader saw. How old that is, the database says: the
// clocks of two machines differ.
func (s *Service) take(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	text, age, err := s.config.Replicas.LoadAged(within, snapshotDocument)
	now := time.Now()
	if err != nil {
		return fmt.Errorf("loading what another replica saw: %w", err)
	}
	var shared sharedSnapshot
	if text == nil {
		return nil // nobody has looked yet
	}
	if err := json.Unmarshal(text, &shared); err != nil {
		return fmt.Errorf("reading what another replica saw: %w", err)
	}
	seen := shared.Snapshot
	seen.taken = takenAt(now, age, seen.AgeMS)
	s.adopt(seen, shared.Minutes)
	return s.takePartitions(within)
}

// takenAt is when something was seen by the clock of this machine, if it was
// that old when it was written, and was written an age ago.
func takenAt(now time.Time, age time.Duration, ageMS int64) time.Time {
	return now.Add(-age - time.Duration(ageMS)*time.Millisecond)
}

func (s *Service) adopt(seen Snapshot, usual []sharedMinute) {
	for i, stale := range seen.Stale {
		if stale.AgeMS != nil {
			seen.Stale[i].since = seen.taken.Add(-time.Duration(*stale.AgeMS-seen.AgeMS) * time.Millisecond)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.config.role() != following {
		return
	}
	s.base, s.mine, s.peers, s.usual = &sight{snapshot: seen}, false, nil, nil
	ahead := seen.taken.Unix()/60 - seen.CheckedAt.Unix()/60 // the minutes are those of the leader's clock
	for _, m := range usual {
		s.usual = append(s.usual, minute{m.Number + ahead, m.Rate})
	}
	if s.latest.Swap(&seen) == nil {
		close(s.looked)
	}
}

// takePartitions loads the partitions, which change less often, not each time.
func (s *Service) takePartitions(ctx context.Context) error {
	if old := s.shared.Load(); old != nil && time.Since(old.taken) < asideEvery {
		return nil
	}
	text, age, err := s.config.Replicas.LoadAged(ctx, partitionsDocument)
	now := time.Now()
	if err != nil {
		return fmt.Errorf("loading what another replica saw of the partitions: %w", err)
	}
	if text == nil {
		return nil
	}
	var heard PartitionStatus
	if err := json.Unmarshal(text, &heard); err != nil {
		return fmt.Errorf("reading what another replica saw of the partitions: %w", err)
	}
	taken := takenAt(now, age, heard.AgeMS)
	heard.total() // without what its age had added
	s.shared.Store(&sharedPartitions{heard, taken})
	return nil
}
