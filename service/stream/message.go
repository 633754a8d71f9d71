package stream

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// The channels, which are also the types of the messages they carry.
const (
	MarketData          = "market_data"
	HealthStatus        = "health_status"
	Heartbeat           = "heartbeat"
	DatabasePerformance = "database_performance"
	PerformanceAlert    = "performance_alert"
)

// channelNames lists the channels in the order in which a client is told of
// them. The first three are v1: their messages carry no seq.
func channelNames() []string {
	return []string{MarketData, HealthStatus, Heartbeat, DatabasePerformance, PerformanceAlert}
}

const v1Channels = 3

// timeLayout is RFC 3339 in UTC with microseconds, always of the same width.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Tick is one price as it goes out on the market_data channel.
type Tick struct {
	// Symbol names the instrument.
	Symbol string `json:"symbol"`
	// Price is the price of one unit.
	Price float64 `json:"price"`
	// Volume is how many units were traded.
	Volume float64 `json:"volume"`
	// Trade numbers the trade; with symbol and time it identifies the tick.
	Trade int64 `json:"trade"`
	// At is when the trade took place. It is sent in UTC.
	At time.Time `json:"at"`
}

// envelope is the outer shape of every message. Its order of keys is part of
// the v1 contract.
type envelope struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	// Seq counts the messages of a channel from 1; a client that sees a gap
	// has missed messages. The v1 channels have none.
	Seq  uint64 `json:"seq,omitempty"`
	Data any    `json:"data"`
}

type established struct {
	ClientID string   `json:"client_id"`
	Channels []string `json:"channels"`
}

type health struct {
	Status   string   `json:"status"`
	Services services `json:"services"`
}

type services struct {
	Database  string `json:"database"`
	Websocket string `json:"websocket"`
}

type channelData struct {
	Channel string `json:"channel"`
}

type errorData struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// healthData tells a client how the service is. A service that can say so has
// a healthy socket.
func healthData(status string) health {
	return health{Status: status, Services: services{Database: status, Websocket: "healthy"}}
}

// frame is one message, encoded once, on its way to any number of clients.
type frame struct {
	// mask is the bit of the channel; zero is a message to one client alone,
	// which no subscription holds back.
	mask     uint64
	prepared *websocket.PreparedMessage
	// pong is the payload of a pong frame; the frame is a message if nil.
	pong []byte
}

// channels numbers the messages of the channels that have a seq. Those without
// may be encoded concurrently.
type channels struct{ seq [64]uint64 }

// encode makes the frame of one message on a channel and gives it the next
// number.
func (c *channels) encode(channel string, data any) (*frame, error) {
	index := slices.Index(channelNames(), channel)
	if index < 0 {
		return nil, fmt.Errorf("encoding for channel %q: no such channel", channel)
	}
	f, err := encode(envelope{Type: channel, Timestamp: now(), Seq: c.next(index), Data: data})
	if err != nil {
		return nil, err
	}
	f.mask = 1 << index
	return f, nil
}

func (c *channels) next(index int) uint64 {
	if index < v1Channels {
		return 0
	}
	c.seq[index]++
	return c.seq[index]
}

func now() string { return time.Now().UTC().Format(timeLayout) }

func encode(e envelope) (*frame, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding a %s message: %w", e.Type, err)
	}
	prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, body)
	if err != nil {
		return nil, fmt.Errorf("preparing a %s message: %w", e.Type, err)
	}
	return &frame{prepared: prepared}, nil
}

// reply makes a message to one client out of our own types, which always have
// a JSON form.
func reply(kind string, data any) *frame {
	f, err := encode(envelope{Type: kind, Timestamp: now(), Data: data})
	if err != nil {
		panic(err)
	}
	return f
}
