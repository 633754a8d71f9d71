package stream

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// bench is a manager whose only writer is the test, and whose lines all lead to
// one paper, which shows what was written in which order.
type bench struct {
	*Manager
	paper *os.File
}

func newBench(t *testing.T) *bench {
	t.Helper()
	if !canWriteNow {
		t.Skip("needs sockets that tell whether a write has to wait")
	}
	paper, err := os.Create(filepath.Join(t.TempDir(), "paper"))
	require.NoError(t, err)
	b := &bench{NewManager(Config{CloseWait: time.Millisecond}), paper}
	b.writers.most = 0
	t.Cleanup(func() {
		b.writers.mu.Lock()
		b.writers.most = 1
		b.writers.mu.Unlock()
		over, cancel := context.WithCancel(context.Background())
		cancel()
		require.NoError(t, b.Run(over))
		require.Zero(t, b.Connections())
		require.NoError(t, paper.Close())
	})
	return b
}

// handed is a connection that a server hands over.
type handed struct {
	http.ResponseWriter
	conn net.Conn
}

func (h handed) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

// seat admits a client, which is greeted in its first turn, and returns its end
// of the line.
func (b *bench) seat(t *testing.T) (*client, net.Conn) {
	t.Helper()
	here, there := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, there) }()
	r := httptest.NewRequest(http.MethodGet, "/ws", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	} {
		r.Header.Set(name, value)
	}
	taker := &lineTaker{ResponseWriter: handed{httptest.NewRecorder(), here}, writers: &b.writers}
	socket, err := b.upgrader.Upgrade(taker, r, nil)
	require.NoError(t, err)
	taker.line.raw, err = b.paper.SyscallConn()
	require.NoError(t, err)
	c := newClient(b.Manager, socket, taker.line, "")
	require.True(t, b.register(c))
	return c, there
}

// write is what a writer does until nobody is on the list.
func (b *bench) write() {
	b.writers.mu.Lock()
	b.writers.counted++
	b.writers.mu.Unlock()
	b.writers.run()
}

// words are those on the paper, and the codes of close frames.
func (b *bench) words(t *testing.T) (said []string, codes []int) {
	t.Helper()
	text, err := os.ReadFile(b.paper.Name())
	require.NoError(t, err)
	for len(text) > 0 {
		kind, head, size := int(text[0]&0xf), 2, int(text[1])
		if size == 126 {
			head, size = 4, int(binary.BigEndian.Uint16(text[2:]))
		}
		payload := text[head : head+size]
		if kind == websocket.CloseMessage {
			codes = append(codes, int(binary.BigEndian.Uint16(payload)))
		}
		if _, word, found := bytes.Cut(payload, []byte(`"word":"`)); found {
			said = append(said, string(bytes.TrimRight(word, `"}`)))
		}
		text = text[head+size:]
	}
	return said, codes
}

func saying(words ...string) (frames []*frame) {
	for _, word := range words {
		frames = append(frames, reply("saying", map[string]string{"word": word}))
	}
	return frames
}

func TestTurnsAreShortAndInOrder(t *testing.T) {
	b := newBench(t)
	long, _ := b.seat(t)
	short, _ := b.seat(t)
	long.offer(saying(slices.Repeat([]string{"long"}, 3*turnFrames)...))
	short.offer(saying("one", "two", "three"))
	b.write()
	said, _ := b.words(t)
	require.Len(t, said, 3*turnFrames+3)
	first := slices.Index(said, "one")
	require.Less(t, first, turnFrames+1, "who has little to be told waits for no more than a turn of the other")
	require.Equal(t, []string{"one", "two", "three"}, said[first:first+3])
	require.Nil(t, b.writers.first)
	require.Zero(t, b.writers.counted)
}

func TestAClientThatIsToEndWhileItIsOnTheListEndsOnce(t *testing.T) {
	tests := map[string]struct {
		end   func(*client, net.Conn)
		said  []string
		codes []int
	}{
		"after what is waiting":            {func(c *client, _ net.Conn) { c.finish(CloseGoingAway, "") }, []string{"one", "two"}, []int{CloseGoingAway}},
		"since it is too slow":             {func(c *client, _ net.Conn) { c.manager.config.Queue = 1; c.offer(saying("three")) }, nil, []int{CloseTooSlow}},
		"since it hung up":                 {func(c *client, there net.Conn) { _ = there.Close(); <-c.unread }, nil, nil},
		"the first reason is the one told": {func(c *client, _ net.Conn) { c.finish(CloseBinary, ""); c.finish(CloseGoingAway, "") }, []string{"one", "two"}, []int{CloseBinary}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			c, there := b.seat(t)
			c.offer(saying("one", "two"))
			test.end(c, there)
			b.write()
			c.offer(saying("late"))
			require.Eventually(t, func() bool { return b.Connections() == 0 }, 10*time.Second, time.Millisecond)
			said, codes := b.words(t)
			require.Equal(t, test.said, said)
			require.Equal(t, test.codes, codes)
		})
	}
}

func TestAWriterThatHasToWaitIsReplacedAndStaysWithItsClient(t *testing.T) {
	b := newBench(t)
	stuck, _ := b.seat(t)
	b.write() // the greeting
	other, _ := b.seat(t)
	b.write()
	stuck.offer(saying(slices.Repeat([]string{"stuck"}, 3*turnFrames)...))
	other.offer(saying("other"))
	b.writers.mu.Lock()
	b.writers.most = 1
	b.writers.mu.Unlock()
	b.writers.wait(stuck.line) // as if somebody else wrote
	b.write()
	said, _ := b.words(t)
	require.Len(t, slices.DeleteFunc(said, func(word string) bool { return word != "stuck" }), 3*turnFrames)
	require.Eventually(t, func() bool {
		b.writers.mu.Lock()
		defer b.writers.mu.Unlock()
		return b.writers.counted == 0
	}, 10*time.Second, time.Millisecond)
	said, _ = b.words(t)
	require.Contains(t, said, "other")
	b.writers.waited(stuck.line)
}
