package load_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

const (
	rounds = 20
	block  = time.Second // the shortest that pgbench knows
	enough = 0.95        // of the rate of pgbench

	table = `CREATE TABLE prices (instrument integer NOT NULL, at timestamptz NOT NULL DEFAULT now(),
		price double precision NOT NULL, volume double precision NOT NULL)`
	insert = `INSERT INTO prices (instrument, price, volume) VALUES ($1, $2, $3)`
	script = `\set instrument random(1, 200)
INSERT INTO prices (instrument, price, volume) VALUES (:instrument, :price, :volume);
`
)

// BenchmarkInsert drives one prepared single-row INSERT with this package and
// with pgbench, in turns and on the same server, and reports the rows a second
// of both and the ratio with its interval over the rounds. With one connection,
// where the client waits for the server, it fails if the whole interval lies
// below 95 %. With eight on a small machine the clients and the server
// share the processors, so that the ratio tells what a row costs the client;
// that figure is printed and not judged.
func BenchmarkInsert(b *testing.B) {
	pgbench := findPgbench(b)
	dsn := benchDatabase(b, "load")
	for _, connections := range []int{1, 8} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			theirs := peer{pgbench: pgbench, script: writeScript(b), dsn: dsn, connections: connections}
			ours := connect(b, dsn, connections)
			var pairs measure.Pairs
			sides := []func(){
				func() { pairs.Current = append(pairs.Current, ours.rate(b)) },
				func() { pairs.Baseline = append(pairs.Baseline, theirs.rate(b)) },
			}
			for round := range rounds {
				execute(b, dsn, "TRUNCATE prices")
				sides[round%2]()
				sides[1-round%2]()
			}
			ratio, err := pairs.Interval(0.95)
			require.NoError(b, err)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(pairs.Current), "rows/s")
			b.ReportMetric(median(pairs.Baseline), "pgbench-rows/s")
			b.ReportMetric(ratio.Estimate, "ratio")
			b.ReportMetric(ratio.Low, "ratio-low")
			b.ReportMetric(ratio.High, "ratio-high")
			if connections > 1 {
				return
			}
			require.GreaterOrEqual(b, ratio.High, enough, "even the better end of the interval is less than promised")
		})
	}
}

// benchDatabase is a database on a private server that holds the empty table.
func benchDatabase(b *testing.B, name string) (dsn string) {
	server, err := environ.Start(b.Context(), environ.Options{Choice: environ.Local, RunID: "bench"})
	if err != nil {
		b.Skipf("no private Postgres: %v", err)
	}
	b.Cleanup(func() { require.NoError(b, server.Stop(context.Background())) })
	dsn, err = server.CreateDatabase(b.Context(), name, "")
	require.NoError(b, err)
	execute(b, dsn, table)
	return dsn
}

// client is a connection with the INSERT prepared. Its arguments are encoded in
// place, as pgbench has them: what is compared is the engine, and not how a
// driver turns Go values into bytes.
type client struct {
	conn       *pgconn.PgConn
	statement  *pgconn.StatementDescription
	instrument [4]byte
	price      [8]byte
	volume     [8]byte
	arguments  [][]byte
}

type clients []*client

func connect(b *testing.B, dsn string, connections int) clients {
	config, err := pgconn.ParseConfig(dsn)
	require.NoError(b, err)
	config.DialFunc = load.Dial
	var all clients
	for range connections {
		conn, err := pgconn.ConnectConfig(b.Context(), config)
		require.NoError(b, err)
		b.Cleanup(func() { conn.Close(context.Background()) })
		c := &client{conn: conn}
		c.statement, err = conn.Prepare(b.Context(), "insert", insert, nil)
		require.NoError(b, err)
		binary.BigEndian.PutUint64(c.price[:], math.Float64bits(101.5))
		binary.BigEndian.PutUint64(c.volume[:], math.Float64bits(10))
		c.arguments = [][]byte{c.instrument[:], c.price[:], c.volume[:]}
		all = append(all, c)
	}
	return all
}

// insert stores one row and waits for the answer. A context that can be
// cancelled costs a goroutine for each query; the loop itself stops between
// queries.
func (c *client) insert() error {
	binary.BigEndian.PutUint32(c.instrument[:], 1+rand.Uint32N(200))
	tag, err := c.conn.ExecStatement(context.Background(), c.statement, c.arguments, []int16{1}, nil).Close()
	if err == nil && tag.RowsAffected() != 1 {
		err = fmt.Errorf("%s: want one row", tag)
	}
	return err
}

// rate keeps a processor of the runtime for every connection meanwhile: a
// thread that waits in the kernel gives its own away otherwise, and has to get
// one back with each answer.
func (c clients) rate(b *testing.B) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(len(c) + runtime.NumCPU()))
	result, err := load.Closed(b.Context(), load.ClosedPlan{
		Workers: len(c),
		For:     block,
		Do:      func(_ context.Context, worker, _ int) error { return c[worker].insert() },
	})
	require.NoError(b, err)
	require.NoError(b, result.First)
	return result.Rate()
}

// peer is pgbench with the same INSERT.
type peer struct {
	pgbench, script, dsn string
	connections          int
}

var tps = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)

func (p peer) rate(b *testing.B) float64 {
	out, err := exec.CommandContext(b.Context(), p.pgbench, "--no-vacuum", "--protocol=prepared",
		"--client="+strconv.Itoa(p.connections), "--jobs="+strconv.Itoa(min(p.connections, runtime.NumCPU())),
		"--time="+strconv.Itoa(int(block.Seconds())), "--define=price=101.5", "--define=volume=10.0",
		"--file="+p.script, p.dsn).CombinedOutput()
	require.NoError(b, err, "pgbench says: %s", out)
	found := tps.FindSubmatch(out)
	require.NotNil(b, found, "pgbench says: %s", out)
	rate, err := strconv.ParseFloat(string(found[1]), 64)
	require.NoError(b, err)
	return rate
}

// findPgbench looks on PATH and where packages put it beside initdb.
func findPgbench(b *testing.B) string {
	if path, err := exec.LookPath("pgbench"); err == nil {
		return path
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/pgbench", "/usr/pgsql-*/bin/pgbench", "/opt/homebrew/opt/postgresql*/bin/pgbench"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[len(found)-1]
		}
	}
	b.Skip("no pgbench on PATH or beside initdb: apt-get install postgresql")
	return ""
}

func writeScript(b *testing.B) string {
	path := filepath.Join(b.TempDir(), "insert.sql")
	require.NoError(b, os.WriteFile(path, []byte(script), 0o600))
	return path
}

func execute(b *testing.B, dsn, statement string) {
	conn, err := pgx.Connect(b.Context(), dsn)
	require.NoError(b, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(b.Context(), statement)
	require.NoError(b, err)
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return (sorted[len(sorted)/2] + sorted[(len(sorted)-1)/2]) / 2
}
