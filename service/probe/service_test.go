package probe_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/probe"
	"github.com/signoff-dev/signoff/service/replica"
)

// table is where replicas share documents.
type table struct {
	mu   sync.Mutex
	body json.RawMessage
	// written is when, by the clock of the server.
	written time.Time
	posted  atomic.Int64
	broken  bool
}

// seat is one replica at the table.
type seat struct {
	*table

	leads bool
}

func (s *seat) Leads() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leads
}

func (s *seat) lead(leads bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leads = leads
}

func (s *seat) Post(_ context.Context, p replica.Posting) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errors.New("gone")
	}
	s.body, s.written = p.Documents[probe.Document], time.Now()
	s.posted.Add(1)
	return nil
}

func (s *seat) LoadAged(context.Context, string) (json.RawMessage, time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return nil, 0, errors.New("gone")
	}
	return s.body, time.Since(s.written), nil
}

// gauge measures one figure at once, and counts.
type gauge struct {
	mu     sync.Mutex
	rounds atomic.Int64
	value  *float64
	reason *string
}

func (g *gauge) measure(context.Context) (probe.Round, []probe.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rounds.Add(1)
	now := time.Now().UTC()
	m := probe.Metric{Name: probe.PoolEffect, Value: g.value, Reason: g.reason}
	if g.value != nil {
		m.MeasuredAt = &now
	}
	return probe.Round{State: "measured", At: &now}, []probe.Metric{m}
}

// run runs a service until the test's bubble ends it.
func run(t *testing.T, config probe.Config) *probe.Service {
	t.Helper()
	s := probe.New(config)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	synctest.Wait()
	return s
}

// pass lets virtual time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func figure(a probe.Answer, name string) probe.Metric {
	for _, m := range a.Metrics {
		if m.Name == name {
			return m
		}
	}
	return probe.Metric{}
}

func TestTheLeaderMeasuresTenSecondsAfterItsStartAndThenEachFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, member := &gauge{value: new(float64)}, &seat{table: &table{}, leads: true}
		*g.value = 4
		s := run(t, probe.Config{Member: member, Measure: g.measure})
		before := s.Answer()
		require.Equal(t, []string{"not_measured"}, before.Reasons)
		require.Len(t, before.Metrics, len(probe.Targets()))
		for _, m := range before.Metrics {
			require.Equal(t, "not_measured", *m.Reason)
			require.Equal(t, probe.Undecided, m.Met)
		}
		pass(9 * time.Second)
		require.Zero(t, g.rounds.Load())
		pass(2 * time.Second)
		require.EqualValues(t, 1, g.rounds.Load())
		pass(4*time.Minute + 50*time.Second)
		require.EqualValues(t, 1, g.rounds.Load())
		require.GreaterOrEqual(t, *s.Answer().AgeMS, int64(290_000))
		pass(11 * time.Second)
		require.EqualValues(t, 2, g.rounds.Load())
		require.LessOrEqual(t, *s.Answer().AgeMS, int64(3000))
	})
}

func TestAFollowerMeasuresNothingAndShowsWhatTheLeaderMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &table{}
		value := 4.0
		g, none := &gauge{value: &value}, &gauge{}
		run(t, probe.Config{Member: &seat{table: shared, leads: true}, Measure: g.measure})
		following := &seat{table: shared}
		follower := run(t, probe.Config{Member: following, Measure: none.measure})
		pass(12 * time.Second)
		require.Nil(t, follower.Answer().MeasuredAt, "nobody told it yet")
		follower.Changed()
		synctest.Wait()
		require.Equal(t, 4.0, *figure(follower.Answer(), probe.PoolEffect).Value)

		restarted := run(t, probe.Config{Member: &seat{table: shared}, Measure: none.measure})
		require.Equal(t, 4.0, *figure(restarted.Answer(), probe.PoolEffect).Value)
		pass(30 * time.Second)
		following.lead(true)
		pass(30 * time.Second)
		require.Zero(t, none.rounds.Load(), "the old leader measured a minute ago")
		require.GreaterOrEqual(t, *restarted.Answer().AgeMS, int64(60_000))
	})
}

