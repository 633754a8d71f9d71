package monitor

import (
	"context"
	"encoding/json"
	"time"

	"github.com/signoff-dev/signoff/service/replica"
)

// Replicas are the marketd that share the database; *replica.Member is them.
type Replicas interface {
	// State is what this process is among them.
	State() replica.State
	// Silence is for how long the database has not answered.
	Silence() time.Duration
	// Post tells everybody, and replaces documents.
	Post(ctx context.Context, p replica.Posting) error
	// Tell tells only those who listen at this replica.
	Tell(d replica.Draft)
	// LoadAged returns a document and how long ago it was written, by the
	// server's clock; nil if there is none.
	LoadAged(ctx context.Context, name string) (json.RawMessage, time.Duration, error)
	// Report tells the others how this replica is, Peers is what they told.
	Report(ctx context.Context, body json.RawMessage) error
	Peers(ctx context.Context) ([]replica.Peer, error)
}

// The documents that the replicas share.
const (
	snapshotDocument   = "snapshot"
	partitionsDocument = "partitions"
)

const (
	// exchangeTime bounds one exchange with the other replicas.
	exchangeTime = time.Second
	// silent is the silence of the database from which a replica calls it
	// unreachable.
	silent = 1100 * time.Millisecond
	// recent is the age up to which the figures of another replica count; an
	// older one is still listed.
	recent = 3 * time.Second
)

// role is what this process does.
type role int

const (
	leading   role = iota // it looks at the database and tells all
	following             // it serves what the leader saw
	lonely                // it looks too, for nobody is known to lead, and tells its own clients
	cut                   // it serves what it last knew, as a failure
)

func (c Config) role() role {
	if c.Replicas == nil {
		return leading
	}
	switch c.Replicas.State() {
	case replica.Alone, replica.Collecting:
		return leading
	case replica.Following:
		return following
	case replica.Cut:
	}
	// The database may answer while the replicas do not find each other: for
	// the moment in which another one takes over, or if their tables are locked.
	if c.silence() < silent {
		return lonely
	}
	return cut
}

func (c Config) silence() time.Duration {
	if c.Replicas == nil {
		return 0
	}
	return c.Replicas.Silence()
}

// Instance is one marketd of those that share the database.
type Instance struct {
	Name string `json:"name"`
	// AgeMS is how long ago it reported, in milliseconds.
	AgeMS int64 `json:"age_ms"`
	// Leading says that the figures of this snapshot were read by it.
	Leading bool `json:"leading"`
	// Utilisation and WaitShare are of its pool, P99MS is of its statements.
	Utilisation float64  `json:"utilisation"`
	WaitShare   *float64 `json:"wait_share"`
	P99MS       *float64 `json:"p99_ms"`
	// Clients are connected to its socket; null where unknown.
	Clients *int64 `json:"clients"`

	local Local
}

func instance(name string, l Local, age time.Duration, leads bool) Instance {
	return Instance{
		Name: name, AgeMS: max(0, age.Milliseconds()), Leading: leads, Utilisation: l.Pool.Utilisation,
		WaitShare: l.Pool.WaitShare, P99MS: l.Queries.P99MS, Clients: l.Clients, local: l,
	}
}
