package drive

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Strain is what was seen of the host, the server and the service over a
// stretch of a session. What nobody could see is nil.
type Strain struct {
	Processors *Processors
	Sessions   *Sessions
	Pool       *Pool
}

// Processors is how the time of all processors of this host was spent, in
// shares of it, 0 to 1.
type Processors struct {
	Busy float64
	// Service and Generator are the parts of the system under test and of the
	// harness. Postgres is the part of the server, nil if it runs elsewhere.
	Service, Generator float64
	Postgres           *float64
}

// Sessions is what the working sessions of the service's database did at the
// moments at which they were looked at.
type Sessions struct {
	// Looks is how many times they were looked at.
	Looks int64
	// Waits counts the sessions that were working at a look by what they waited
	// for, as Postgres names it, such as "IO:WalSync" or "Lock:transactionid".
	// The empty name counts those that waited for nothing: they ran.
	Waits map[string]int64
}

// Pool is the service's own word on its connections.
type Pool struct {
	// Used is the greatest number of connections in use, of Of.
	Used, Of int
	// Waited is the greatest share of requests that had to wait for one, 0 to
	// 1, over ten seconds.
	Waited float64
}

// Cause is what a session came up against.
type Cause string

// The causes that can be told apart.
const (
	CauseUnknown    Cause = "unknown"
	CauseProcessors Cause = "processors"
	CauseWAL        Cause = "WAL flush"
	CauseLocks      Cause = "locks"
	CauseStorage    Cause = "storage"
	CausePool       Cause = "connection pool"
	CauseServer     Cause = "waits inside the server"
	CauseNone       Cause = "none"
)

// These words of a diagnosis are no promise: no verdict rests on them.
const (
	// fullyBusy is the share of the processors' time beyond which more work
	// waits for them.
	fullyBusy = 0.9
	// mostly is the share of the sessions' time beyond which what they waited
	// for held them up.
	mostly = 0.5
)

// Diagnose names what saturated, and says in a sentence what that rests on. The
// first rule that fits decides: processors that are busy throughout explain
// every wait, the waits of the server explain a pool that is used up, and a
// pool that is used up explains waiting requests.
func (s Strain) Diagnose() (Cause, string) {
	wait, share := s.Sessions.foremost()
	waits := s.Sessions.String()
	switch {
	case s.Processors == nil && s.Sessions == nil && s.Pool == nil:
		return CauseUnknown, "What saturated cannot be told: neither this host nor the server nor the service could be watched."
	case s.Processors != nil && s.Processors.Busy >= fullyBusy:
		return CauseProcessors, "Saturated are the processors: " + s.Processors.String() + "." + s.Processors.blame()
	case share >= mostly:
		return wait, fmt.Sprintf("Saturated is the server, by %s: %s; %s.", wait, waits, s.Processors)
	case s.Pool != nil && s.Pool.Of > 0 && s.Pool.Used >= s.Pool.Of:
		return CausePool, fmt.Sprintf("Saturated is the service's connection pool: %s; %s; %s.", s.Pool, waits, s.Processors)
	case s.Processors == nil:
		return CauseUnknown, fmt.Sprintf("What saturated cannot be told: %s; %s; %s.", s.Processors, waits, s.Pool)
	}
	return CauseNone, fmt.Sprintf("Nothing that was watched was at its limit: %s; %s; %s.", s.Processors, waits, s.Pool)
}

// String tells how busy the processors were, and with what.
func (p *Processors) String() string {
	if p == nil {
		return "the processors of this host cannot be watched"
	}
	parts := []string{"service " + percent(p.Service)}
	known := p.Service + p.Generator
	if p.Postgres != nil {
		parts = append(parts, "Postgres "+percent(*p.Postgres))
		known += *p.Postgres
	}
	parts = append(parts, "load generator "+percent(p.Generator))
	if rest := p.Busy - known; rest >= 0.005 {
		parts = append(parts, "others "+percent(rest))
	}
	told := fmt.Sprintf("%s busy (%s)", percent(p.Busy), strings.Join(parts, ", "))
	if p.Postgres == nil {
		told += ", with Postgres on another host or out of sight"
	}
	return told
}

// blame says that the service was not what kept the processors busy.
func (p *Processors) blame() string {
	postgres := 0.0
	if p.Postgres != nil {
		postgres = *p.Postgres
	}
	rest := p.Busy - p.Service - p.Generator - postgres
	switch {
	case p.Generator >= p.Service+postgres:
		return " The load generator took most of that: the service alone may hold more."
	case rest >= p.Service+postgres:
		return " Programs that have no part in this took most of that: the service alone may hold more."
	}
	return ""
}

// String tells what the working sessions waited for, the most frequent first.
func (s *Sessions) String() string {
	if s == nil || s.Looks == 0 {
		return "the sessions of the server cannot be watched"
	}
	all := s.working()
	if all == 0 {
		return fmt.Sprintf("no session of the server was at work in %d looks", s.Looks)
	}
	names := slices.SortedFunc(maps.Keys(s.Waits), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Waits[b], s.Waits[a]), cmp.Compare(a, b))
	})
	var told []string
	for _, name := range names[:min(len(names), 3)] {
		what := "waited for " + name
		if name == "" {
			what = "ran"
		}
		told = append(told, fmt.Sprintf("%s %s", percent(float64(s.Waits[name])/float64(all)), what))
	}
	return fmt.Sprintf("of %.1f sessions at work, %s", float64(all)/float64(s.Looks), strings.Join(told, ", "))
}

func (s *Sessions) working() (all int64) {
	for _, n := range s.Waits {
		all += n
	}
	return all
}

// foremost is the cause for which the sessions waited the most, and the share
// of their time that it took.
func (s *Sessions) foremost() (Cause, float64) {
	if s == nil || s.working() == 0 {
		return CauseUnknown, 0
	}
	by := map[Cause]int64{}
	for name, n := range s.Waits {
		if cause := causeOf(name); cause != CauseNone {
			by[cause] += n
		}
	}
	worst := CauseUnknown
	for _, cause := range slices.Sorted(maps.Keys(by)) {
		if by[cause] > by[worst] {
			worst = cause
		}
	}
	return worst, float64(by[worst]) / float64(s.working())
}

// causeOf reads the name of a wait, "type:event". Its spelling changes with the
// version of the server: WALSync became WalSync in 17.
func causeOf(wait string) Cause {
	kind, event, _ := strings.Cut(wait, ":")
	switch {
	case kind == "" || kind == "Client" || kind == "Activity":
		return CauseNone // it ran, or waited for its client
	case strings.HasPrefix(strings.ToLower(event), "wal"):
		return CauseWAL
	case kind == "Lock":
		return CauseLocks
	case kind == "IO":
		return CauseStorage
	}
	return CauseServer
}

// String tells how much of the pool was in use.
func (p *Pool) String() string {
	if p == nil {
		return "the service does not tell of its connections"
	}
	return fmt.Sprintf("%d of the service's %d connections in use, and %s of requests waited for one", p.Used, p.Of, percent(p.Waited))
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }
