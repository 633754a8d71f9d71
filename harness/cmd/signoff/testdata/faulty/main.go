// Command faulty is marketd with a fault, for the tests that show that the
// harness can fail. It starts the real program and stands between it and its
// clients. FAULTY_REAL is the path of the real program, FAULTY_FAULT is slow
// (every price is held up), lossy (every tenth price is swallowed) or dead (it
// ends as soon as somebody trades).
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// held is how long a slow service holds every price up.
const held = 400 * time.Millisecond

func main() {
	real, fault := os.Getenv("FAULTY_REAL"), os.Getenv("FAULTY_FAULT")
	command := exec.Command(real, os.Args[1:]...)
	command.Stderr = os.Stderr
	if os.Args[1] != "serve" {
		command.Stdout = os.Stdout
		if err := command.Run(); err != nil {
			log.Fatal(err)
		}
		return
	}
	out, err := command.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := command.Start(); err != nil {
		log.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		log.Fatal(err)
	}
	target, err := url.Parse(strings.TrimSpace(strings.TrimPrefix(line, "marketd listening on ")))
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go passOn(command)
	fmt.Printf("marketd listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, between(target, fault)))
}

// passOn hands the wish to end on to the real program, and ends with it.
func passOn(command *exec.Cmd) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	<-signals
	_ = command.Process.Signal(syscall.SIGTERM)
	_ = command.Wait()
	os.Exit(0)
}

func between(target *url.URL, fault string) http.Handler {
	mux := http.NewServeMux()
	proxy := httputil.NewSingleHostReverseProxy(target)
	mux.HandleFunc("POST /api/ticks", func(w http.ResponseWriter, r *http.Request) {
		if fault == "dead" {
			os.Exit(1)
		}
		proxy.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) { line(w, r, target, fault) })
	mux.Handle("/", proxy)
	return mux
}

type message struct {
	due time.Time
	raw []byte
}

// line passes the frames of one client on, with the fault.
func line(w http.ResponseWriter, r *http.Request, target *url.URL, fault string) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	client, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer client.Close()
	server, _, err := websocket.DefaultDialer.Dial("ws://"+target.Host+"/ws", nil)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer server.Close()
		for {
			kind, raw, err := client.ReadMessage()
			if err != nil || server.WriteMessage(kind, raw) != nil {
				return
			}
		}
	}()
	queue := make(chan message, 1<<16)
	go func() {
		defer close(queue)
		for prices := 0; ; {
			_, raw, err := server.ReadMessage()
			if err != nil {
				return
			}
			due := time.Now()
			if bytes.Contains(raw, []byte(`"market_data"`)) {
				if prices++; fault == "lossy" && prices%10 == 0 {
					continue
				}
				if fault == "slow" {
					due = due.Add(held)
				}
			}
			queue <- message{due, raw}
		}
	}()
	for m := range queue {
		<-time.After(time.Until(m.due))
		if client.WriteMessage(websocket.TextMessage, m.raw) != nil {
			return
		}
	}
}
