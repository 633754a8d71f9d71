package alert_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/replica"
)

// runs lets a replica with the default rules run until stop is called.
func (m *meeting) runs(t *testing.T, w *world, config alert.Config) (one *member, stop func()) {
	t.Helper()
	one = m.join()
	config.Board, config.Monitor, config.Member = alert.NewBoard(alert.Defaults()), w, one
	one.service = alert.New(config)
	stop = one.run(t)
	return one, stop
}

// run lets the service of a member run until stop is called.
func (m *member) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- m.service.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-ran)
	}
}

// posted are the rules and stages that were posted.
func (m *meeting) posted() (told []string) {
	for _, e := range m.events() {
		told = append(told, e.Rule+" "+string(e.State)+" "+string(e.Severity))
	}
	return told
}

func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestWhatLastsIsPostedSoonAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{}, newMeeting()
		_, stop := m.runs(t, w, alert.Config{})
		defer stop()
		after(1234 * time.Millisecond)
		began := time.Now()
		w.set(1)
		after(5300 * time.Millisecond)
		require.Equal(t, []string{"pool_usage pending warning", "pool_usage firing critical"}, m.posted())
		beyond := m.messages[1].At.Sub(began)
		require.GreaterOrEqual(t, beyond, 5*time.Second)
		require.Less(t, beyond, 5300*time.Millisecond)
	})
}

func TestTheTimeThatCountedIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 1}, newMeeting()
		_, stop := m.runs(t, w, alert.Config{})
		other, end := m.runs(t, w, alert.Config{})
		defer end()
		after(4 * time.Second)
		stop() // it says good-bye
		m.elect(other)
		after(800 * time.Millisecond)
		require.Equal(t, []string{"pool_usage pending warning"}, m.posted())
		after(700 * time.Millisecond)
		require.Equal(t, []string{"pool_usage pending warning", "pool_usage firing critical"}, m.posted(), "four seconds and one make five")
		require.Equal(t, m.events()[0].ID, m.events()[1].ID)
	})
}

func TestAfterADeathTimeIsLostButNeverInvented(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{}, newMeeting()
		_, die := m.runs(t, w, alert.Config{})
		other, end := m.runs(t, w, alert.Config{})
		defer end()
		after(time.Second)
		w.set(0.85)
		began := time.Now()
		after(3 * time.Second)
		m.elect(other) // what the dead one knew is not posted
		die()
		after(1900 * time.Millisecond)
		require.Equal(t, []string{"pool_usage pending warning"}, m.posted())
		after(6 * time.Second)
		require.Equal(t, []string{"pool_usage pending warning", "pool_usage firing warning"}, m.posted())
		require.GreaterOrEqual(t, m.messages[1].At.Sub(began), 5*time.Second)

		w.set(0) // and the same for the end
		after(5 * time.Second)
		again, leave := m.runs(t, w, alert.Config{})
		m.elect(again)
		after(9 * time.Second)
		require.Equal(t, "pool_usage recovering warning", m.posted()[len(m.posted())-1])
		after(7 * time.Second)
		require.Equal(t, "pool_usage ok warning", m.posted()[len(m.posted())-1])
		leave()
	})
}

func TestEveryReplicaShowsWhatTheOneThatLeadsPosted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 1}, newMeeting()
		one, stop := m.runs(t, w, alert.Config{})
		seen := &world{share: 0.9}
		other, end := m.runs(t, seen, alert.Config{})
		defer end()
		after(6 * time.Second)
		alerts := other.service.Alerts()
		require.Len(t, alerts, 1)
		require.Equal(t, one.service.Alerts()[0].ID, alerts[0].ID)
		require.Equal(t, alert.Firing, alerts[0].State)
		require.InDelta(t, 0.9, *alerts[0].Value, 0, "the newest figure that this replica heard")
		require.Equal(t, one.service.History(alert.Question{}), other.service.History(alert.Question{}))
		late, leave := m.runs(t, w, alert.Config{})
		after(time.Second)
		require.Equal(t, one.service.Alerts(), late.service.Alerts(), "also one that came late")
		require.Equal(t, one.service.History(alert.Question{}), late.service.History(alert.Question{}))
		leave()
		m.elect(other)
		w.set(0)
		seen.set(0)
		after(20 * time.Second)
		require.Empty(t, one.service.Alerts(), "also one that led before")
		for _, rule := range one.service.Rules() {
			require.NotEqual(t, alert.Failed, rule.State, rule.Name)
			if rule.Name == "pool_usage" {
				require.Equal(t, alert.OK, rule.State)
				require.InDelta(t, 0, *rule.Value, 0)
			}
		}
		stop()
	})
}

func TestWhatPeopleSayHoldsAtEveryReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 0.85}, newMeeting()
		one, stop := m.runs(t, w, alert.Config{})
		defer stop()
		other, end := m.runs(t, w, alert.Config{})
		defer end()
		after(6 * time.Second)
		said, err := other.service.Acknowledge(t.Context(), time.Now(), "pool_usage", "ada", "on it")
		require.NoError(t, err)
		require.Equal(t, "ada", said.Acknowledged.Author)
		after(time.Second)
		require.Equal(t, said.Acknowledged, one.service.Alerts()[0].Acknowledged)
		_, err = one.service.Silence(t.Context(), time.Now(), alert.Silence{
			Rule: "pool_usage", Author: "ada", Reason: "load test", ExpiresAt: time.Now().Add(time.Hour),
		})
		require.NoError(t, err)
		made, err := other.service.Silence(t.Context(), time.Now(), alert.Silence{
			Rule: "pool_usage", Author: "bob", Reason: "load test", ExpiresAt: time.Now().Add(time.Hour),
		})
		require.NoError(t, err)
		after(time.Second)
		require.Len(t, one.service.Silences(time.Now()), 2)
		require.NoError(t, one.service.EndSilence(t.Context(), time.Now(), made.ID))
		require.ErrorIs(t, one.service.EndSilence(t.Context(), time.Now(), made.ID), alert.ErrNoSilence)
		after(time.Second)
		require.Len(t, other.service.Silences(time.Now()), 1)
		w.set(1)
		after(6 * time.Second)
		events := m.events()
		require.True(t, events[len(events)-1].Silenced)
		require.Equal(t, alert.Critical, other.service.Alerts()[0].Severity)
		require.Nil(t, other.service.Alerts()[0].Acknowledged, "that was of something less bad")
		w.set(0.84)
		after(20 * time.Second)
		require.Equal(t, alert.Warning, one.service.Alerts()[0].Severity)
		require.Nil(t, one.service.Alerts()[0].Acknowledged, "and does not come back")
	})
}

func TestAReplicaThatIsCutOffTellsItsOwnClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 1}, newMeeting()
		one, stop := m.runs(t, w, alert.Config{})
		defer stop()
		after(time.Second)
		one.become(replica.Cut, 700*time.Millisecond)
		after(6 * time.Second)
		require.Equal(t, []string{"pool_usage pending warning"}, m.posted(), "what it sees else is held")
		require.Len(t, one.told, 2)
		require.Zero(t, one.told[1].Seq)
		require.Contains(t, string(one.told[1].Data), `"rule":"database_unreachable"`)
		require.Contains(t, string(one.told[1].Data), `"state":"firing"`)
		require.Len(t, one.service.Alerts(), 2)
		_, err := one.service.Silence(t.Context(), time.Now(), alert.Silence{
			Rule: "pool_usage", Author: "ada", Reason: "x", ExpiresAt: time.Now().Add(time.Hour),
		})
		require.ErrorIs(t, err, alert.ErrUnavailable)
		own, err := one.service.Acknowledge(t.Context(), time.Now(), alert.Reachable, "ada", "")
		require.NoError(t, err, "its own alert needs nobody else")
		require.NotNil(t, own.Acknowledged)
		one.become("", 0)
		after(20 * time.Second)
		require.Equal(t, []string{"pool_usage pending warning", "pool_usage ok warning", "pool_usage pending warning", "pool_usage firing critical"}, m.posted(), "what was pending begins anew")
		require.Len(t, one.told, 4)
		require.Len(t, one.service.History(alert.Question{}), 8)
	})
}

func TestASlowPostingHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{}, newMeeting()
		one, stop := m.runs(t, w, alert.Config{})
		after(time.Second)
		var at, most atomic.Int32
		m.wait = func(ctx context.Context) {
			most.Store(max(most.Load(), at.Add(1)))
			select {
			case <-time.After(4 * time.Second):
			case <-ctx.Done():
			}
			at.Add(-1)
		}
		w.set(1)
		after(3 * time.Second)
		for range 1000 {
			one.service.Alerts()
			one.service.Rules()
		}
		one.become("", time.Second) // the database does not answer
		after(2500 * time.Millisecond)
		require.Len(t, one.told, 2, "own alerts do not wait")
		one.become("", 0)
		after(30 * time.Second)
		require.EqualValues(t, 1, most.Load(), "one at a time")
		require.Equal(t, []string{"pool_usage pending warning", "pool_usage ok warning", "pool_usage pending warning", "pool_usage firing critical"}, m.posted(), "what was pending begins anew")
		w.set(0)
		after(time.Second)
		begun := time.Now()
		stop()
		require.Less(t, time.Since(begun), 2*time.Second, "a stop waits for no database")
	})
}

func TestTheStateFileHoldsWhatIsOfThisReplica(t *testing.T) {
	file := filepath.Join(t.TempDir(), "alerts.json")
	quiet := alert.Silence{Rule: "pool_usage", Author: "ada", Reason: "secret", ExpiresAt: time.Now().Add(time.Hour)}
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 1}, newMeeting()
		one, stop := m.runs(t, w, alert.Config{State: file})
		after(6 * time.Second)
		quiet.ExpiresAt = time.Now().Add(time.Hour)
		_, err := one.service.Silence(t.Context(), time.Now(), quiet)
		require.NoError(t, err)
		one.become(replica.Cut, time.Second)
		after(3 * time.Second)
		stop()

		again := newMeeting() // another database: what was shared stays in the old one
		other, end := again.runs(t, w, alert.Config{State: file})
		other.become(replica.Cut, time.Second)
		after(100 * time.Millisecond)
		require.Empty(t, other.service.Silences(time.Now()))
		alerts := other.service.Alerts()
		require.Len(t, alerts, 1)
		require.Equal(t, alert.Reachable, alerts[0].Rule)
		require.Len(t, other.service.History(alert.Question{}), 4)
		end()
	})
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotContains(t, string(text), "secret")
}

