package stream

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// choice is the set of channels a client wants. It starts with everything,
// also with channels that do not exist yet; the first subscription narrows it
// to that channel.
type choice struct {
	wanted uint64
	chosen bool
}

func everything() choice { return choice{wanted: ^uint64(0)} }

func (c choice) has(mask uint64) bool { return c.wanted&mask != 0 }

func (c choice) with(mask uint64) choice {
	if !c.chosen {
		return choice{wanted: mask, chosen: true}
	}
	return choice{wanted: c.wanted | mask, chosen: true}
}

func (c choice) without(mask uint64) choice {
	return choice{wanted: c.wanted &^ mask, chosen: true}
}

// request is what a client may say. Keys that nobody knows are ignored, as v1
// did.
type request struct {
	Type string `json:"type"`
	Data struct {
		Channel string          `json:"channel"`
		Since   json.RawMessage `json:"since"`
	} `json:"data"`
}

// answer carries out what the client said and answers it. The connection stays
// open whatever it was.
func (c *client) answer(message []byte) {
	var said request
	if err := json.Unmarshal(message, &said); err != nil || said.Type == "" {
		c.refuse("malformed_message", "A message is a JSON object with a type.")
		return
	}
	switch said.Type {
	case "ping":
		c.offer([]*frame{reply("pong", struct{}{})})
	case "subscribe":
		c.subscribe(said)
	case "unsubscribe":
		c.choose(said.Data.Channel, "unsubscribed", choice.without)
	default:
		c.refuse("unknown_type", "The types are ping, subscribe and unsubscribe.")
	}
}

func (c *client) refuse(code, message string) {
	c.offer([]*frame{reply("error", errorData{Code: code, Message: message})})
}

// choose changes what the client wants and confirms it, before any further
// message of the channel.
func (c *client) choose(channel, confirmed string, change func(choice, uint64) choice) {
	mask := channelMask(channel)
	if mask == 0 {
		c.refuse("unknown_channel", "connection_established lists the channels.")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.choice = change(c.choice, mask)
	c.queue([]*frame{reply(confirmed, channelData{Channel: channel})})
}

func (c *client) subscribe(said request) {
	channel := said.Data.Channel
	switch given := string(said.Data.Since); {
	case given == "" || given == "null" || channelMask(channel) == 0:
		c.choose(channel, "subscribed", choice.with)
	case !numbered(channel):
		c.refuse("since_not_supported", "Messages of this channel have no numbers to resume from.")
	case !wholeNumber.MatchString(given):
		c.refuse("invalid_since", "since is the seq of the last message that was seen: a whole number from 0.")
	default:
		since, err := strconv.ParseUint(given, 10, 64)
		if err != nil { // far ahead
			since = math.MaxUint64
		}
		c.manager.resume(c, channel, since)
	}
}

var wholeNumber = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

// resume subscribes a client and queues what it has missed. Nobody can number
// or send a message meanwhile, so what was missed joins what comes without a
// gap and without a repetition.
func (m *Manager) resume(c *client, channel string, since uint64) {
	m.order.Lock()
	defer m.order.Unlock()
	p := m.pasts[channel]
	if since > p.latest && (p.latest > 0 || p.begun) {
		c.refuse("since_ahead", fmt.Sprintf("The newest message that was heard here is %d; read the state over HTTP and subscribe without since.", p.latest))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(channelMask(channel)) // it is said again
	missed, complete := p.since(since, m.config.Queue-(len(c.waiting)-c.first))
	c.choice = c.choice.with(channelMask(channel))
	confirmed := reply("subscribed", resumedData{
		Channel: channel, Since: since, Replayed: len(missed), Complete: complete, Seq: p.latest,
	})
	c.queue(append([]*frame{confirmed}, missed...))
}
