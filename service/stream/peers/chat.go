package main

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// The figures of the chat example.
const (
	chatWriteWait = 10 * time.Second
	chatPongWait  = 60 * time.Second
	chatPing      = chatPongWait * 9 / 10
	chatQueue     = 256
	chatBuffer    = 1024
)

// chat follows the structure of gorilla's chat example: one goroutine owns the
// clients and hears of everything through channels, each client has a channel
// of its own, a goroutine that reads and one that writes, and what waits for a
// client is joined into one frame, line by line.
type chat struct {
	joining, leaving chan *guest
	saying           chan []byte
}

type guest struct {
	socket *websocket.Conn
	queue  chan []byte
}

func chatHall() hall {
	c := &chat{joining: make(chan *guest), leaving: make(chan *guest), saying: make(chan []byte)}
	go c.run()
	upgrader := websocket.Upgrader{ReadBufferSize: chatBuffer, WriteBufferSize: chatBuffer}
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		socket, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		g := &guest{socket: socket, queue: make(chan []byte, chatQueue)}
		c.joining <- g
		go g.write()
		go g.read(c)
	})
	publish := func(data []byte) error {
		c.saying <- data
		return nil
	}
	return hall{handler: mux, publish: publish, around: 4}
}

func (c *chat) run() {
	guests := map[*guest]bool{}
	leave := func(g *guest) {
		if guests[g] {
			delete(guests, g)
			close(g.queue)
		}
	}
	for {
		select {
		case g := <-c.joining:
			guests[g] = true
		case g := <-c.leaving:
			leave(g)
		case message := <-c.saying:
			for g := range guests {
				select {
				case g.queue <- message:
				default:
					leave(g)
				}
			}
		}
	}
}

func (g *guest) read(c *chat) {
	defer func() {
		c.leaving <- g
		_ = g.socket.Close()
	}()
	g.socket.SetReadLimit(512)
	_ = g.socket.SetReadDeadline(time.Now().Add(chatPongWait))
	g.socket.SetPongHandler(func(string) error { return g.socket.SetReadDeadline(time.Now().Add(chatPongWait)) })
	for {
		if _, _, err := g.socket.ReadMessage(); err != nil {
			return
		}
	}
}

func (g *guest) write() {
	ping := time.NewTicker(chatPing)
	defer func() {
		ping.Stop()
		_ = g.socket.Close()
	}()
	for {
		select {
		case message, open := <-g.queue:
			_ = g.socket.SetWriteDeadline(time.Now().Add(chatWriteWait))
			if !open {
				_ = g.socket.WriteMessage(websocket.CloseMessage, nil)
				return
			}
			if g.join(message) != nil {
				return
			}
		case <-ping.C:
			_ = g.socket.SetWriteDeadline(time.Now().Add(chatWriteWait))
			if g.socket.WriteMessage(websocket.PingMessage, nil) != nil {
				return
			}
		}
	}
}

// join writes the message, and what waits behind it, as one frame.
func (g *guest) join(message []byte) error {
	w, err := g.socket.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	_, _ = w.Write(message)
	for range len(g.queue) {
		_, _ = w.Write([]byte{'\n'})
		_, _ = w.Write(<-g.queue)
	}
	return w.Close()
}
