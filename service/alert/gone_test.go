package alert_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/replica"
)

func TestAClockThatJumpsAheadForALookEndsNoSilence(t *testing.T) {
	d := newDesk(t, quick()...)
	made, err := d.Silence(d.now, alert.Silence{Rule: "usage", Author: "ada", Reason: "load test", ExpiresAt: d.now.Add(24 * time.Hour)})
	require.NoError(t, err)
	right := d.now
	d.now = right.Add(48 * time.Hour)
	d.see(busy(0.5))
	require.Empty(t, d.Silences(d.now))
	d.now = right
	d.see(busy(0.5))
	require.Equal(t, []alert.Silence{made}, d.Silences(d.now))
	_, notices := d.see(busy(0.9))
	require.Empty(t, notices)
	require.True(t, d.Alerts()[0].Silenced)
}

// without makes a member that does not have the rule pool_usage.
func (m *meeting) without(t *testing.T, w *world, config alert.Config) (*member, func()) {
	t.Helper()
	rules, err := alert.Parse([]byte("rules: [{name: pool_usage, disabled: true}]"))
	require.NoError(t, err)
	one := m.join()
	config.Board, config.Monitor, config.Member = alert.NewBoard(rules), w, one
	one.service = alert.New(config)
	stop := one.run(t)
	return one, stop
}

func TestAnAlertWhoseRuleTheNextReplicaDoesNotHaveEndsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 1}, newMeeting()
		one, stop := m.runs(t, w, alert.Config{})
		other, end := m.without(t, w, alert.Config{})
		defer end()
		after(6 * time.Second)
		held := one.service.Alerts()
		require.Len(t, held, 1)
		shown := other.service.Alerts()
		require.Len(t, shown, 1, "who follows shows what its clients heard of")
		require.Equal(t, held[0].ID, shown[0].ID)
		require.Equal(t, alert.Firing, shown[0].State)
		require.NotEmpty(t, shown[0].Summary)
		m.elect(other)
		stop()
		after(time.Second)
		require.Equal(t, []string{"pool_usage pending warning", "pool_usage firing critical", "pool_usage nodata critical"}, m.posted())
		require.Equal(t, held[0].ID, m.events()[2].ID)
		require.Empty(t, other.service.Alerts())
		require.Len(t, other.service.History(alert.Question{}), 3)
		require.NotContains(t, m.document("alert_states"), held[0].ID)
	})
}

func TestARuleThatIsRemovedDuringAnOutageLeavesNoAlert(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(file, []byte("rules: [{name: always_on, measure: pool.utilisation, direction: above, warning: {fire: 0.1, clear: 0.05}, for: 0s, keep_firing_for: 0s, summary: It is on.}]"), 0o600))
	synctest.Test(t, func(t *testing.T) {
		w, m := &world{share: 0.5}, newMeeting()
		rules, err := alert.ReadRules(file)
		require.NoError(t, err)
		one := m.join()
		one.service = alert.New(alert.Config{Board: alert.NewBoard(rules), Monitor: w, Member: one, Rules: file})
		stop := one.run(t)
		defer stop()
		after(time.Second)
		require.Equal(t, []string{"always_on firing warning"}, m.posted())
		one.become(replica.Cut, 0)
		after(time.Second)
		require.NoError(t, os.WriteFile(file, []byte("rules: []"), 0o600))
		require.NoError(t, one.service.Reload(time.Now()))
		after(time.Second)
		one.become("", 0)
		after(time.Second)
		require.Equal(t, []string{"always_on firing warning", "always_on nodata warning"}, m.posted())
		require.NotContains(t, m.document("alert_states"), "always_on")
	})
}
