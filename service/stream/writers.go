package stream

import "sync"

// writers write to all clients. A client for which something is waiting is on
// the list once; a few goroutines take one after another off the list, write a
// little to each and put it at the end again while there is more. There are
// none while nothing is waiting.
//
// A writer that has to wait for a line says so before it does: it then belongs
// to that client alone until nothing is waiting for it, and is not counted any
// more, so that another goes on with the list.
type writers struct {
	most    int // how many are counted at a time
	running *sync.WaitGroup

	mu          sync.Mutex
	counted     int
	first, last *client // the list; each knows who is behind it
}

// writersPerProcessor is more than one, since a writer that the system interrupts
// in the middle of a write would leave its processor without work. Measured with
// 10,000 clients, four need a tenth less CPU for each message, and more gain
// nothing.
const writersPerProcessor = 4

// writer is one of them. It is guarded by the lock of all.
type writer struct {
	alone bool // with the client whose line made it wait
}

// add puts a client on the list.
func (w *writers) add(c *client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.append(c)
}

// append must be called with the lock held.
func (w *writers) append(c *client) {
	if w.last == nil {
		w.first = c
	} else {
		w.last.behind = c
	}
	w.last = c
	w.start()
}

// start must be called with the lock held. It starts another writer if there is
// work for one.
func (w *writers) start() {
	if w.first != nil && w.counted < w.most {
		w.counted++
		w.running.Go(w.run)
	}
}

// run gives clients their turns until none is left, or until one made the
// writer wait and has nothing waiting any more.
func (w *writers) run() {
	me := &writer{}
	for c := w.take(me); c != nil; c = w.take(me) {
		for c.write() && !w.again(c, me) {
		}
	}
}

// take is the first of the list, nil if the writer is to end.
func (w *writers) take(me *writer) *client {
	w.mu.Lock()
	defer w.mu.Unlock()
	if me.alone {
		return nil
	}
	c := w.first
	if c == nil {
		w.counted--
		return nil
	}
	w.first, c.behind = c.behind, nil
	if w.first == nil {
		w.last = nil
	}
	c.line.writer = me
	if c.line.waiting { // somebody else writes to it
		w.leaveAlone(me)
	}
	return c
}

// again puts a client that has had its turn at the end of the list, unless the
// writer is to stay with it.
func (w *writers) again(c *client, me *writer) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if me.alone {
		return false
	}
	c.line.writer = nil
	w.append(c)
	return true
}

// release ends what a writer has to do with a client.
func (w *writers) release(c *client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.line.writer = nil
}

// wait tells that a write to the line has to wait, and waited that it is over.
func (w *writers) wait(l *line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l.waiting = true
	if l.writer != nil {
		w.leaveAlone(l.writer)
	}
}

func (w *writers) waited(l *line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l.waiting = false
}

// leaveAlone must be called with the lock held. It lets another take the place
// of a writer.
func (w *writers) leaveAlone(one *writer) {
	if one.alone {
		return
	}
	one.alone = true
	w.counted--
	w.start()
}