func TestAWebhookThatHangsHoldsUpNoOther(t *testing.T) {
	hang := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer hanging.Close()
	defer close(hang)
	r := receive(t, always(200))
	var hooks []*alert.Webhook
	for _, address := range []string{hanging.URL, r.URL} {
		h, err := alert.NewWebhook(address, "", nil)
		require.NoError(t, err)
		hooks = append(hooks, h)
	}
	m := newMeeting()
	one, stop := m.runs(t, &world{}, alert.Config{Webhooks: hooks})
	one.become("", time.Second) // this replica's own alert fires after two seconds
	eventually(t, "the other one is told", func() bool { return len(r.heard()) == 1 })
	begun := time.Now()
	stop()
	require.Less(t, time.Since(begun), 2*time.Second)
	require.Contains(t, r.heard()[0], alert.Reachable)
}

func TestADocumentThatCannotBeReadBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 1}, newMeeting()
		m.documents["alert_states"], m.documents["alert_people"] = []byte(`{"version":9}`), []byte(`[]`)
		one, stop := m.runs(t, w, alert.Config{})
		defer stop()
		after(6 * time.Second)
		require.Equal(t, []string{"pool_usage pending warning", "pool_usage firing critical"}, m.posted())
		require.Contains(t, m.document("alert_states"), `"version":1`)
		err := one.service.EndSilence(t.Context(), time.Now(), "x")
		require.ErrorContains(t, err, "reading silences and acknowledgements", "what people said is not thrown away")
	})
}

func TestNobodyLooksNothingIsJudged(t *testing.T) {
	m := newMeeting()
	one := m.join()
	one.service = alert.New(alert.Config{Board: alert.NewBoard(alert.Defaults()), Monitor: monitor.New(monitor.Config{}), Member: one})
	require.NoError(t, one.service.Attend(t.Context(), epoch()))
	one.service.Look(epoch())
	require.Empty(t, one.service.Alerts())
	one.become("", time.Second)
	one.service.Look(epoch())
	require.Equal(t, alert.Reachable, one.service.Alerts()[0].Rule, "but that nobody answers is known")
}

func TestAReceiverKnowsTheAlertWhicheverReplicaTells(t *testing.T) {
	r := receive(t, always(200))
	m := newMeeting()
	prints := map[string]map[any]bool{}
	for _, source := range []string{"http://one:8080", "http://two:8080"} {
		h, err := alert.NewWebhook(r.URL, source, nil)
		require.NoError(t, err)
		seen := len(r.heard())
		one, stop := m.runs(t, &world{}, alert.Config{Webhooks: []*alert.Webhook{h}})
		h.Enqueue([]alert.Notice{notice(source)})
		one.become(replica.Collecting, time.Second)
		eventually(t, "an alert of all and one of this replica are told", func() bool { return len(r.heard()) == seen+2 })
		stop()
	}
	for _, body := range r.bodies {
		told := body["alerts"].([]any)[0].(map[string]any)
		rule := told["labels"].(map[string]any)["alertname"].(string)
		if prints[rule] == nil {
			prints[rule] = map[any]bool{}
		}
		prints[rule][told["fingerprint"]] = true
	}
	require.Len(t, prints["pool_usage"], 1)
	require.Len(t, prints[alert.Reachable], 2)
}

// sparse shows no figure until it has looked for a while, and at the end.
type sparse struct {
	*world

	blind, empty, gone time.Time
}

// Snapshot implements alert.Monitor.
func (s *sparse) Snapshot() monitor.Snapshot {
	seen := s.world.Snapshot()
	switch now := time.Now(); {
	case now.Before(s.blind):
		return monitor.New(monitor.Config{}).Snapshot()
	case now.Before(s.empty), now.After(s.gone):
		seen.Pool.Max = 0
	}
	return seen
}

func TestWhoJudgesAnewWaitsForItsFirstFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 1}, newMeeting()
		_, stop := m.runs(t, w, alert.Config{})
		after(4 * time.Second)
		stop()
		one := m.join()
		m.elect(one)
		begun := time.Now()
		first := &sparse{w, begun.Add(6 * time.Second), begun.Add(9 * time.Second), begun.Add(12 * time.Second)}
		one.service = alert.New(alert.Config{Board: alert.NewBoard(alert.Defaults()), Monitor: first, Member: one})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- one.service.Run(ctx) }()
		after(9500 * time.Millisecond)
		require.Equal(t, []string{"pool_usage pending warning", "pool_usage firing critical"}, m.posted(), "four seconds and one make five")
		after(30 * time.Second)
		require.Equal(t, "pool_usage nodata critical", m.posted()[2], "but it does not wait for ever")
		cancel()
		require.NoError(t, <-ran)
	})
}
