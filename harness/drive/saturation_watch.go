package drive

import (
	"context"
	"encoding/json"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Observer looks at the host, the server and the service while a session is
// played. Its looks are few and cheap, and none of them goes the way of the
// load: it has a connection of its own to each.
type Observer struct {
	// DSN is the database of the service; empty watches none.
	DSN string
	// Service is the process of the service.
	Service int
	// Market is the service.
	Market *Market

	mu      sync.Mutex
	looks   []sight
	pools   []poolLook
	hostOf  string // where the host tells of its processors; empty is /proc
	servers census
}

const (
	// glance is the time between two looks at the processors and the sessions.
	glance = 100 * time.Millisecond
	// poolGlance is the time between two questions about the pool: the service
	// looks at it once a second.
	poolGlance = time.Second
)

// sight is what one look saw. Processor times are sums since the beginning, in ticks.
type sight struct {
	at                           time.Time
	host                         bool // the processors could be seen
	busy, total                  uint64
	service, generator, postgres uint64
	local                        bool // the server runs on this host
	server                       bool // the sessions could be seen
	waits                        []string
}

type poolLook struct {
	at   time.Time
	pool Pool
}

// While looks on while do runs, and returns what it returns. What cannot be
// seen stays unknown and is no error.
func (o *Observer) While(ctx context.Context, do func() error) error {
	looking, stop := context.WithCancel(ctx)
	var both sync.WaitGroup
	both.Go(func() { o.watchServer(looking) })
	both.Go(func() { o.watchPool(looking) })
	err := do()
	stop()
	both.Wait()
	return err
}

func (o *Observer) watchServer(ctx context.Context) {
	var conn *pgx.Conn
	if o.DSN != "" {
		var err error
		if conn, err = connect(ctx, o.DSN, "watching the server"); err == nil {
			defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		}
	}
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		l := o.see(ctx, conn)
		if ctx.Err() != nil {
			return
		}
		o.mu.Lock()
		o.looks = append(o.looks, l)
		o.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// sessionsSQL yields the processes of the server, and of the working sessions
// of this database what they wait for.
const sessionsSQL = `SELECT pid, datname = current_database() AND state = 'active' AND backend_type = 'client backend' IS TRUE,
	coalesce(wait_event_type || ':' || wait_event, '') FROM pg_stat_activity WHERE pid <> pg_backend_pid()`

func (o *Observer) see(ctx context.Context, conn *pgx.Conn) sight {
	var l sight
	var processes []int
	if conn != nil {
		rows, _ := conn.Query(ctx, sessionsSQL)
		var pid int
		var working *bool
		var wait string
		_, err := pgx.ForEachRow(rows, []any{&pid, &working, &wait}, func() error {
			processes = append(processes, pid)
			if working != nil && *working {
				l.waits = append(l.waits, wait)
			}
			return nil
		})
		l.server = err == nil
	}
	l.at = time.Now()
	proc := o.proc()
	if l.busy, l.total, l.host = proc.processors(); !l.host {
		return l
	}
	_, l.service, _ = proc.process(o.Service)
	_, l.generator, _ = proc.process(os.Getpid())
	l.postgres, l.local = o.servers.count(proc, processes)
	return l
}

func (o *Observer) proc() procfs {
	if o.hostOf != "" {
		return procfs(o.hostOf)
	}
	return "/proc"
}

func (o *Observer) watchPool(ctx context.Context) {
	if o.Market == nil {
		return
	}
	own := NewMarket(o.Market.base, 1)
	defer own.Close()
	tick := time.NewTicker(poolGlance)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		_, raw, err := own.fetch(ctx, "/api/health/database")
		if pool, told := poolIn(raw); err == nil && told {
			o.mu.Lock()
			o.pools = append(o.pools, poolLook{time.Now(), pool})
			o.mu.Unlock()
		}
	}
}

// poolIn reads what an answer about the health of the database says about the pool.
func poolIn(raw []byte) (Pool, bool) {
	var said struct {
		Pool *struct {
			Acquired  int      `json:"acquired"`
			Max       int      `json:"max"`
			WaitShare *float64 `json:"wait_share"`
		} `json:"pool"`
	}
	if json.Unmarshal(raw, &said) != nil || said.Pool == nil || said.Pool.Max <= 0 {
		return Pool{}, false
	}
	p := Pool{Used: said.Pool.Acquired, Of: said.Pool.Max}
	if said.Pool.WaitShare != nil {
		p.Waited = *said.Pool.WaitShare
	}
	return p, true
}

// Strain sums up what was seen from one moment to another. The pool is taken
// from one look later as well: the service tells of the last second.
func (o *Observer) Strain(from, to time.Time) Strain {
	o.mu.Lock()
	defer o.mu.Unlock()
	var s Strain
	var first, last *sight
	for i := range o.looks {
		l := &o.looks[i]
		if l.host && (first == nil || !l.at.After(from)) {
			first = l
		}
		if l.host && (last == nil || !l.at.After(to)) {
			last = l
		}
		if !l.server || l.at.Before(from) || l.at.After(to) {
			continue
		}
		if s.Sessions == nil {
			s.Sessions = &Sessions{Waits: map[string]int64{}}
		}
		s.Sessions.Looks++
		for _, wait := range l.waits {
			s.Sessions.Waits[wait]++
		}
	}
	s.Processors = spent(first, last)
	for _, p := range o.pools {
		if p.at.Before(from) || p.at.After(to.Add(poolGlance)) {
			continue
		}
		if s.Pool == nil {
			s.Pool = &Pool{}
		}
		s.Pool.Used, s.Pool.Of, s.Pool.Waited = max(s.Pool.Used, p.pool.Used), p.pool.Of, max(s.Pool.Waited, p.pool.Waited)
	}
	return s
}

// spent is how the time between two looks was spent.
func spent(first, last *sight) *Processors {
	if first == nil || last == nil || last.total <= first.total {
		return nil
	}
	all := float64(last.total - first.total)
	share := func(from, to uint64) float64 { return float64(to-min(from, to)) / all }
	p := &Processors{
		Busy:      share(first.busy, last.busy),
		Service:   share(first.service, last.service),
		Generator: share(first.generator, last.generator),
	}
	if first.local && last.local {
		postgres := share(first.postgres, last.postgres)
		p.Postgres = &postgres
	}
	return p
}
