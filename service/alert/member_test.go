package alert_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/replica"
)

// errGone is what a database that does not answer comes to.
var errGone = errors.New("the line is cut")

// meeting is where members meet: it keeps what they post.
type meeting struct {
	mu        sync.Mutex
	messages  []replica.Message
	documents map[string]json.RawMessage
	members   []*member
	leader    *member
	term      uint64
	// fail says what becomes of the next posting: whether it is made, and what
	// is said of it.
	fail func() (made bool, err error)
	// wait delays a posting.
	wait func(context.Context)
}

func newMeeting() *meeting { return &meeting{documents: map[string]json.RawMessage{}, term: 1} }

// member is one of a meeting.
type member struct {
	*meeting

	service *alert.Service
	state   replica.State // "" follows from who leads
	silence time.Duration
	told    []replica.Message
	// ears is all that was heard here.
	ears []replica.Message
	// alone is where it posts while it is Alone, turns how often that began or
	// ended.
	alone *meeting
	turns uint64
}

// place is where the member posts and loads at the moment.
func (m *member) place() *meeting {
	if m.State() == replica.Alone {
		return m.alone
	}
	return m.meeting
}

// join makes a member; the first one leads.
func (m *meeting) join() *member {
	m.mu.Lock()
	defer m.mu.Unlock()
	one := &member{meeting: m, alone: newMeeting()}
	one.alone.members = []*member{one}
	m.members = append(m.members, one)
	if m.leader == nil {
		m.leader = one
	}
	return one
}

// elect lets another one lead.
func (m *meeting) elect(one *member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leader = one
	m.term++
}

// events are those that were posted.
func (m *meeting) events() (events []alert.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, message := range m.messages {
		var e alert.Event
		if err := json.Unmarshal(message.Data, &e); err != nil {
			panic(err)
		}
		events = append(events, e)
	}
	return events
}

func (m *meeting) document(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return string(m.documents[name])
}

// become puts the member into a state, whoever leads.
func (m *member) become(state replica.State, silence time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if (m.state == replica.Alone) != (state == replica.Alone) {
		m.turns++
	}
	m.state, m.silence = state, silence
}

// State implements alert.Member.
func (m *member) State() replica.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.state != "":
		return m.state
	case m.leader == m:
		return replica.Collecting
	}
	return replica.Following
}

// Leads implements alert.Member.
func (m *member) Leads() bool {
	state := m.State()
	return state == replica.Alone || state == replica.Collecting
}

// Term implements alert.Member.
func (m *member) Term() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.term + m.turns
}

// Silence implements alert.Member.
func (m *member) Silence() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.silence
}

// Post implements alert.Member.
func (m *member) Post(ctx context.Context, p replica.Posting) error {
	if m.wait != nil {
		m.wait(ctx)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !m.Leads() {
		return replica.ErrNotLeading
	}
	made, err := true, error(nil)
	if m.fail != nil && m.State() != replica.Alone {
		made, err = m.fail()
	}
	if made {
		m.write(p)
	}
	return err
}

func (m *member) write(p replica.Posting) {
	place := m.place()
	place.mu.Lock()
	var fresh []replica.Message
	for _, draft := range p.Messages {
		fresh = append(fresh, replica.Message{Channel: draft.Channel, Seq: uint64(len(place.messages) + 1), At: time.Now().UTC(), Data: draft.Data})
		place.messages = append(place.messages, fresh[len(fresh)-1])
	}
	members := slices.Clone(place.members)
	for name, text := range p.Documents {
		place.documents[name] = text
	}
	place.mu.Unlock()
	for _, one := range members {
		if one.place() == place {
			one.hear(fresh, p.Documents)
		}
	}
}

func (m *member) hear(messages []replica.Message, documents map[string]json.RawMessage) {
	if m.service == nil {
		return
	}
	m.mu.Lock()
	m.ears = append(m.ears, messages...)
	m.mu.Unlock()
	for _, message := range messages {
		m.service.Heard(message)
	}
	for name := range documents {
		m.service.Changed(name)
	}
}

// Tell implements alert.Member.
func (m *member) Tell(d replica.Draft) {
	m.mu.Lock()
	message := replica.Message{Channel: d.Channel, At: time.Now().UTC(), Data: d.Data}
	m.told = append(m.told, message)
	m.mu.Unlock()
	m.hear([]replica.Message{message}, nil)
}

// Load implements alert.Member.
func (m *member) Load(ctx context.Context, name string) (json.RawMessage, error) {
	if ctx.Err() != nil || m.State() == replica.Cut {
		return nil, errGone
	}
	place := m.place()
	place.mu.Lock()
	defer place.mu.Unlock()
	return place.documents[name], nil
}

// Change implements alert.Member.
func (m *member) Change(ctx context.Context, name string, change func(json.RawMessage) (json.RawMessage, error)) error {
	if m.State() == replica.Cut {
		return errGone
	}
	place := m.place()
	place.mu.Lock()
	text, err := change(place.documents[name])
	if err != nil {
		place.mu.Unlock()
		return err
	}
	place.documents[name] = text
	members := slices.Clone(place.members)
	place.mu.Unlock()
	for _, one := range members {
		one.hear(nil, map[string]json.RawMessage{name: text})
	}
	return ctx.Err()
}

// Past implements alert.Member.
func (m *member) Past(_ context.Context, channel string, n int) ([]replica.Message, error) {
	if m.State() == replica.Cut {
		return nil, errGone
	}
	place := m.place()
	place.mu.Lock()
	defer place.mu.Unlock()
	messages := slices.DeleteFunc(slices.Clone(place.messages), func(one replica.Message) bool { return one.Channel != channel })
	return messages[max(0, len(messages)-n):], nil
}
