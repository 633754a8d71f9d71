package alert_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/replica"
)

// world is what a service sees and tells.
type world struct {
	mu       sync.Mutex
	share    float64
	channels []string
	events   []alert.Event
}

// Snapshot implements alert.Monitor.
func (w *world) Snapshot() monitor.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return monitor.Snapshot{Status: monitor.Pass, CheckedAt: time.Now(), Pool: monitor.Pool{Max: 10, Utilisation: w.share}}
}

// heard notes what the member tells.
func (w *world) heard(m replica.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var e alert.Event
	if err := json.Unmarshal(m.Data, &e); err != nil {
		panic(err)
	}
	w.channels, w.events = append(w.channels, m.Channel), append(w.events, e)
}

// listener lets a world hear what a member is told.
type listener struct {
	*member

	world *world
}

// Post implements alert.Member.
func (l listener) Post(ctx context.Context, p replica.Posting) error {
	err := l.member.Post(ctx, p)
	for _, m := range p.Messages {
		if err == nil {
			l.world.heard(replica.Message{Channel: m.Channel, Data: m.Data})
		}
	}
	return err
}

// Tell implements alert.Member.
func (l listener) Tell(d replica.Draft) {
	l.world.heard(replica.Message{Channel: d.Channel, Data: d.Data})
	l.member.Tell(d)
}

// service makes a service that is alone.
func (w *world) service(config alert.Config) *alert.Service {
	one := newMeeting().join()
	one.become(replica.Alone, 0)
	config.Monitor, config.Member = w, listener{one, w}
	s := alert.New(config)
	one.service = s
	return s
}

func (w *world) set(share float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.share = share
}

func (w *world) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var told []string
	for _, e := range w.events {
		told = append(told, e.Rule+" "+string(e.State)+" "+string(e.Severity))
	}
	return told
}

// started runs a service in the bubble of a test; end ends it.
func (w *world) started(t *testing.T, config alert.Config) (board *alert.Board, end func()) {
	t.Helper()
	if config.Board == nil {
		config.Board = alert.NewBoard(alert.Defaults())
	}
	s := w.service(config)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	return config.Board, func() {
		cancel()
		require.NoError(t, <-ran)
	}
}

func TestWhatLastsIsToldSoonAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		var log strings.Builder
		_, end := w.started(t, alert.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
		defer end()
		<-time.After(time.Second)
		began := time.Now()
		w.set(1)
		<-time.After(4900 * time.Millisecond)
		require.Equal(t, []string{"pool_usage pending warning"}, w.told())
		<-time.After(time.Second)
		require.Equal(t, []string{"pool_usage pending warning", "pool_usage firing critical"}, w.told())
		require.WithinDuration(t, began.Add(5*time.Second), w.events[1].At, time.Second)
		w.set(0)
		<-time.After(16 * time.Second)
		require.Equal(t, []string{"pool_usage recovering critical", "pool_usage ok critical"}, w.told()[2:])
		require.Equal(t, alert.Channel, w.channels[0])
		require.Contains(t, log.String(), "level=WARN msg=\"alert changed\" id=pool_usage-")
	})
}

func TestAReadingTellsWhatIsNotThereFromWhatWasNotRead(t *testing.T) {
	share := 0.5
	seen := monitor.Snapshot{Status: monitor.Warn, CheckedAt: time.Now(), Cache: monitor.Cache{HitRatio: &share}}
	require.InDelta(t, 0, alert.Read(seen).Figures["health.unreachable"], 0)
	require.InDelta(t, 0.5, alert.Read(seen).Figures["cache.hit_ratio"], 0)
	seen.Stale = []monitor.Stale{{Part: "database"}}
	require.NotContains(t, alert.Read(seen).Figures, "cache.hit_ratio")
	require.Contains(t, alert.Read(seen).Unread, "cache.hit_ratio")
	require.NotContains(t, alert.Read(seen).Unread, "pool.wait_share")

	board := alert.NewBoard(alert.Defaults())
	board.Judge(epoch(), alert.Read(seen))
	for _, rule := range board.Rules() {
		if rule.Name == "cache_hit" {
			require.Equal(t, alert.Failed, rule.State)
		}
	}
	require.Empty(t, alert.Read(monitor.New(monitor.Config{}).Snapshot()).Figures, "nobody has looked yet")
	gone := monitor.Snapshot{Status: monitor.Fail, Reasons: []string{monitor.Unreachable}}
	require.InDelta(t, 1, alert.Read(gone).Figures["health.unreachable"], 0)
	old := monitor.Snapshot{Status: monitor.Fail, Reasons: []string{monitor.Outdated}}
	require.InDelta(t, 1, alert.Read(old).Figures["health.unreachable"], 0)
}

func TestARestartGoesOnWhereItWas(t *testing.T) {
	file := filepath.Join(t.TempDir(), "alerts.json")
	synctest.Test(t, func(t *testing.T) {
		w := &world{share: 1}
		_, end := w.started(t, alert.Config{State: file})
		<-time.After(4 * time.Second)
		end()
		require.Equal(t, []string{"pool_usage pending warning"}, w.told())
		again := &world{share: 1}
		_, end = again.started(t, alert.Config{State: file})
		<-time.After(2 * time.Second)
		end()
		require.Equal(t, []string{"pool_usage firing critical"}, again.told(), "four seconds and more make five")
		require.Equal(t, w.events[0].ID, again.events[0].ID)
	})
}

func TestABrokenStateFileIsToldAndIgnored(t *testing.T) {
	file := filepath.Join(t.TempDir(), "alerts.json")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		w := &world{share: 1}
		_, end := w.started(t, alert.Config{State: file, Log: slog.New(slog.NewTextHandler(&log, nil))})
		<-time.After(6 * time.Second)
		end()
		require.Contains(t, log.String(), "state of the alerts is ignored")
		require.Len(t, w.told(), 2)
	})
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "pool_usage-", "and written anew")
	left, err := filepath.Glob(file + ".*")
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAReloadTakesRightRulesAndLeavesWrongOnes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	w := &world{share: 0.5}
	board := alert.NewBoard(alert.Defaults())
	s := w.service(alert.Config{Board: board, Rules: file})
	look := func() {
		require.NoError(t, s.Attend(t.Context(), epoch()))
		s.Look(epoch())
		require.NoError(t, s.Attend(t.Context(), epoch()))
	}
	look()
	write("rules: [{name: pool_usage, warning: {fire: 0.4, clear: 0.5}}]")
	require.ErrorContains(t, s.Reload(epoch()), "line 1: pool_usage: warning: clear 0.5 must lie")
	look()
	require.Empty(t, w.told(), "the old rules stay")
	write("rules: [{name: pool_usage, for: 0s, warning: {fire: 0.4, clear: 0.3}}]")
	require.NoError(t, s.Reload(epoch()))
	look()
	require.Equal(t, []string{"pool_usage firing warning"}, w.told())
	write("rules: [{name: pool_usage, disabled: true}]")
	require.NoError(t, s.Reload(epoch()))
	look()
	require.Equal(t, []string{"pool_usage firing warning", "pool_usage nodata warning"}, w.told())
}

func BenchmarkLook(b *testing.B) {
	w := &world{share: 0.5}
	s := w.service(alert.Config{Board: alert.NewBoard(alert.Defaults())})
	require.NoError(b, s.Attend(b.Context(), time.Now()))
	for b.Loop() {
		s.Look(time.Now())
	}
}
