package monitor

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/signoff-dev/signoff/service/replica"
)

// look looks at the database as long as this process leads: at everything once
// each Every, at the quick parts in between.
func (s *Service) look(ctx context.Context) error {
	var l *look
	var whole, quick time.Time
	var told tellings
	slack := s.config.Every / 8
	return s.each(ctx, s.config.Every/4, func(now time.Time) {
		entire := now.Sub(whole) >= s.config.Every-slack
		switch role := s.config.role(); {
		case role == following:
			l, whole = nil, time.Time{} // what comes later is not what was counted here
			return
		case role == cut && entire:
			whole = now
			s.compose()
		case role == cut || !entire && now.Sub(quick) < s.config.Every/2-slack:
			return
		default:
			if l == nil {
				l = s.newLook()
			}
			quick = now
			if entire {
				whole = now
			}
			seen := l.take(ctx, entire)
			if ctx.Err() != nil {
				return
			}
			s.see(seen, l.inserts.minutes.past)
		}
		if entire && s.latest.Load() != nil {
			told = s.tell(ctx, told)
		}
	})
}

// newLook begins to look, with the baseline of the one that looked before.
func (s *Service) newLook() *look {
	l := newLook(s.config, s.aside)
	s.mu.Lock()
	defer s.mu.Unlock()
	l.inserts.minutes.past = slices.Clone(s.usual)
	return l
}

// see takes what this process saw itself.
func (s *Service) see(seen sight, usual []minute) {
	s.mu.Lock()
	s.base, s.mine, s.usual = &seen, true, slices.Clone(usual)
	s.mu.Unlock()
	s.compose()
}

// compose makes the snapshot anew out of what was seen last and what the
// processes know of themselves.
func (s *Service) compose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base == nil {
		return
	}
	snapshot, role := s.base.snapshot, s.config.role()
	switch {
	case role == cut:
		s.overlay(&snapshot, nil)
		snapshot.isolate()
		snapshot.judge(false, s.base.blocks)
	case s.mine:
		var peers []Instance
		if role == leading {
			peers = s.peers
		}
		s.overlay(&snapshot, peers)
		snapshot.Partitions, snapshot.Stale = s.aside.since(snapshot.Stale)
		snapshot.judge(s.base.reachable, s.base.blocks)
	}
	if s.latest.Swap(&snapshot) == nil {
		close(s.looked)
	}
}

// overlay puts in what this process and its peers know of themselves.
func (s *Service) overlay(snapshot *Snapshot, peers []Instance) {
	own := *s.locals.last.Load()
	snapshot.Replicas = append([]Instance{instance(s.config.Name, own, 0, s.config.role() == leading)}, peers...)
	all := make([]Local, 0, len(snapshot.Replicas))
	for _, one := range snapshot.Replicas {
		if one.AgeMS <= recent.Milliseconds() {
			all = append(all, one.local)
		}
	}
	slices.SortFunc(snapshot.Replicas, func(a, b Instance) int { return cmp.Compare(a.Name, b.Name) })
	merged := merge(all)
	snapshot.Pool, snapshot.Queries, snapshot.Inserts.Stored = merged.Pool, merged.Queries, merged.Stored
	snapshot.Inserts.Baseline.RowsPerWritingSecond = merged.WritingBaseline
	snapshot.Inserts.Baseline.WritingShare = merged.writingShare()
}

// isolate makes every part stale: the database does not answer. The moment is
// now, for that is known now.
func (s *Snapshot) isolate() {
	since := s.taken
	if since.IsZero() {
		since = s.CheckedAt
	}
	stale := []Stale{}
	for _, p := range newLook(Config{}, nil).parts {
		part := Stale{Part: p.name, since: since}
		if at := slices.IndexFunc(s.Stale, func(old Stale) bool { return old.Part == p.name }); at >= 0 {
			part = s.Stale[at]
		}
		stale = append(stale, part)
	}
	s.Stale = stale
	s.CheckedAt, s.taken = time.Now().UTC().Truncate(time.Microsecond), time.Time{}
}

// tellings remembers what was told of the partitions.
type tellings struct {
	last *PartitionStatus
	at   time.Time
	kept time.Time // CheckedAt of the document
}

// partitionsEvery is how long nothing is told of partitions that do not change.
const partitionsEvery = time.Minute

// tell publishes the last snapshot, and the partitions if they changed.
func (s *Service) tell(ctx context.Context, told tellings) tellings {
	snapshot := s.Snapshot()
	messages := []message{{Channel, snapshot.Brief()}}
	partitions := s.PartitionStatus()
	known := !slices.Contains(partitions.Reasons, NotCollected)
	after := told
	if known && (told.last == nil || !partitions.same(*told.last) || time.Since(told.at) >= partitionsEvery-s.config.Every/2) {
		messages = append(messages, message{PartitionChannel, partitions.brief()})
		after.last, after.at = &partitions, time.Now()
	}
	if s.config.Replicas == nil {
		for _, m := range messages {
			if s.config.Publish != nil {
				s.config.Publish.Broadcast(m.channel, m.data)
			}
		}
		return after
	}
	documents := map[string]json.RawMessage{snapshotDocument: s.document(snapshot)}
	if known && !partitions.CheckedAt.Equal(told.kept) {
		documents[partitionsDocument] = encode(partitions)
		after.kept = partitions.CheckedAt
	}
	if !s.post(ctx, messages, documents) {
		return told
	}
	return after
}

type message struct {
	channel string
	data    any
}

// post tells everybody, or only those who listen here if the database does not
// take it. If another replica leads, it tells them.
func (s *Service) post(ctx context.Context, messages []message, documents map[string]json.RawMessage) bool {
	drafts := make([]replica.Draft, len(messages))
	for i, m := range messages {
		drafts[i] = replica.Draft{Channel: m.channel, Data: encode(m.data)}
	}
	if s.config.role() == leading {
		within, cancel := context.WithTimeout(ctx, exchangeTime)
		defer cancel()
		if s.config.Replicas.Post(within, replica.Posting{Messages: drafts, Documents: documents}) == nil {
			return true
		}
		if ctx.Err() != nil || s.config.role() == following {
			return false
		}
	}
	for _, d := range drafts {
		s.config.Replicas.Tell(d)
	}
	return true
}

// encode makes JSON of our own types, which always have one.
func encode(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}
