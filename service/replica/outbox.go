package replica

import (
	"context"
	"sync"
)

// item is one thing to be told: a document's name, or a message.
type item struct {
	document string
	message  Message
}

// outbox calls Hear and Changed from one goroutine, in the order of adding.
type outbox struct {
	hear    func(Message)
	changed func(string)
	filled  chan struct{}

	mu    sync.Mutex
	items []item
}

func newOutbox(hear func(Message), changed func(string)) *outbox {
	return &outbox{hear: hear, changed: changed, filled: make(chan struct{}, 1)}
}

func (o *outbox) add(items ...item) {
	o.mu.Lock()
	o.items = append(o.items, items...)
	o.mu.Unlock()
	select {
	case o.filled <- struct{}{}:
	default: // it will look anyway
	}
}

// run tells until ctx ends, and then what is left.
func (o *outbox) run(ctx context.Context) {
	for {
		select {
		case <-o.filled:
			o.tell()
		case <-ctx.Done():
			o.tell()
			return
		}
	}
}

func (o *outbox) tell() {
	o.mu.Lock()
	items := o.items
	o.items = nil
	o.mu.Unlock()
	for _, item := range items {
		if item.document != "" {
			o.changed(item.document)
		} else {
			o.hear(item.message)
		}
	}
}
