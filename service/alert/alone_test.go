package alert_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/replica"
)

// lose drops all documents, as a schema that is dropped does, and lets another
// one lead.
func (m *meeting) lose(next *member) {
	m.mu.Lock()
	names := m.documents
	m.documents = map[string]json.RawMessage{}
	m.mu.Unlock()
	m.elect(next)
	for _, one := range m.members {
		one.hear(nil, names)
	}
}

// heard are the events that the clients of this replica alone were told.
func (m *member) heard(t *testing.T) (events []alert.Event) {
	t.Helper()
	m.mu.Lock()
	told := m.told
	m.mu.Unlock()
	m.alone.mu.Lock()
	defer m.alone.mu.Unlock()
	for _, one := range append(append([]replica.Message{}, m.alone.messages...), told...) {
		var e alert.Event
		require.NoError(t, json.Unmarshal(one.Data, &e))
		events = append(events, e)
	}
	return events
}

func stagesOf(events []alert.Event) (told []string) {
	for _, e := range events {
		told = append(told, e.Rule+" "+string(e.PreviousState)+" "+string(e.State))
	}
	return told
}

func quiet(until time.Duration) alert.Silence {
	return alert.Silence{Rule: "cache_hit", Author: "ada", Reason: "load test", ExpiresAt: time.Now().Add(until)}
}

func TestWhatIsLostIsWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 1}, newMeeting()
		one, stop := m.runs(t, w, alert.Config{})
		defer stop()
		other, end := m.runs(t, w, alert.Config{})
		defer end()
		after(6 * time.Second)
		made, err := other.service.Silence(t.Context(), time.Now(), quiet(time.Hour))
		require.NoError(t, err)
		after(time.Second)
		before, story := one.service.Alerts(), m.posted()
		require.Len(t, before, 1)
		for _, next := range []*member{one, other} {
			m.lose(next)
			after(time.Second)
			late, leave := m.runs(t, w, alert.Config{})
			after(time.Second)
			for _, who := range []*member{one, other, late} {
				require.Equal(t, before, who.service.Alerts())
				require.Equal(t, []alert.Silence{made}, who.service.Silences(time.Now()))
			}
			require.Equal(t, story, m.posted(), "nothing happened")
			leave()
		}
	})
}

func TestATimeAloneGoesOnFromWhatHeldBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 1}, newMeeting()
		_, stop := m.runs(t, w, alert.Config{})
		defer stop()
		hook := webhookTo(t, "http://127.0.0.1:1")
		other, end := m.runs(t, w, alert.Config{Webhooks: []*alert.Webhook{hook}})
		defer end()
		after(6 * time.Second)
		before := other.service.Alerts()
		for range 2 {
			other.become(replica.Alone, 0)
			after(30 * time.Second)
			require.Equal(t, before, other.service.Alerts())
			other.become("", 0)
			after(10 * time.Second)
			require.Equal(t, before, other.service.Alerts())
		}
		require.Empty(t, other.heard(t), "nobody is told again")
		require.Empty(t, hook.Waiting())
	})
}

func TestWhatOneToldAloneIsToldToHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMeeting()
		_, stop := m.runs(t, &world{}, alert.Config{})
		defer stop()
		w, hook := &world{}, webhookTo(t, "http://127.0.0.1:1")
		other, end := m.runs(t, w, alert.Config{Webhooks: []*alert.Webhook{hook}})
		defer end()
		after(time.Second)
		other.become(replica.Alone, 0)
		w.set(0.85)
		after(30 * time.Second)
		require.Len(t, other.service.Alerts(), 1)
		require.Equal(t, []string{"pool_usage nodata pending", "pool_usage pending firing"}, stagesOf(other.heard(t)))
		w.set(0)
		other.become("", 0)
		after(time.Second)
		require.Equal(t, []string{"pool_usage nodata pending", "pool_usage pending firing", "pool_usage firing nodata"}, stagesOf(other.heard(t)))
		story := other.heard(t)
		require.Equal(t, story[0].ID, story[2].ID)
		require.Len(t, other.service.History(alert.Question{}), 3)
		require.Empty(t, other.service.Alerts())
		require.Len(t, hook.Waiting(), 2, "what was not taken waits on, and its end with it")
		require.NotNil(t, hook.Waiting()[1].Ended)
		require.Equal(t, hook.Waiting()[0].ID, hook.Waiting()[1].ID)
		m.elect(other)
		after(time.Second)
		require.Len(t, hook.Waiting(), 2, "also when it leads")
		require.Empty(t, m.events(), "which is nothing to the others")
	})
}

func TestWhoHearsOfAnEndOnlyAfterATimeAloneTellsItNevertheless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 0.85}, newMeeting()
		_, stop := m.runs(t, w, alert.Config{})
		defer stop()
		seen := &world{share: 0.85}
		other, end := m.runs(t, seen, alert.Config{})
		defer end()
		after(6 * time.Second)
		other.become(replica.Alone, 0)
		w.set(0)
		after(30 * time.Second)
		require.Len(t, other.service.Alerts(), 1)
		seen.set(0)
		other.become("", 0)
		after(time.Second)
		posted := m.events()
		require.Equal(t, posted[len(posted)-1:], other.heard(t), "as it was posted")
		require.Len(t, other.service.History(alert.Question{}), len(posted), "and once")
	})
}

