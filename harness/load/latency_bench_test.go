package load_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/load"
	"github.com/signoff-dev/signoff/harness/measure"
)

const (
	latencyRounds  = 12
	latencySession = 4 * time.Second
	latencyClients = 8
	latencyRate    = 500.0 // operations a second: a fraction of what one connection stores
	apart          = 0.05  // how far a percentile may be from that of pgbench
)

// BenchmarkLatency plays open sessions of one prepared single-row INSERT with
// this package, at a constant rate and at the moments of a Poisson process, and
// with pgbench --rate, which knows the second only. All three have the same rate
// and as many connections and meet the same server in turns. Latency counts from
// the scheduled start in all of them: that is what pgbench logs with --rate.
//
// It reports the percentiles and their ratios to those of pgbench, with
// intervals over the rounds, and fails if the whole interval of a ratio of the
// Poisson sessions lies more than 5 % from 1. A percentile in which pgbench
// differs by that much from itself, played twice a round, is not judged: on such
// a machine nobody can tell. A constant rate has no queue of its own making, so
// that its ratios are printed and not judged either.
func BenchmarkLatency(b *testing.B) {
	pgbench := findPgbench(b)
	dsn := benchDatabase(b, "latency")
	theirs := peer{pgbench: pgbench, script: writeScript(b), dsn: dsn, connections: latencyClients}
	ours := connect(b, dsn, latencyClients)
	ways := []struct {
		name string
		play func(seed uint64) *measure.Histogram
	}{
		{"pgbench", func(uint64) *measure.Histogram { return theirs.latency(b) }},
		{"pgbench-again", func(uint64) *measure.Histogram { return theirs.latency(b) }},
		{"poisson", func(seed uint64) *measure.Histogram {
			return ours.latency(b, load.Poisson(latencyRate, latencySession, seed))
		}},
		{"constant", func(uint64) *measure.Histogram {
			return ours.latency(b, load.Constant(latencyRate, latencySession))
		}},
	}
	found := map[string][]*measure.Histogram{}
	for round := range latencyRounds {
		execute(b, dsn, "TRUNCATE prices")
		for i := range ways {
			way := ways[(i+round)%len(ways)] // each is the first as often as the others
			found[way.name] = append(found[way.name], way.play(uint64(round)))
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, q := range []float64{0.5, 0.95, 0.99} {
		ratios := map[string]measure.Interval{}
		for _, way := range ways {
			ratios[way.name] = beside(b, way.name, q, found["pgbench"], found[way.name])
		}
		judgeLatency(b, q, ratios["pgbench-again"], ratios["poisson"])
	}
}

// beside reports a percentile with its ratio to that of pgbench.
func beside(b *testing.B, name string, q float64, theirs, ours []*measure.Histogram) measure.Interval {
	pairs := measure.Pairs{Baseline: percentiles(theirs, q), Current: percentiles(ours, q)}
	ratio, err := pairs.Interval(0.95)
	require.NoError(b, err)
	b.ReportMetric(median(pairs.Current), fmt.Sprintf("%s-p%.0f-µs", name, 100*q))
	b.ReportMetric(ratio.Estimate, fmt.Sprintf("%s-p%.0f-ratio", name, 100*q))
	b.Logf("p%.0f of %s: %.0f µs, %.3f times that of pgbench, from %.3f to %.3f",
		100*q, name, median(pairs.Current), ratio.Estimate, ratio.Low, ratio.High)
	return ratio
}

// judgeLatency holds one percentile to the promise, if the machine can tell.
func judgeLatency(b *testing.B, q float64, itself, ours measure.Interval) {
	if itself.Low < 1-apart || itself.High > 1+apart {
		b.Logf("p%.0f is not judged: pgbench against itself spreads from %.3f to %.3f", 100*q, itself.Low, itself.High)
		return
	}
	if ours.Low > 1+apart || ours.High < 1-apart {
		b.Errorf("p%.0f is further from that of pgbench than promised: %.3f times, from %.3f to %.3f", 100*q, ours.Estimate, ours.Low, ours.High)
	}
}

// percentiles are those of one kind, in microseconds, one a round.
func percentiles(rounds []*measure.Histogram, q float64) []float64 {
	var all []float64
	for _, h := range rounds {
		all = append(all, float64(h.Quantile(q))/float64(time.Microsecond))
	}
	return all
}

// latency plays one open session; any free connection takes what comes due.
func (c clients) latency(b *testing.B, schedule load.Schedule) *measure.Histogram {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(len(c) + runtime.NumCPU()))
	free := make(chan *client, len(c))
	for _, one := range c {
		free <- one
	}
	result, err := load.Open(b.Context(), load.Plan{
		Schedule: schedule,
		Workers:  len(c),
		Do: func(context.Context, int, time.Time) error {
			one := <-free
			defer func() { free <- one }()
			return one.insert()
		},
	})
	require.NoError(b, err)
	require.NoError(b, result.First)
	return result.Latency
}

// latency plays one session of pgbench and reads its log.
func (p peer) latency(b *testing.B) *measure.Histogram {
	prefix := filepath.Join(b.TempDir(), "pgbench")
	out, err := exec.CommandContext(b.Context(), p.pgbench, "--no-vacuum", "--protocol=prepared",
		"--client="+strconv.Itoa(p.connections), "--jobs="+strconv.Itoa(min(p.connections, runtime.NumCPU())),
		"--time="+strconv.Itoa(int(latencySession.Seconds())), "--rate="+strconv.FormatFloat(latencyRate, 'f', -1, 64),
		"--log", "--log-prefix="+prefix, "--define=price=101.5", "--define=volume=10.0", "--file="+p.script, p.dsn).CombinedOutput()
	require.NoError(b, err, "pgbench says: %s", out)
	logs, err := filepath.Glob(prefix + ".*")
	require.NoError(b, err)
	require.NotEmpty(b, logs, "pgbench says: %s", out)
	h := measure.NewHistogram()
	for _, path := range logs {
		readLog(b, path, h)
		require.NoError(b, os.Remove(path))
	}
	return h
}

// readLog records the latencies of one thread of pgbench: the third column, in
// microseconds from the scheduled start.
func readLog(b *testing.B, path string, h *measure.Histogram) {
	file, err := os.Open(path)
	require.NoError(b, err)
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		columns := strings.Fields(lines.Text())
		require.Greater(b, len(columns), 6, "with --rate a line ends with the lag: %s", lines.Text())
		took, err := strconv.ParseInt(columns[2], 10, 64)
		require.NoError(b, err, "%s", lines.Text())
		h.Record(time.Duration(took) * time.Microsecond)
	}
	require.NoError(b, lines.Err())
}
