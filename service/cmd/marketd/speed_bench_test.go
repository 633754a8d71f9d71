package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/internal/testdb"
)

// BenchmarkMonitoring measures what monitoring costs and how soon it tells, of
// the program as users run it, in a process of its own, on a real Postgres on
// this machine. Each part prints its limit.
//
//	go test ./service/cmd/marketd -run '^$' -bench Monitoring -benchtime 1x -v
func BenchmarkMonitoring(b *testing.B) {
	path := filepath.Join(b.TempDir(), "marketd")
	built, err := exec.CommandContext(b.Context(), "go", "build", "-o", path, ".").CombinedOutput()
	require.NoError(b, err, "%s", built)
	program := marketdProgram{path, testdb.Migrated(b)}
	for _, part := range []struct {
		name    string
		measure func(*testing.B, marketdProgram)
	}{
		{"HealthWhileTheDatabaseIsStopped", benchHealth},
		{"Collector", benchCollector},
		{"InsertsBesideMonitoring", benchInserts},
		{"AlertAfterItsFor", benchAlerts},
	} {
		b.Run(part.name, func(b *testing.B) {
			for b.Loop() {
				part.measure(b, program)
			}
			b.ReportMetric(0, "ns/op") // how long measuring takes says nothing
		})
	}
}

// benchHealth asks for the health 200 times a second while no process of the
// server runs. A latency counts from when the request was due.
func benchHealth(b *testing.B, program marketdProgram) {
	const requests, interval = 2000, 5 * time.Millisecond
	server, m := serverOf(b, program.database), program.start(b)
	m.getOK(b, "/api/health")
	server.pause(b)
	defer server.resume(b)
	latencies := make([]float64, 0, requests)
	start := time.Now()
	for i := range requests {
		due := start.Add(time.Duration(i) * interval)
		<-time.After(time.Until(due))
		answer, err := m.http.Get(m.url + "/api/health")
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, answer.Body)
		require.NoError(b, err)
		answer.Body.Close()
		latencies = append(latencies, time.Since(due).Seconds()*1000)
	}
	p99 := quantile(latencies, 0.99)
	b.ReportMetric(p99, "p99-ms")
	b.Logf("GET /api/health, database stopped: %d requests at 200/s, p50 %.2f ms, p99 %.2f ms, max %.2f ms; limit p99 10 ms: %s",
		requests, quantile(latencies, 0.5), p99, quantile(latencies, 1), heldOrNot(p99 < 10))
}

// benchCollector leaves marketd alone and takes the CPU time of its process and
// of the sessions that watch the database. It begins after the first round of
// the probe, whose rounds are minutes apart and have a budget of their own.
func benchCollector(b *testing.B, program marketdProgram) {
	const lasting = 30 * time.Second
	m := program.start(b)
	conn := connect(b, program.database)
	awaitProbe(b, conn)
	began, own, before := time.Now(), cpuTime(b, m.pid), sessionTimes(b, conn)
	<-time.After(lasting)
	wall := time.Since(began).Seconds()
	var spent time.Duration
	for pid, after := range sessionTimes(b, conn) {
		spent += after - before[pid]
	}
	process, backends := 100*(cpuTime(b, m.pid)-own).Seconds()/wall, 100*spent.Seconds()/wall
	b.ReportMetric(process, "%core")
	b.ReportMetric(backends, "backend-%core")
	b.Logf("monitoring an idle database for %.0f s: %.2f %% of a core in marketd, %.2f %% in its sessions; limit 1 %% for marketd: %s, for both: %s",
		wall, process, backends, heldOrNot(process < 1), heldOrNot(process+backends < 1))
}

// watching are the sessions that serve no requests.
const watching = `select pid from pg_stat_activity where datname = current_database() and application_name like 'marketd %'`

func sessionTimes(b *testing.B, conn *pgx.Conn) map[int]time.Duration {
	b.Helper()
	rows, _ := conn.Query(b.Context(), watching)
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(b, err)
	require.NotEmpty(b, pids, "nobody watches the database")
	times := map[int]time.Duration{}
	for _, pid := range pids {
		times[pid] = cpuTime(b, pid)
	}
	return times
}

// awaitProbe waits until a session of the probe has come and gone.
func awaitProbe(b *testing.B, conn *pgx.Conn) {
	b.Helper()
	for _, there := range []bool{true, false} {
		require.Eventually(b, func() bool {
			var now bool
			require.NoError(b, conn.QueryRow(b.Context(), `select exists (`+watching+` and application_name = 'marketd probe')`).Scan(&now))
			return now == there
		}, 30*time.Second, 10*time.Millisecond)
	}
}

// marketdProgram is a built marketd and a migrated database.
type marketdProgram struct{ path, database string }

// marketdProcess is a marketd that serves.
type marketdProcess struct {
	url  string
	pid  int
	http *http.Client
}

// start runs "marketd serve" until the benchmark ends.
func (p marketdProgram) start(b *testing.B, args ...string) marketdProcess {
	b.Helper()
	command := exec.Command(p.path, append([]string{"serve", "--listen", "127.0.0.1:0", "--database", p.database}, args...)...)
	command.Env = []string{"PATH=/usr/bin:/bin"}
	out, err := command.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, command.Start())
	b.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGCONT)
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err, "marketd said nothing")
	url := strings.TrimSpace(strings.TrimPrefix(line, "marketd listening on "))
	m := marketdProcess{url, command.Process.Pid, &http.Client{Timeout: 20 * time.Second}}
	m.getOK(b, "/api/health/live")
	return m
}

func (m marketdProcess) getOK(b *testing.B, path string) {
	b.Helper()
	answer, err := m.http.Get(m.url + path)
	require.NoError(b, err)
	answer.Body.Close()
	require.Equal(b, http.StatusOK, answer.StatusCode, path)
}

// serverProcesses is a Postgres on this machine, by its postmaster.
type serverProcesses struct{ postmaster int }

func serverOf(b *testing.B, dsn string) serverProcesses {
	b.Helper()
	var file string
	require.NoError(b, connect(b, dsn).QueryRow(b.Context(), `select pg_read_file('postmaster.pid')`).Scan(&file))
	first, _, _ := strings.Cut(file, "\n")
	pid, err := strconv.Atoi(first)
	require.NoError(b, err)
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil || !strings.HasPrefix(string(name), "postgres") {
		b.Skip("the server's processes are not to be seen from here")
	}
	return serverProcesses{pid}
}

// pause stops every process of the server where it is.
func (s serverProcesses) pause(b *testing.B) { s.signal(b, syscall.SIGSTOP) }

func (s serverProcesses) resume(b *testing.B) { s.signal(b, syscall.SIGCONT) }

func (s serverProcesses) signal(b *testing.B, signal syscall.Signal) {
	b.Helper()
	require.NoError(b, syscall.Kill(s.postmaster, signal)) // first, so that it forks no more
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(b, err)
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it ended
		}
		fields := statFields(text)
		if len(fields) > 1 && fields[1] == strconv.Itoa(s.postmaster) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			require.NoError(b, err)
			_ = syscall.Kill(pid, signal)
		}
	}
}

// statFields are those of /proc/PID/stat from the state on: the parent is the
// second, user and system time the 12th and 13th.
func statFields(text []byte) []string {
	end := strings.LastIndex(string(text), ")")
	return strings.Fields(string(text[end+1:]))
}

func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(b, err)
	fields := statFields(text)
	user, err := strconv.Atoi(fields[11])
	require.NoError(b, err)
	system, err := strconv.Atoi(fields[12])
	require.NoError(b, err)
	return time.Duration(user+system) * 10 * time.Millisecond
}

func connect(b *testing.B, dsn string) *pgx.Conn {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), dsn)
	require.NoError(b, err)
	b.Cleanup(func() { conn.Close(b.Context()) })
	return conn
}

// quantile is the smallest value that a share q of the values does not exceed.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func heldOrNot(held bool) string {
	if held {
		return "held"
	}
	return "MISSED"
}

func coin() bool { return rand.IntN(2) == 0 }
