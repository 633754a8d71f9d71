package monitor_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/internal/testdb"
	"github.com/signoff-dev/signoff/service/migrate"
	"github.com/signoff-dev/signoff/service/monitor"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// watch is a service that watches a database, four times a second.
type watch struct {
	*monitor.Service
	t      *testing.T
	served *pgxpool.Pool
	own    *pgxpool.Pool
	heard  chan monitor.Snapshot

	mu     sync.Mutex
	counts map[string]int
}

// told counts the messages of a channel.
func (w *watch) told(channel string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[channel]
}

// Broadcast implements monitor.Publisher.
func (w *watch) Broadcast(channel string, data any) {
	w.mu.Lock()
	w.counts[channel]++
	w.mu.Unlock()
	kind := "ws/" + channel
	frame, err := json.Marshal(map[string]any{"type": channel, "timestamp": "2026-01-05T14:30:00Z", "data": data})
	if err == nil {
		err = contracts.Check(kind, frame)
	}
	if err != nil {
		w.t.Errorf("%s breaks its contract: %v", frame, err)
	}
	if channel == monitor.Channel {
		select {
		case w.heard <- w.Snapshot():
		default:
		}
	}
}

func start(t *testing.T, dsn string, change func(*pgxpool.Config)) *watch {
	t.Helper()
	return startWith(t, dsn, change, func(*monitor.Config) {})
}

func startWith(t *testing.T, dsn string, change func(*pgxpool.Config), configure func(*monitor.Config), made ...func(*monitor.Service)) *watch {
	t.Helper()
	queries := monitor.NewRecorder()
	config, err := pgxpool.ParseConfig(dsn)
	require.NoError(t, err)
	config.MaxConns, config.ConnConfig.Tracer = 4, queries
	served, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	own, err := monitor.OpenPool(t.Context(), dsn)
	require.NoError(t, err)
	if change != nil {
		changed := own.Config()
		change(changed)
		own.Close()
		own, err = pgxpool.NewWithConfig(t.Context(), changed)
		require.NoError(t, err)
	}
	w := &watch{t: t, served: served, own: own, heard: make(chan monitor.Snapshot, 1), counts: map[string]int{}}
	c := monitor.Config{Pool: own, Served: served, Queries: queries, Publish: w, Every: 250 * time.Millisecond}
	configure(&c)
	w.Service = monitor.New(c)
	for _, do := range made {
		do(w.Service)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ran)
		own.Close()
		served.Close()
	})
	return w
}

// await waits for a published snapshot that is as wanted; each one must keep
// to its contract.
func (w *watch) await(what string, wanted func(monitor.Snapshot) bool) monitor.Snapshot {
	w.t.Helper()
	patience := time.After(20 * time.Second)
	for {
		select {
		case s := <-w.heard:
			body, err := json.Marshal(s)
			require.NoError(w.t, err)
			require.NoError(w.t, contracts.Check("http/health_database", body))
			if wanted(s) {
				return s
			}
		case <-patience:
			body, _ := json.Marshal(w.Snapshot())
			require.Fail(w.t, "waiting for "+what, "last seen %s", body)
		}
	}
}

func staleParts(s monitor.Snapshot) []string {
	parts := make([]string, len(s.Stale))
	for i, part := range s.Stale {
		parts[i] = part.Part
	}
	return parts
}

func passing(s monitor.Snapshot) bool { return s.Status == monitor.Pass }

func (w *watch) exec(sql string) {
	w.t.Helper()
	_, err := w.served.Exec(w.t.Context(), sql)
	require.NoError(w.t, err)
}

