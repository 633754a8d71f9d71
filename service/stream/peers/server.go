package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/centrifugal/centrifuge"

	"github.com/signoff-dev/signoff/service/stream"
)

// The servers, in the order of the table.
const (
	ours           = "signoff"
	gorillaChat    = "gorilla chat"
	centrifugeJSON = "centrifuge"
)

func allServers() []string { return []string{ours, gorillaChat, centrifugeJSON} }

// greeting is what a client must say before it hears anything.
func greeting(server string) string {
	if server == centrifugeJSON {
		return `{"id":1,"connect":{}}`
	}
	return ""
}

// hall is one of the servers, ready to run.
type hall struct {
	handler http.Handler
	// publish sends data, a JSON object, to everybody.
	publish func(data []byte) error
	// around is how many bytes a frame has around the data.
	around int
}

// serve plays one server. It tells its address and then carries out
// "window ID COUNT INTERVAL" for each line of in: it publishes COUNT frames,
// one each INTERVAL, and says "done". It ends with in.
func serve(server string, in io.Reader, out io.Writer) error {
	var h hall
	var err error
	switch server {
	case ours:
		h = ourHall()
	case gorillaChat:
		h = chatHall()
	case centrifugeJSON:
		h, err = centrifugeHall()
	default:
		err = fmt.Errorf("there is no server %q", server)
	}
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	web := &http.Server{ // as marketd has it
		Handler: h.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	go func() { _ = web.Serve(listener) }()
	fmt.Fprintln(out, listener.Addr())
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var window, count int64
		var interval time.Duration
		if _, err := fmt.Sscanf(lines.Text(), "window %d %d %d", &window, &count, &interval); err != nil {
			return fmt.Errorf("reading %q: %w", lines.Text(), err)
		}
		start := time.Now().Add(50 * time.Millisecond)
		for number := range count {
			due := start.Add(time.Duration(number) * interval)
			time.Sleep(time.Until(due))
			if err := h.publish(stamp{window, number, due}.data(frameBytes - h.around)); err != nil {
				return fmt.Errorf("publishing frame %d: %w", number, err)
			}
		}
		fmt.Fprintln(out, "done")
	}
	return nil // and the process ends with everything in it
}

// ourHall is the stream as marketd serves it. What marketd has around it ends
// with the handshake.
func ourHall() hall {
	manager := stream.NewManager(stream.Config{})
	go func() { _ = manager.Run(context.Background()) }()
	mux := http.NewServeMux()
	mux.Handle("GET /ws", manager)
	return hall{
		handler: mux,
		publish: func(data []byte) error {
			manager.Broadcast(stream.HealthStatus, json.RawMessage(data))
			return nil
		},
		around: len(`{"type":"health_status","timestamp":"2006-01-02T15:04:05.000000Z","data":}`) + 4,
	}
}

// centrifugeHall is centrifuge with everybody in one channel, and with those of
// its options that save memory.
func centrifugeHall() (hall, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return hall{}, fmt.Errorf("making a node: %w", err)
	}
	const channel = "health"
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{UserID: "trader"},
			Subscriptions: map[string]centrifuge.SubscribeOptions{channel: {}},
		}, nil
	})
	node.OnConnect(func(*centrifuge.Client) {})
	if err := node.Run(); err != nil {
		return hall{}, fmt.Errorf("running a node: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/ws", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		ReadBufferSize: 1024, UseWriteBufferPool: true, ProcessCommandsOffReadLoop: true,
	}))
	return hall{
		handler: mux,
		publish: func(data []byte) error {
			_, err := node.Publish(channel, data)
			return err
		},
		around: len(`{"push":{"channel":"health","pub":{"data":}}}`) + 4,
	}, nil
}
