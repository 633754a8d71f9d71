package stream_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/stream"
)

const event = `{"id":"pool_usage-1","rule":"pool_usage","severity":"critical","previous_severity":"warning","state":"firing",` +
	`"previous_state":"pending","value":1,"threshold":0.95,"unit":"share","since":"2026-01-05T14:30:00.1Z","at":"2026-01-05T14:30:05.1Z",` +
	`"silenced":false,"summary":"full","runbook":"service/docs/alerts.md#pool_usage"}`

func at(seq uint64) time.Time {
	return time.Date(2026, 1, 5, 14, 30, 0, 0, time.UTC).Add(time.Duration(seq) * time.Second)
}

// alerts relays the alerts from first to last.
func (d *desk) alerts(first, last uint64) {
	for seq := first; seq <= last; seq++ {
		d.Relay(stream.PerformanceAlert, seq, at(seq), json.RawMessage(event))
	}
}

func past(first, last uint64) []stream.Message {
	var told []stream.Message
	for seq := first; seq <= last; seq++ {
		told = append(told, stream.Message{Channel: stream.PerformanceAlert, Seq: seq, At: at(seq), Data: json.RawMessage(event)})
	}
	return told
}

func subscribeSince(channel, since string) string {
	return `{"type":"subscribe","data":{"channel":"` + channel + `","since":` + since + `}}`
}

// hears reads the numbers of the next alerts.
func (c *client) hears(first, last int) {
	c.t.Helper()
	for want := first; want <= last; want++ {
		kind, _, seq := c.next()
		require.Equal(c.t, "performance_alert", kind)
		require.Equal(c.t, want, seq)
	}
}

func TestEveryReplicaSendsTheSameBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var frames []string
		for range 2 {
			d := open(t, stream.Config{})
			c := d.dial(t)
			d.Relay(stream.PerformanceAlert, 41, at(41).In(time.FixedZone("", 3600)), json.RawMessage(event))
			_, message, err := c.ReadMessage()
			require.NoError(t, err)
			frames = append(frames, string(message))
		}
		require.Equal(t, frames[0], frames[1])
		require.True(t, strings.HasPrefix(frames[0], `{"type":"performance_alert","timestamp":"2026-01-05T14:30:41.000000Z","seq":41,"data":{"id":`))
	})
}

func TestWhatOneReplicaTellsAloneHasNoNumberAndIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		d.alerts(1, 3)
		c := d.dial(t)
		d.Relay(stream.PerformanceAlert, 0, at(4), json.RawMessage(event))
		_, message, err := c.ReadMessage()
		require.NoError(t, err)
		require.NotContains(t, string(message), "seq")
		c.say(subscribeSince("performance_alert", "2"))
		require.EqualValues(t, 1, c.expect("subscribed")["replayed"])
		c.hears(3, 3)
		d.alerts(4, 4)
		c.hears(4, 4)
	})
}

func TestAMessageThatWasHeardBeforeIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		d.Remember(stream.PerformanceAlert, past(1, 5))
		c := d.dial(t)
		d.alerts(3, 7)
		d.alerts(7, 8)
		c.hears(6, 8)
	})
}

func TestNumbersThatBeginAnewLoseNoAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		d.alerts(1, 5)
		c := d.dial(t)
		d.Relay(stream.PerformanceAlert, 2, at(100), json.RawMessage(event))
		c.hears(2, 2)
		c.say(subscribeSince("performance_alert", "1"))
		require.Equal(t, map[string]any{"channel": "performance_alert", "since": 1., "replayed": 1., "complete": true, "seq": 2.}, c.expect("subscribed"))
		c.hears(2, 2)
	})
}

func TestAClientThatComesBackGetsWhatItMissed(t *testing.T) {
	tests := map[string]struct {
		config   stream.Config
		before   func(*desk)
		since    string
		replayed int
		complete bool
		seq      int
	}{
		"three alerts":                    {before: func(d *desk) { d.alerts(1, 44) }, since: "41", replayed: 3, complete: true, seq: 44},
		"nothing":                         {before: func(d *desk) { d.alerts(1, 44) }, since: "44", complete: true, seq: 44},
		"everything":                      {before: func(d *desk) { d.alerts(1, 44) }, since: "0", replayed: 44, complete: true, seq: 44},
		"what the replica was told of":    {before: func(d *desk) { d.Remember(stream.PerformanceAlert, past(30, 44)) }, since: "41", replayed: 3, complete: true, seq: 44},
		"what it was told of, and heard":  {before: func(d *desk) { d.alerts(43, 44); d.Remember(stream.PerformanceAlert, past(30, 43)) }, since: "41", replayed: 3, complete: true, seq: 44},
		"more than the replica was told":  {before: func(d *desk) { d.Remember(stream.PerformanceAlert, past(43, 44)) }, since: "41", replayed: 2, seq: 44},
		"more than the replica has heard": {before: func(d *desk) { d.alerts(43, 44) }, since: "41", replayed: 2, seq: 44},
		"a gap in what it has heard":      {before: func(d *desk) { d.alerts(40, 42); d.alerts(44, 44) }, since: "41", replayed: 2, seq: 44},
		"more than is kept":               {before: func(d *desk) { d.alerts(1, 1101) }, since: "100", replayed: 1000, seq: 1101},
		"just what is kept":               {before: func(d *desk) { d.alerts(1, 1101) }, since: "101", replayed: 1000, complete: true, seq: 1101},
		"more than may wait for a client": {config: stream.Config{Queue: 10}, before: func(d *desk) { d.alerts(1, 44) }, since: "20", replayed: 10, seq: 44},
		"nothing was ever told":           {before: func(d *desk) { d.Remember(stream.PerformanceAlert, nil) }, since: "0", complete: true},
		"it is not known what was told":   {before: func(*desk) {}, since: "41"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, test.config)
				test.before(d)
				c := d.dial(t)
				c.say(subscribeSince("performance_alert", test.since))
				answer := c.expect("subscribed")
				require.EqualValues(t, test.replayed, answer["replayed"])
				require.Equal(t, test.complete, answer["complete"])
				require.EqualValues(t, test.seq, answer["seq"])
				d.alerts(uint64(test.seq)+1, uint64(test.seq)+1)
				for i := range test.replayed {
					_, _, seq := c.next()
					if name != "a gap in what it has heard" {
						require.Equal(t, test.seq-test.replayed+1+i, seq)
					}
				}
				c.hears(test.seq+1, test.seq+1)
			})
		})
	}
}