func TestBothSchemasAreWatched(t *testing.T) {
	schemas := map[string]struct{ dsn, insert string }{
		"the baseline: one plain table": {
			baseline(t),
			`insert into market_data (kind, symbol, at, close, volume) select 'tick', 'AAPL', now() + i * interval '1 ms', 1, 1 from generate_series(1, 1500) i`,
		},
		"the current one: partitions": {
			testdb.Migrated(t),
			`with one as (insert into instruments (symbol) values ('AAPL') returning id)
			 insert into ticks (instrument_id, at, trade, price, volume) select id, now() + i * interval '1 ms', i, 1, 1 from one, generate_series(1, 1499) i`,
		},
	}
	for name, schema := range schemas {
		t.Run(name, func(t *testing.T) {
			w := start(t, schema.dsn, nil)
			before := w.await("a first rate", func(s monitor.Snapshot) bool { return passing(s) && s.Inserts.RowsPerSecond != nil })
			require.Zero(t, *before.Inserts.RowsPerSecond)
			w.exec(schema.insert)
			w.served.Reset() // a backend that ends has reported all it did
			s := w.await("the rows", func(s monitor.Snapshot) bool { return s.Inserts.RowsSinceStart >= 1500 })
			require.EqualValues(t, 1500, s.Inserts.RowsSinceStart)
			require.Positive(t, *s.Inserts.RowsPerSecond)
			require.Greater(t, *s.Inserts.RowsPerSecondWhileInserting, *s.Inserts.RowsPerSecond)
			require.EqualValues(t, 4, s.Pool.Max)
			require.EqualValues(t, 1, s.Queries.Count)
			require.Positive(t, *s.Queries.P50MS)
			require.Positive(t, *s.Database.SizeBytes)
			require.Positive(t, *s.Database.Connections)
			require.NotNil(t, s.Cache.HitRatioSinceReset)
			require.Empty(t, s.Stale)
		})
	}
}

func baseline(t *testing.T) string {
	t.Helper()
	dsn := testdb.Empty(t)
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	migrator, err := migrate.Open(config, migrate.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, migrator.Close()) }()
	_, err = migrator.Up(t.Context(), 1)
	require.NoError(t, err)
	return dsn
}

func TestABusyPoolIsAWarning(t *testing.T) {
	w := start(t, testdb.Migrated(t), nil)
	w.await("an ordinary day", passing)
	for range 4 {
		conn, err := w.served.Acquire(t.Context())
		require.NoError(t, err)
		t.Cleanup(conn.Release)
	}
	s := w.await("the warning", func(s monitor.Snapshot) bool { return s.Status == monitor.Warn })
	require.Equal(t, []string{monitor.PoolBusy}, s.Reasons)
	require.InDelta(t, 1, s.Pool.Utilisation, 0)
}

func TestALockedTableBlocksNothing(t *testing.T) {
	w := start(t, testdb.Migrated(t), nil)
	w.await("an ordinary day", passing)
	tx, err := w.served.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(t.Context(), "lock table ticks, bars, instruments in access exclusive mode")
	require.NoError(t, err)
	for range 6 {
		s := <-w.heard
		require.Equal(t, monitor.Pass, s.Status, "%v %v", s.Reasons, s.Stale)
	}
}

func TestAPartThatCannotBeReadIsStaleAndTheRestIsFresh(t *testing.T) {
	w := start(t, testdb.Migrated(t), nil)
	w.await("an ordinary day", passing)
	tx, err := w.served.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "lock table pg_class in access exclusive mode")
	require.NoError(t, err)
	s := w.await("the stale part", func(s monitor.Snapshot) bool { return !passing(s) })
	require.Equal(t, monitor.Warn, s.Status)
	require.Equal(t, []string{monitor.StaleParts}, s.Reasons)
	require.Contains(t, staleParts(s), "inserts")
	require.NotContains(t, staleParts(s), "database")
	require.NoError(t, tx.Rollback(t.Context()))
	w.await("an ordinary day", passing)
}

func TestAStoppedDatabaseIsAFailAndItsReturnIsNoticed(t *testing.T) {
	dsn := testdb.Migrated(t)
	w := start(t, dsn, nil)
	w.await("an ordinary day", passing)
	restart := takeAway(t, dsn)

	s := w.await("the failure", func(s monitor.Snapshot) bool { return s.Status == monitor.Fail && len(s.Stale) == 11 })
	require.Equal(t, []string{monitor.Unreachable}, s.Reasons)
	require.NotNil(t, s.Database.Connections, "the last figures stay")
	first := *s.Stale[0].AgeMS
	w.await("a growing age", func(s monitor.Snapshot) bool { return *s.Stale[0].AgeMS > first })

	began := time.Now()
	w.Snapshot()
	require.Less(t, time.Since(began), 10*time.Millisecond)
	restart()
	s = w.await("the return", passing)
	require.Empty(t, s.Stale)
}

// takeAway makes a database refuse everybody, as one that is stopped.
func takeAway(t *testing.T, dsn string) (restart func()) {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	name := config.Database
	config.Database = "postgres"
	ctx := context.WithoutCancel(t.Context())
	admin, err := pgx.ConnectConfig(ctx, config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = admin.Close(ctx) })
	allow := func(how string) {
		_, err := admin.Exec(ctx, "alter database "+pgx.Identifier{name}.Sanitize()+" allow_connections "+how)
		require.NoError(t, err)
	}
	allow("false")
	_, err = admin.Exec(ctx, "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
	require.NoError(t, err)
	return func() { allow("true") }
}

