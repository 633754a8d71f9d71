// Package replica lets several marketd share one Postgres. One of them, the
// holder of an advisory lock, collects: it alone looks at the database, judges
// and numbers messages. All of them hear every message, through a row in a
// table and its number in a notification, and serve their own clients.
//
// What the collector writes goes over the very session that holds its lock, so
// that one that lost the lock can write nothing any more. A collector that
// hangs is put out by the others.
//
// It exists because monitor, alert, stream and history all need it and none of
// them is its home. It refuses to know what messages and documents mean.
package replica

import (
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// State is what a replica is at the moment.
type State string

// The states. Alone and Collecting lead.
const (
	// Alone: nothing is shared, for the database has no schema "monitoring"
	// and this role may not make it. Messages are numbered and documents kept
	// in this process.
	Alone State = "alone"
	// Collecting: this replica holds the lock.
	Collecting State = "collecting"
	// Following: another one does.
	Following State = "following"
	// Cut: the database does not answer this replica.
	Cut State = "cut"
)

var (
	// ErrNotLeading says that only a replica that leads may post.
	ErrNotLeading = errors.New("another replica collects")
	// ErrCut says that the database does not answer this replica.
	ErrCut = errors.New("the database where the replicas meet does not answer")
)

// Message is what everybody hears.
type Message struct {
	Channel string
	// Seq numbers the messages of a channel without gaps, the same on
	// every replica. It is 0 for what Tell told: that is of this replica alone.
	Seq  uint64
	At   time.Time // in UTC, microseconds
	Data json.RawMessage
}

// Draft is a message that has no number yet.
type Draft struct {
	Channel string
	Data    json.RawMessage
}

// Posting is what is written in one transaction, or not at all.
type Posting struct {
	Messages []Draft
	// Documents replace those of their names.
	Documents map[string]json.RawMessage
	// Term, unless it is 0, refuses with ErrNotLeading what was judged in
	// another term than this one.
	Term uint64
	// Lasting waits until it would survive a crash of the server; without it a
	// crash may take the last moments.
	Lasting bool
}

// Peer is what a replica last reported of itself.
type Peer struct {
	Name string
	// Age is since it reported, by the server's clock.
	Age  time.Duration
	Body json.RawMessage
}

// Config is what a Member needs.
type Config struct {
	// Database is where the replicas meet. Nil is alone.
	Database *pgx.ConnConfig
	// Name tells this replica from others. Required with a database.
	Name string
	// Hear is told every message, in the order of their numbers within a
	// channel, each once, from one goroutine. It must not block.
	Hear func(Message)
	// Changed is told the name of a document that somebody changed. It must
	// not block and must not call the Member. Nil is nobody.
	Changed func(name string)
	// Log receives who collects and what could not be done. Nil discards it.
	Log *slog.Logger
}