func TestAPlaceToResumeFromThatIsNoneIsRefusedAndChangesNothing(t *testing.T) {
	tests := map[string]struct{ channel, since, code string }{
		"in the future":                {"performance_alert", "45", "since_ahead"},
		"far in the future":            {"performance_alert", "123456789012345678901234567890", "since_ahead"},
		"negative":                     {"performance_alert", "-1", "invalid_since"},
		"a fraction":                   {"performance_alert", "41.0", "invalid_since"},
		"a power":                      {"performance_alert", "1e1", "invalid_since"},
		"a text":                       {"performance_alert", `"41"`, "invalid_since"},
		"a list":                       {"performance_alert", `[41]`, "invalid_since"},
		"of a channel without numbers": {"market_data", "41", "since_not_supported"},
		"of a channel nobody knows":    {"weather", "41", "unknown_channel"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, stream.Config{})
				d.alerts(1, 44)
				c := d.dial(t)
				c.say(subscribeSince(test.channel, test.since))
				require.Equal(t, test.code, c.expect("error")["code"])
				d.PublishTicks(ticks(1))
				c.expect("market_data")
				d.alerts(45, 45)
				c.hears(45, 45)
			})
		})
	}
}

func TestWithoutAPlaceToResumeFromTheAnswerIsThatOfVersionOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		d.alerts(1, 44)
		c := d.dial(t)
		c.say(subscribeSince("performance_alert", "null"))
		require.Equal(t, map[string]any{"channel": "performance_alert"}, c.expect("subscribed"))
		d.alerts(45, 45)
		c.hears(45, 45)
	})
}

// A channel keeps a megabyte at most, however many messages that is.
func TestLongMessagesAreKeptInSmallerNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, stream.Config{})
		long := json.RawMessage(strings.Replace(event, `"full"`, `"`+strings.Repeat("x", 100_000)+`"`, 1))
		for seq := uint64(1); seq <= 20; seq++ {
			d.Relay(stream.PerformanceAlert, seq, at(seq), long)
		}
		c := d.dial(t)
		c.say(subscribeSince("performance_alert", "0"))
		require.EqualValues(t, 10, c.expect("subscribed")["replayed"])
		c.hears(11, 20)
	})
}

// Clients come back, at any moment, while alerts are told: run it with -race.
func TestNobodyThatComesBackMissesAnAlertOrHearsItTwice(t *testing.T) {
	d := open(t, stream.Config{})
	d.alerts(1, 100)
	const last = 900
	told := make(chan struct{})
	go func() {
		defer close(told)
		for seq := uint64(101); seq <= last; seq++ {
			d.alerts(seq, seq)
			if seq%10 == 0 {
				<-time.After(100 * time.Microsecond)
			}
		}
	}()
	for back := range 20 {
		t.Run(fmt.Sprint(back), func(t *testing.T) {
			t.Parallel()
			c := d.dial(t)
			seen := rand.IntN(100)
			for seen < last {
				c.say(subscribeSince("performance_alert", fmt.Sprint(seen)))
				for kind, _, _ := c.next(); kind != "subscribed"; kind, _, _ = c.next() { // what came before it is said again
				}
				for range 1 + rand.IntN(200) {
					if seen == last {
						break
					}
					kind, _, seq := c.next()
					require.Equal(t, "performance_alert", kind)
					require.Equal(t, seen+1, seq)
					seen = seq
				}
			}
		})
	}
	t.Cleanup(func() { <-told })
}

func TestAMistakeOfTheProgramIsNotRelayed(t *testing.T) {
	var log bytes.Buffer
	m := stream.NewManager(stream.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	m.Relay("weather", 0, at(1), json.RawMessage(`{}`))
	m.Relay(stream.MarketData, 1, at(1), json.RawMessage(`{}`))
	m.Relay(stream.PerformanceAlert, 1, at(1), json.RawMessage(`{`))
	require.Equal(t, 3, strings.Count(log.String(), "message not relayed"))
	m.Remember(stream.MarketData, nil)
	m.Remember(stream.PerformanceAlert, []stream.Message{{Seq: 1, Data: json.RawMessage(`{`)}})
	require.Equal(t, 2, strings.Count(log.String(), "not remembered"))
}
