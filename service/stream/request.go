package stream

import (
	"encoding/json"
	"slices"
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

// request is what a client may say. Keys that v1 does not know are ignored,
// as v1 did.
type request struct {
	Type string `json:"type"`
	Data struct {
		Channel string `json:"channel"`
	} `json:"data"`
}

// answer carries out what the client said and returns what to say in return.
// The connection stays open whatever it was.
func (c *client) answer(message []byte) *frame {
	var said request
	if err := json.Unmarshal(message, &said); err != nil || said.Type == "" {
		return refusal("malformed_message", "A message is a JSON object with a type.")
	}
	switch said.Type {
	case "ping":
		return reply("pong", struct{}{})
	case "subscribe":
		return c.choose(said.Data.Channel, "subscribed", choice.with)
	case "unsubscribe":
		return c.choose(said.Data.Channel, "unsubscribed", choice.without)
	}
	return refusal("unknown_type", "The types are ping, subscribe and unsubscribe.")
}

func (c *client) choose(channel, confirmed string, change func(choice, uint64) choice) *frame {
	index := slices.Index(channelNames(), channel)
	if index < 0 {
		return refusal("unknown_channel", "connection_established lists the channels.")
	}
	c.mu.Lock()
	c.choice = change(c.choice, 1<<index)
	c.mu.Unlock()
	return reply(confirmed, channelData{Channel: channel})
}

func refusal(code, message string) *frame {
	return reply("error", errorData{Code: code, Message: message})
}
