package alert_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/replica"
)

// company is replicas of which each is alone or cut off now and then.
type company struct {
	*meeting
	*view

	t     *testing.T
	hooks map[*member]*alert.Webhook
	clock time.Time
	// told is what a receiver was told last of each rule.
	told map[string]alert.Notice
}

// step lets everybody look and speak with the others, and deliver.
func (c *company) step(d time.Duration, all bool) {
	c.clock = c.clock.Add(d)
	for _, one := range c.members {
		one.service.Look(c.clock)
		if all || c.IntN(3) > 0 {
			c.attend(one)
		}
	}
}

func (c *company) attend(one *member) {
	_ = one.service.Attend(c.t.Context(), c.clock)
	for n, ok := alert.Deliver(c.hooks[one]); ok; n, ok = alert.Deliver(c.hooks[one]) {
		c.told[n.Rule] = n
	}
}

// change lets something happen to one replica. One that leads is followed by
// another one, if there is one.
func (c *company) change() {
	one := c.members[c.IntN(len(c.members))]
	states := []replica.State{"", replica.Alone, replica.Alone, replica.Cut}
	c.settled(one)
	one.become(states[c.IntN(len(states))], 0)
	c.settled(one)
	if c.leader.state == "" {
		return
	}
	for _, next := range c.members {
		if next.state == "" {
			c.elect(next)
			c.settled(next)
			return
		}
	}
}

// forget loses the documents; who leads knows what was in them.
func (c *company) forget() {
	if c.leader.state == "" {
		c.settled(c.leader)
		c.lose(c.leader)
		c.settled(c.leader)
	}
}

// settled lets one speak with the others without a failure.
func (c *company) settled(one *member) {
	fails := c.fail
	c.fail = nil
	c.attend(one)
	c.fail = fails
}

// Whatever becomes of a replica, its clients and the webhooks are told how all
// that they were told of has ended.
func TestAfterTimesAloneNothingIsLeftOpen(t *testing.T) {
	stories(t, 100, func(r *rand.Rand) {
		c := &company{
			meeting: newMeeting(), view: &view{Rand: r, steady: true}, t: t,
			hooks: map[*member]*alert.Webhook{}, clock: epoch(), told: map[string]alert.Notice{},
		}
		rules := wanderingRules(r)
		for range 1 + r.IntN(3) {
			one, hook := newReplica(t, c.meeting, rules, c.view)
			c.hooks[one] = hook
		}
		c.fail = sometimes(r)
		for range 100 {
			c.wander()
			c.step(c.pace(), false)
			switch r.IntN(15) {
			case 0, 1:
				c.change()
			case 2:
				c.forget()
			}
		}
		c.fail = nil
		for _, one := range c.members {
			c.settled(one)
			one.become("", 0)
		}
		c.show(-100)
		for range 40 {
			c.step(time.Second, true)
		}
		for rule, n := range c.told {
			require.NotNil(t, n.Ended, rule)
		}
		for _, one := range c.members {
			require.Empty(t, one.service.Alerts())
			last := map[string]alert.Event{}
			for _, message := range one.ears {
				var e alert.Event
				require.NoError(t, json.Unmarshal(message.Data, &e))
				last[e.ID] = e
			}
			for _, e := range last {
				require.False(t, e.State.Active(), "%+v", e)
			}
		}
	})
}