func TestTheAgeOfWhatAnotherMeasuredIsTrueWhateverItsClock(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			measured := func(ago time.Duration, value float64) json.RawMessage {
				at := time.Now().Add(off - ago).UTC()
				body, err := json.Marshal(probe.Answer{
					MeasuredAt: &at, Round: probe.Round{State: "measured", At: &at},
					Metrics: []probe.Metric{{Name: probe.PoolEffect, Value: &value, MeasuredAt: &at}},
				})
				require.NoError(t, err)
				return body
			}
			shared := &table{body: measured(20*time.Second, 3), written: time.Now().Add(-20 * time.Second)}
			follower := run(t, probe.Config{Member: &seat{table: shared}, Measure: (&gauge{}).measure})
			require.EqualValues(t, 20_000, *follower.Answer().AgeMS)
			require.EqualValues(t, 20_000, *figure(follower.Answer(), probe.PoolEffect).AgeMS)

			off = 0 // another leads now, and its clock is right
			shared.mu.Lock()
			shared.body, shared.written = measured(0, 4), time.Now()
			shared.mu.Unlock()
			follower.Changed()
			synctest.Wait()
			require.Equal(t, 4.0, *figure(follower.Answer(), probe.PoolEffect).Value)
		})
	}
}

func TestAFollowerThatNobodyTellsLooksByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &table{broken: true}
		follower := run(t, probe.Config{Member: &seat{table: shared}, Measure: (&gauge{}).measure})
		value := 4.0
		g := &gauge{value: &value}
		shared.mu.Lock()
		shared.broken = false
		shared.mu.Unlock()
		run(t, probe.Config{Member: &seat{table: shared, leads: true}, Measure: g.measure})
		pass(75 * time.Second)
		require.NotNil(t, follower.Answer().MeasuredAt)
	})
}

func TestAReplicaThatStartsBeforeItsDatabaseAnswersFindsWhatWasMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &table{}
		value := 4.0
		before := &gauge{value: &value}
		first := &seat{table: shared, leads: true}
		run(t, probe.Config{Member: first, Measure: before.measure})
		pass(11 * time.Second)
		first.lead(false)

		shared.mu.Lock()
		shared.broken = true
		shared.mu.Unlock()
		g := &gauge{value: &value}
		s := run(t, probe.Config{Member: &seat{table: shared, leads: true}, Measure: g.measure})
		require.Nil(t, s.Answer().MeasuredAt)
		shared.mu.Lock()
		shared.broken = false
		shared.mu.Unlock()
		pass(2 * time.Second)
		require.NotNil(t, s.Answer().MeasuredAt)
		pass(4 * time.Minute)
		require.Zero(t, g.rounds.Load(), "another has measured less than five minutes ago")
	})
}

func TestABusyDatabaseIsLeftAloneAndTriedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		value := 4.0
		g, member := &gauge{value: &value}, &seat{table: &table{}, leads: true}
		var mu sync.Mutex
		occupied := true
		s := run(t, probe.Config{Member: member, Measure: g.measure, Busy: func() bool {
			mu.Lock()
			defer mu.Unlock()
			return occupied
		}})
		pass(11 * time.Second)
		require.Zero(t, g.rounds.Load())
		require.Equal(t, "skipped", s.Answer().Round.State)
		require.Equal(t, "busy", *s.Answer().Round.Reason)
		require.EqualValues(t, 1, member.posted.Load(), "the others are told")
		mu.Lock()
		occupied = false
		mu.Unlock()
		pass(31 * time.Second)
		require.EqualValues(t, 1, g.rounds.Load())
		require.Equal(t, "measured", s.Answer().Round.State)
	})
}

func TestAFigureThatCannotBeMeasuredForOnceStaysAndGrowsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		value := 4.0
		g := &gauge{value: &value}
		s := run(t, probe.Config{Member: &seat{table: &table{}, leads: true}, Measure: g.measure})
		pass(11 * time.Second)
		for reason, stays := range map[string]bool{"timed_out": true, "out_of_budget": true, "unavailable": true} {
			g.mu.Lock()
			g.value, g.reason = nil, &reason
			g.mu.Unlock()
			pass(5*time.Minute + time.Second)
			m := figure(s.Answer(), probe.PoolEffect)
			require.Equal(t, stays, m.Value != nil, reason)
			require.GreaterOrEqual(t, *m.AgeMS, int64(300_000))
		}
		gone := "not_applicable"
		g.mu.Lock()
		g.reason = &gone
		g.mu.Unlock()
		pass(5*time.Minute + time.Second)
		require.Nil(t, figure(s.Answer(), probe.PoolEffect).Value)
	})
}

func TestWhatCannotBeSharedIsStillShownHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		value := 4.0
		g := &gauge{value: &value}
		s := run(t, probe.Config{Member: &seat{table: &table{broken: true}, leads: true}, Measure: g.measure})
		pass(11 * time.Second)
		require.Equal(t, 4.0, *figure(s.Answer(), probe.PoolEffect).Value)
	})
}