func TestWhereNobodyElseJudgedATimeAloneIsPartOfTheStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 0.85}, newMeeting()
		hook := webhookTo(t, "http://127.0.0.1:1")
		one, stop := m.runs(t, w, alert.Config{Webhooks: []*alert.Webhook{hook}})
		defer stop()
		after(6 * time.Second)
		one.become(replica.Alone, 0)
		after(5 * time.Second)
		w.set(0)
		after(25 * time.Second)
		w.set(1)
		after(6 * time.Second)
		told := len(hook.Waiting())
		before := one.service.Alerts()
		require.Len(t, before, 1)
		one.become("", 0)
		after(2 * time.Second)
		require.Equal(t, before, one.service.Alerts())
		require.Contains(t, m.document("alert_states"), before[0].ID, "it is written at once")
		require.Len(t, hook.Waiting(), told)
		w.set(0)
		after(20 * time.Second)
		require.Equal(t, []string{
			"pool_usage firing recovering", "pool_usage recovering ok", "pool_usage ok pending", "pool_usage pending firing",
		}, stagesOf(one.heard(t)))
		posted := m.events()[2:]
		require.Equal(t, []string{"pool_usage recovering ok", "pool_usage firing recovering", "pool_usage recovering ok"}, stagesOf(posted))
		require.Equal(t, m.events()[1].ID, posted[0].ID, "what others knew of ends for them too")
		require.Equal(t, before[0].ID, posted[2].ID)
		require.Len(t, hook.Waiting(), told+1)
	})
}

func TestAnOldTimeAloneNeverComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{}, newMeeting()
		_, stop := m.runs(t, w, alert.Config{})
		seen := &world{share: 1}
		other, end := m.runs(t, seen, alert.Config{})
		defer end()
		after(time.Second)
		other.become(replica.Alone, 0)
		after(10 * time.Second)
		require.Len(t, other.service.Alerts(), 1)
		other.become("", 0)
		seen.set(0)
		w.set(0.85)
		after(10 * time.Second)
		story := m.posted()
		held := other.service.Alerts()
		require.Len(t, held, 1)
		seen.set(0.85)
		m.lose(other)
		stop()
		after(10 * time.Second)
		require.Equal(t, held[0].ID, other.service.Alerts()[0].ID)
		require.Equal(t, story, m.posted())

		other.become(replica.Alone, 0) // nor does it when it is alone again
		after(10 * time.Second)
		require.Equal(t, held[0].ID, other.service.Alerts()[0].ID)
	})
}

func TestWhatPeopleSayToOneThatIsAloneHoldsForAllAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMeeting()
		one, stop := m.runs(t, &world{}, alert.Config{})
		defer stop()
		other, end := m.runs(t, &world{}, alert.Config{})
		defer end()
		after(time.Second)
		say := func(who *member) alert.Silence {
			made, err := who.service.Silence(t.Context(), time.Now(), quiet(time.Hour))
			require.NoError(t, err)
			after(time.Second)
			return made
		}
		known := []alert.Silence{say(other)}
		for range 2 {
			one.become(replica.Alone, 0)
			after(time.Second)
			require.Equal(t, known, one.service.Silences(time.Now()), "what was said to all holds here too, and nothing older")
			meanwhile, alone := say(other), say(one)
			require.NoError(t, one.service.EndSilence(t.Context(), time.Now(), known[0].ID))
			one.become("", 0)
			after(time.Second)
			known = append(known[1:], meanwhile, alone)
			require.Equal(t, known, one.service.Silences(time.Now()))
			require.Equal(t, known, other.service.Silences(time.Now()))
		}
	})
}

func TestWebhooksHearWhatHoldsAfterATimeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 0.85}, newMeeting()
		theirs, hook := webhookTo(t, "http://127.0.0.1:1"), webhookTo(t, "http://127.0.0.1:1")
		one, stop := m.runs(t, w, alert.Config{Webhooks: []*alert.Webhook{theirs}})
		defer stop()
		seen := &world{}
		other, end := m.runs(t, seen, alert.Config{Webhooks: []*alert.Webhook{hook}})
		defer end()
		after(6 * time.Second)
		other.become(replica.Alone, 0)
		after(20 * time.Second)
		require.Len(t, hook.Waiting(), 1)
		require.NotNil(t, hook.Waiting()[0].Ended)
		other.become("", 0)
		after(time.Second)
		require.Len(t, hook.Waiting(), 2, "it still fires for those who share")
		require.Nil(t, hook.Waiting()[1].Ended)
		require.NotEqual(t, theirs.Waiting()[0].Key, hook.Waiting()[1].Key, "which is news")
		require.Equal(t, one.service.Alerts()[0].ID, hook.Waiting()[1].ID)
	})
}

func TestWhatATimeAloneHasOvertakenIsNotDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 0.85}, newMeeting()
		theirs, hook := webhookTo(t, "http://127.0.0.1:1"), webhookTo(t, "http://127.0.0.1:1")
		one, stop := m.runs(t, w, alert.Config{Webhooks: []*alert.Webhook{theirs}})
		other, end := m.runs(t, w, alert.Config{Webhooks: []*alert.Webhook{hook}})
		defer end()
		after(6 * time.Second)
		require.Len(t, theirs.Waiting(), 1)
		one.become(replica.Cut, 0)
		stop()
		other.become(replica.Alone, 0)
		w.set(0)
		after(20 * time.Second)
		m.elect(other)
		other.become("", 0)
		after(time.Second)
		for _, n := range hook.Waiting() {
			require.NotNil(t, n.Ended)
		}
	})
}
