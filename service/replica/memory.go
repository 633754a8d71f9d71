package replica

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"
)

// memory is the store of a replica that is Alone.
type memory struct {
	name string
	out  *outbox
	// before is the number before the first of a channel of which nothing was
	// heard. It is another one for each process, so that nobody takes the
	// numbers of one that is gone for those of this one.
	before uint64
	// changing makes changes of documents follow each other.
	changing sync.Mutex

	mu        sync.Mutex
	channels  map[string]*channel
	documents map[string]document
	body      json.RawMessage
	reported  time.Time
}

type document struct {
	body    json.RawMessage
	changed time.Time
}

type channel struct {
	seq      uint64
	messages []Message
}

func newMemory(name string, out *outbox) *memory {
	return &memory{name: name, out: out, before: uint64(time.Now().UnixMilli()), channels: map[string]*channel{}, documents: map[string]document{}}
}

// goOn makes the numbers go on after those that were heard.
func (s *memory) goOn(heard map[string]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, seq := range heard {
		c := s.channel(name)
		c.seq = max(c.seq, seq)
	}
}

// reached raises the numbers to those that were given here.
func (s *memory) reached(highest map[string]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, c := range s.channels {
		highest[name] = max(highest[name], c.seq)
	}
}

func (s *memory) channel(name string) *channel {
	c := s.channels[name]
	if c == nil {
		c = &channel{}
		s.channels[name] = c
	}
	return c
}

func (s *memory) post(_ context.Context, p Posting) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var told []item
	for name, body := range p.Documents {
		s.documents[name] = document{bytes.Clone(body), time.Now()}
		told = append(told, item{document: name})
	}
	at := instant(time.Now())
	for _, d := range p.Messages {
		c := s.channel(d.Channel)
		if c.seq == 0 {
			c.seq = s.before
		}
		c.seq++
		message := Message{Channel: d.Channel, Seq: c.seq, At: at, Data: bytes.Clone(d.Data)}
		if c.messages = append(c.messages, message); len(c.messages) >= 2*kept(d.Channel) {
			c.messages = append([]Message(nil), c.messages[len(c.messages)-kept(d.Channel):]...)
		}
		told = append(told, item{message: message})
	}
	s.out.add(told...) // under the mutex, which keeps them in their order
	return nil
}

func (s *memory) load(_ context.Context, name string) (json.RawMessage, time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.documents[name]
	return bytes.Clone(d.body), time.Since(d.changed), nil
}

func (s *memory) change(
	ctx context.Context, name string, change func(old json.RawMessage) (json.RawMessage, error),
) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	old, _, err := s.load(ctx, name)
	if err != nil {
		return err
	}
	body, err := change(old)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if body == nil {
		delete(s.documents, name)
	} else {
		s.documents[name] = document{bytes.Clone(body), time.Now()}
	}
	s.out.add(item{document: name})
	return nil
}

func (s *memory) past(_ context.Context, channel string, n int) ([]Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[channel]
	if c == nil || n <= 0 {
		return nil, nil
	}
	return append([]Message(nil), c.messages[max(0, len(c.messages)-min(n, kept(channel))):]...), nil
}

func (s *memory) report(_ context.Context, body json.RawMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body, s.reported = bytes.Clone(body), time.Now()
	return nil
}

func (s *memory) peers(context.Context) ([]Peer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := time.Since(s.reported)
	if s.body == nil || age > peerTime {
		return nil, nil
	}
	return []Peer{{s.name, age, s.body}}, nil
}