// A server that takes the question and never answers is worse than one that
// refuses: every look runs into its budget.
func TestADatabaseThatHangsIsAFailWithinItsBudget(t *testing.T) {
	valve := &valve{open: make(chan struct{})}
	close(valve.open)
	w := start(t, testdb.Migrated(t), func(config *pgxpool.Config) {
		dial := config.ConnConfig.DialFunc
		config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return valve.pipe(conn), nil
		}
	})
	w.await("an ordinary day", passing)
	valve.shut()
	began := time.Now()
	s := w.await("the failure", func(s monitor.Snapshot) bool { return !passing(s) })
	require.Less(t, time.Since(began), 5*time.Second)
	require.Equal(t, monitor.Fail, s.Status)
	require.Equal(t, []string{monitor.Unreachable}, s.Reasons)
	valve.reopen()
	w.await("the return", passing)
}

// valve holds back what the server answers.
type valve struct {
	mu   sync.Mutex
	open chan struct{}
}

func (v *valve) shut()   { v.mu.Lock(); v.open = make(chan struct{}); v.mu.Unlock() }
func (v *valve) reopen() { v.mu.Lock(); close(v.open); v.mu.Unlock() }

// pipe returns a connection whose peer is the server, behind the valve.
func (v *valve) pipe(server net.Conn) net.Conn {
	near, far := net.Pipe()
	go func() {
		_, _ = io.Copy(server, far)
		_ = server.Close()
	}()
	go func() {
		defer func() { _ = far.Close() }()
		answer := make([]byte, 4096)
		for {
			n, err := server.Read(answer)
			if err != nil {
				return
			}
			v.mu.Lock()
			open := v.open
			v.mu.Unlock()
			<-open
			if _, err := far.Write(answer[:n]); err != nil {
				return
			}
		}
	}()
	return near
}

func TestBeforeTheFirstLookNothingIsAPass(t *testing.T) {
	s := monitor.New(monitor.Config{}).Snapshot()
	require.Equal(t, monitor.Fail, s.Status)
	require.Equal(t, []string{monitor.NotCollected}, s.Reasons)
	body, err := json.Marshal(s)
	require.NoError(t, err)
	require.NoError(t, contracts.Check("http/health_database", body))
}

// The schema also takes the answers of older services, which have fewer parts;
// this one leaves out nothing.
func TestAnAnswerHasEverythingThatItsSchemaKnows(t *testing.T) {
	type schema struct {
		Properties map[string]schema `json:"properties"`
	}
	text, err := os.ReadFile("../../fixtures/contracts/schemas/common.json")
	require.NoError(t, err)
	var common struct {
		Defs map[string]schema `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(text, &common))
	body, err := json.Marshal(monitor.New(monitor.Config{}).Snapshot())
	require.NoError(t, err)
	var answer any
	require.NoError(t, json.Unmarshal(body, &answer))
	var within func(path string, known schema, has any)
	within = func(path string, known schema, has any) {
		for key, inner := range known.Properties {
			require.Contains(t, has, key, "in %s", path)
			within(path+"/"+key, inner, has.(map[string]any)[key])
		}
	}
	require.NotEmpty(t, common.Defs["snapshot"].Properties)
	within("", common.Defs["snapshot"], answer)
}

func TestAServiceWithoutAPoolOrRunTwiceSaysSo(t *testing.T) {
	require.ErrorContains(t, monitor.New(monitor.Config{}).Run(t.Context()), "no pool of its own")
	w := start(t, testdb.Migrated(t), nil)
	w.await("an ordinary day", passing)
	require.ErrorContains(t, w.Run(t.Context()), "already running")
}

func TestTheMonitorsConnectionsAreBounded(t *testing.T) {
	pool, err := monitor.OpenPool(t.Context(), testdb.Migrated(t))
	require.NoError(t, err)
	defer pool.Close()
	require.EqualValues(t, 2, pool.Config().MaxConns)
	var lock, statement string
	require.NoError(t, pool.QueryRow(t.Context(),
		"select current_setting('lock_timeout'), current_setting('statement_timeout')").Scan(&lock, &statement))
	require.Equal(t, []string{"100ms", "1s"}, []string{lock, statement})

	_, err = monitor.OpenPool(t.Context(), "postgres://user:secret@host:port/")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}
