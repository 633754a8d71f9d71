package stream

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// client is one connection. Its reader is the only one to read the socket, and
// one writer at a time writes to it.
type client struct {
	manager *Manager
	socket  *websocket.Conn
	line    *line // below the socket
	id      string

	turn int // when it is pinged

	allowance allowance // of the reader
	amid      bool      // while it reads a message

	mu      sync.Mutex
	waiting []*frame // waiting[first:] is still to be written
	first   int
	choice  choice
	ending  ending
	ready   bool // on the list of the writers or with one of them

	behind *client // the next on the list, whose lock guards it

	unread chan struct{} // closed when the reader has ended
}

// ending says how a connection is to be closed; code 0 is not at all.
type ending struct {
	code   int
	reason string
	// drained is set when what is waiting is to be written first.
	drained bool
}

func newClient(m *Manager, socket *websocket.Conn, below *line, id string) *client {
	return &client{
		manager: m, socket: socket, line: below, id: id, choice: everything(),
		allowance: allowance{left: MessageBurst, at: time.Now()}, unread: make(chan struct{}),
	}
}

// offer queues the frames that the client wants. A client for which more than
// the queue's bound is still waiting is too slow and will be closed; a long
// batch alone does no harm, since the bound is asked for before it arrives.
func (c *client) offer(frames []*frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue(frames)
}

// queue must be called with the lock held.
func (c *client) queue(frames []*frame) {
	if c.ending.code != 0 {
		return
	}
	if len(c.waiting)-c.first > c.manager.config.Queue {
		c.end(ending{code: CloseTooSlow, reason: "the client could not keep up"})
		return
	}
	for _, f := range frames {
		if f.mask == 0 || c.choice.has(f.mask) {
			c.waiting = append(c.waiting, f)
		}
	}
	c.rouse()
}

// forget takes the numbered messages of a channel out of the queue. It must be
// called with the lock held.
func (c *client) forget(mask uint64) {
	waiting := slices.DeleteFunc(c.waiting[c.first:], func(f *frame) bool { return f.mask == mask && f.seq != 0 })
	c.waiting = c.waiting[:c.first+len(waiting)]
}

// finish closes the connection after what is waiting has been written.
func (c *client) finish(code int, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(ending{code: code, reason: reason, drained: true})
}

// end must be called with the lock held. The first ending counts.
func (c *client) end(how ending) {
	if c.ending.code != 0 {
		return
	}
	c.ending = how
	if !how.drained {
		c.waiting, c.first = nil, 0
	}
	c.rouse()
}

// rouse must be called with the lock held. It asks for a turn.
func (c *client) rouse() {
	if !c.ready {
		c.ready = true
		c.manager.writers.add(c)
	}
}

// next takes the next frame from the queue. Without one, the client needs no
// turn until it is roused; one that is to end will not be.
func (c *client) next() (*frame, ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == len(c.waiting) {
		c.manager.writers.release(c)
		c.ready = false
		return nil, c.ending
	}
	f := c.waiting[c.first]
	c.waiting[c.first] = nil
	c.first++
	if c.first == len(c.waiting) {
		c.waiting, c.first = c.waiting[:0], 0
		if cap(c.waiting) > spareQueue {
			c.waiting = nil
		}
	}
	return f, ending{}
}

// spareQueue is how many pointers an idle connection may keep room for.
const spareQueue = 64

// turnFrames is how many frames are written to one client before the next has
// its turn.
const turnFrames = 16

// write writes some of what is waiting and says whether there may be more. If
// not, the client no longer belongs to the writer.
func (c *client) write() bool {
	for range turnFrames {
		f, how := c.next()
		if f == nil {
			if how.code != 0 {
				go c.leave(nil)
			}
			return false
		}
		if err := c.put(f); err != nil {
			c.manager.writers.release(c)
			go c.leave(err)
			return false
		}
	}
	return true
}

func (c *client) put(f *frame) error {
	if f.control != 0 {
		return c.control(f.control, f.payload)
	}
	if err := c.socket.SetWriteDeadline(time.Now().Add(c.manager.config.WriteWait)); err != nil {
		return err
	}
	if f.prepared == nil {
		return c.socket.WriteMessage(websocket.TextMessage, f.body)
	}
	return c.socket.WritePreparedMessage(f.prepared)
}

func (c *client) control(kind int, payload []byte) error {
	return c.socket.WriteControl(kind, payload, time.Now().Add(c.manager.config.WriteWait))
}

// lost ends the connection of a client that is gone without being told to.
func (c *client) lost() ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(ending{code: closeGone, reason: "the client is gone"})
	return c.ending
}

// leave closes the connection, tells the client why unless writing to it
// failed, and waits for the reader.
func (c *client) leave(err error) {
	defer c.manager.running.Done()
	how := c.lost()
	if err == nil && how.code != closeGone {
		err = c.control(websocket.CloseMessage, websocket.FormatCloseMessage(how.code, how.reason))
	}
	if err == nil || errors.Is(err, websocket.ErrCloseSent) {
		c.linger()
	}
	_ = c.socket.Close()
	<-c.unread
	c.manager.unregister(c)
	c.manager.config.Log.Debug("client left", "client_id", c.id, "code", how.code, "reason", how.reason, "error", err)
}

// linger gives the client a moment to read the close frame: closing a socket
// with unread bytes would throw the frame away.
func (c *client) linger() {
	patience := time.NewTimer(c.manager.config.CloseWait)
	defer patience.Stop()
	select {
	case <-c.unread:
	case <-patience.C:
	}
}
