package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// The alerts of the benchmark wait for a second, so that ten of them are soon
// over; their conditions and their delays beyond that second are the usual.
const alertRules = `rules:
  - {name: database_unreachable, for: 1s, keep_firing_for: 200ms}
  - {name: pool_usage, for: 1s, keep_firing_for: 200ms}
`

// benchAlerts takes the time from a condition to its frame, without the time
// that the rule waits by itself, at moments by chance.
func benchAlerts(b *testing.B, program marketdProgram) {
	const times, connections = 10, 3
	rules := filepath.Join(b.TempDir(), "rules.yaml")
	require.NoError(b, os.WriteFile(rules, []byte(alertRules), 0o600))
	m := program.start(b, "--alert-rules", rules, "--connections", fmt.Sprint(connections))
	heard := hearAlerts(b, m)
	server := serverOf(b, program.database)
	for _, trouble := range []struct {
		rule, name string
		begin      func() (began time.Time, end func())
	}{
		{"database_unreachable", "the database stops", func() (time.Time, func()) {
			began := time.Now()
			server.pause(b)
			return began, func() { server.resume(b) }
		}},
		{"pool_usage", "the pool is used up", func() (time.Time, func()) { return useUpPool(b, program, m, connections) }},
	} {
		var delays []float64
		for range times {
			<-time.After(rand.N(time.Second))
			began, end := trouble.begin()
			fired := heard.await(b, trouble.rule, "firing")
			end()
			delays = append(delays, (fired.Sub(began) - time.Second).Seconds())
			heard.await(b, trouble.rule, "ok")
		}
		longest := quantile(delays, 1)
		b.ReportMetric(longest, trouble.rule+"-s")
		b.Logf("%s, %d times: the frame comes %.2f s (median), %.2f to %.2f s after its for; limit 1 s: %s",
			trouble.name, times, quantile(delays, 0.5), quantile(delays, 0), longest, heldOrNot(longest < 1))
	}
}

// useUpPool lets as many requests as there are connections wait for a lock.
func useUpPool(b *testing.B, program marketdProgram, m marketdProcess, connections int) (began time.Time, end func()) {
	holder, looker := connect(b, program.database), connect(b, program.database)
	tx, err := holder.Begin(b.Context())
	require.NoError(b, err)
	_, err = tx.Exec(b.Context(), `lock table instruments in access exclusive mode`)
	require.NoError(b, err)
	var asking sync.WaitGroup
	for range connections {
		asking.Go(func() {
			if answer, err := m.http.Get(m.url + "/api/instruments"); err == nil {
				answer.Body.Close()
			}
		})
	}
	require.Eventually(b, func() bool {
		began = time.Now()
		var waiting int
		require.NoError(b, looker.QueryRow(b.Context(), `select count(*) from pg_stat_activity
			where datname = current_database() and application_name = 'marketd' and wait_event_type = 'Lock'`).Scan(&waiting))
		return waiting == connections
	}, 5*time.Second, time.Millisecond)
	return began, func() {
		require.NoError(b, tx.Rollback(b.Context()))
		asking.Wait()
		require.NoError(b, holder.Close(b.Context()))
		require.NoError(b, looker.Close(b.Context()))
	}
}

// alertFrame is one message and when it came.
type alertFrame struct {
	rule, state string
	at          time.Time
}

// alertFrames are the messages of the channel, as a client hears them.
type alertFrames chan alertFrame

func hearAlerts(b *testing.B, m marketdProcess) alertFrames {
	b.Helper()
	socket, answer, err := websocket.DefaultDialer.DialContext(b.Context(), "ws"+strings.TrimPrefix(m.url, "http")+"/ws", nil)
	require.NoError(b, err)
	answer.Body.Close()
	b.Cleanup(func() { socket.Close() })
	frames := make(alertFrames, 1000)
	go func() {
		defer close(frames)
		for {
			_, body, err := socket.ReadMessage()
			if err != nil {
				return
			}
			var said struct {
				Type string
				Data struct{ Rule, State string }
			}
			if json.Unmarshal(body, &said) == nil && said.Type == "performance_alert" {
				frames <- alertFrame{said.Data.Rule, said.Data.State, time.Now()}
			}
		}
	}()
	return frames
}

func (f alertFrames) await(b *testing.B, rule, state string) time.Time {
	b.Helper()
	patience := time.After(20 * time.Second)
	for {
		select {
		case frame, open := <-f:
			require.True(b, open, "the line is cut")
			if frame.rule == rule && frame.state == state {
				return frame.at
			}
		case <-patience:
			require.Fail(b, "not told", "%s %s", rule, state)
		}
	}
}
