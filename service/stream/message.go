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
	PartitionStatus     = "partition_status"
)

// channelNames lists the channels in the order in which a client is told of
// them. The first three are v1: their messages carry no seq.
func channelNames() []string {
	return []string{MarketData, HealthStatus, Heartbeat, DatabasePerformance, PerformanceAlert, PartitionStatus}
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
	// has missed messages. Messages of the v1 channels have none, nor has what
	// is told by one replica alone.
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

// resumedData answers a subscription that asked for missed messages.
type resumedData struct {
	Channel string `json:"channel"`
	Since   uint64 `json:"since"`
	// Replayed is how many messages follow at once.
	Replayed int `json:"replayed"`
	// Complete is false when there were more since then.
	Complete bool `json:"complete"`
	// Seq is the number of the newest message, 0 if there is none.
	Seq uint64 `json:"seq"`
}

// frame is one message, encoded once, on its way to any number of clients, or
// a control frame to one.
type frame struct {
	// mask is the bit of the channel; zero is a message to one client alone,
	// which no subscription holds back.
	mask uint64
	// seq is the number within the channel; 0 is none.
	seq  uint64
	body []byte
	// prepared is the message as it goes out, for one that many will get.
	prepared *websocket.PreparedMessage
	// control is websocket.PingMessage or PongMessage, with this payload; the
	// frame is a message if it is 0.
	control int
	payload []byte
}

// channelMask is the bit of a channel, 0 if there is no such channel.
func channelMask(channel string) uint64 {
	index := slices.Index(channelNames(), channel)
	if index < 0 {
		return 0
	}
	return 1 << index
}

// numbered says whether the messages of a channel have a seq.
func numbered(channel string) bool { return channelMask(channel)>>v1Channels != 0 }

func stamp(at time.Time) string { return at.UTC().Format(timeLayout) }

func now() string { return stamp(time.Now()) }

// encode makes a message to one client alone.
func encode(e envelope) (*frame, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding a %s message: %w", e.Type, err)
	}
	return &frame{seq: e.Seq, body: body}, nil
}

// news makes a message to all clients of a channel.
func news(channel string, seq uint64, at time.Time, data any) (*frame, error) {
	mask := channelMask(channel)
	if mask == 0 {
		return nil, fmt.Errorf("encoding for channel %q: no such channel", channel)
	}
	f, err := encode(envelope{Type: channel, Timestamp: stamp(at), Seq: seq, Data: data})
	if err != nil {
		return nil, err
	}
	f.mask = mask
	f.prepared, err = websocket.NewPreparedMessage(websocket.TextMessage, f.body)
	if err != nil {
		return nil, fmt.Errorf("preparing a %s message: %w", channel, err)
	}
	return f, nil
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
