package stream

import (
	"bytes"
	"encoding/json"
	"time"
)

// What is kept of each numbered channel for clients that come back.
const (
	// KeptAlerts, KeptPerformance and KeptPartitions bound the messages of
	// performance_alert, database_performance and partition_status.
	KeptAlerts      = 1000
	KeptPerformance = 300
	KeptPartitions  = 100
	// keptBytes bounds the messages of any one channel too.
	keptBytes = 1 << 20
)

// Message is one that somebody else has numbered.
type Message struct {
	Channel string
	// Seq is the number of the message within its channel, from 1.
	Seq uint64
	// At is when it was told.
	At time.Time
	// Data is a JSON object.
	Data json.RawMessage
}

// past is the last messages of a numbered channel.
type past struct {
	most   int
	kept   []*frame // their numbers rise
	bytes  int
	latest uint64
	// begun is set when it is known what had been told before this process
	// heard its first message.
	begun bool
}

func newPasts() map[string]*past {
	return map[string]*past{
		DatabasePerformance: {most: KeptPerformance},
		PerformanceAlert:    {most: KeptAlerts},
		PartitionStatus:     {most: KeptPartitions},
	}
}

// has says whether this very message was heard before.
func (p *past) has(f *frame) bool {
	for i := len(p.kept) - 1; i >= 0 && p.kept[i].seq >= f.seq; i-- {
		if p.kept[i].seq == f.seq {
			return bytes.Equal(p.kept[i].body, f.body)
		}
	}
	return false
}

// add keeps a message. One whose number is not above the latest begins the
// numbering anew, and nothing older can be resumed from.
func (p *past) add(f *frame) {
	if f.seq <= p.latest {
		p.kept, p.bytes, p.begun = nil, 0, false
	}
	p.latest = f.seq
	p.kept = append(p.kept, f)
	p.bytes += len(f.body)
	p.trim()
}

func (p *past) trim() {
	for len(p.kept) > p.most || len(p.kept) > 1 && p.bytes > keptBytes {
		p.bytes -= len(p.kept[0].body)
		p.kept[0] = nil
		p.kept = p.kept[1:]
	}
}

// since is what came after that number, at most so many, and whether it is
// all that came.
func (p *past) since(seq uint64, room int) (missed []*frame, complete bool) {
	first := len(p.kept)
	for first > 0 && p.kept[first-1].seq > seq && len(p.kept)-first < room {
		first--
	}
	missed = p.kept[first:]
	if p.latest == 0 {
		return nil, p.begun
	}
	return missed, uint64(len(missed)) == p.latest-seq
}

// Relay sends a message that somebody else has numbered to every client of the
// channel: with equal arguments, every process sends the same bytes. Messages
// of a channel are to come in the order of their numbers; one that was heard
// before is dropped. Without a number (0) the message is of this process alone:
// it has no seq and is not kept for clients that come back. What no channel
// carries, and data without a JSON form, are logged and dropped: they are
// mistakes of the program.
func (m *Manager) Relay(channel string, seq uint64, at time.Time, data json.RawMessage) {
	if seq != 0 && !numbered(channel) {
		m.config.Log.Error("message not relayed", "channel", channel, "seq", seq, "error", "the channel has no numbers")
		return
	}
	f, err := news(channel, seq, at, data)
	if err != nil {
		m.config.Log.Error("message not relayed", "channel", channel, "seq", seq, "error", err)
		return
	}
	m.order.Lock()
	defer m.order.Unlock()
	m.tell(channel, f)
}

// tell must be called with the order held.
func (m *Manager) tell(channel string, f *frame) {
	if f.seq != 0 {
		p := m.pasts[channel]
		if f.seq <= p.latest && p.has(f) {
			return
		}
		p.add(f)
	}
	m.send([]*frame{f})
}

// Remember fills in what was told on a numbered channel before this process
// began, the oldest first, so that clients can resume from there; nobody is
// sent it. What is empty says that nothing was told.
func (m *Manager) Remember(channel string, messages []Message) {
	if !numbered(channel) {
		m.config.Log.Error("messages not remembered", "channel", channel, "error", "the channel has no numbers")
		return
	}
	m.order.Lock()
	defer m.order.Unlock()
	heard := m.pasts[channel]
	before := &past{most: heard.most, begun: true}
	for _, message := range messages {
		if len(heard.kept) > 0 && message.Seq >= heard.kept[0].seq {
			break
		}
		f, err := news(channel, message.Seq, message.At, message.Data)
		if err != nil {
			m.config.Log.Error("message not remembered", "channel", channel, "seq", message.Seq, "error", err)
			continue
		}
		before.add(f)
	}
	for _, f := range heard.kept {
		before.add(f)
	}
	m.pasts[channel] = before
}
