package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sys/unix"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// The limits of the promise.
const (
	limitGone   = 10 * time.Second
	limitChange = 1.05
)

// stalled compares what the others get while one client reads nothing with
// what they get while nobody is in the way.
type stalled struct {
	clients, rate, pairs int
	turn                 time.Duration
}

// company is how the clients beside a stalled one fared.
type company struct {
	logRatios     []float64 // of the p99 with and without, by pair
	with, without []float64 // p99 in milliseconds
	dropped       int
	gone          time.Duration // zero is longer than the patience
}

// patience bounds the wait for a stalled client to be gone.
const patience = 15 * time.Second

func (b stalled) measure(ctx context.Context, servers []string, out io.Writer) error {
	fmt.Fprintf(out, "stalled client: one that reads nothing beside %d that do, %d-byte frames at %d/s, turns of %s\n",
		b.clients, frameBytes, b.rate, b.turn)
	fmt.Fprintf(out, "%-14s %12s %12s %6s %22s %8s %9s\n", "", "p99 without", "p99 with", "pairs", "with/without (95 %)", "dropped", "gone s")
	order := slices.Clone(servers)
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	all := map[string]company{}
	for _, kind := range order {
		pairs := b.pairs
		if kind != ours {
			pairs = max(2, b.pairs/2)
		}
		c, err := b.visit(ctx, kind, pairs)
		if err != nil {
			return fmt.Errorf("visiting %s: %w", kind, err)
		}
		all[kind] = c
	}
	for _, kind := range servers {
		all[kind].print(out, kind)
	}
	c, there := all[ours]
	if !there {
		return nil
	}
	_, low, high := c.ratio()
	told := verdict(low < limitChange && c.gone > 0 && c.gone <= limitGone && c.dropped == 0)
	if high >= limitChange && told == verdict(true) {
		told = "the pairs cannot tell"
	}
	fmt.Fprintf(out, "%-14s %12s %12s %6s %22s %8d %9.0f   %s: %s\n\n", "limit", "", "", "", "below 1.05", 0, limitGone.Seconds(), ours, told)
	return nil
}

func (c company) print(out io.Writer, kind string) {
	ratio, low, high := c.ratio()
	gone := fmt.Sprintf("over %.0f", patience.Seconds())
	if c.gone > 0 {
		gone = fmt.Sprintf("%.1f", c.gone.Seconds())
	}
	fmt.Fprintf(out, "%-14s %9.2f ms %9.2f ms %6d %6.3f (%.3f to %.3f) %8d %9s\n", kind,
		stat.Mean(c.without, nil), stat.Mean(c.with, nil), len(c.logRatios), ratio, low, high, c.dropped, gone)
}

// visit plays the pairs at one server, each with its turns in an order by coin,
// and then waits once until a stalled client is gone.
func (b stalled) visit(ctx context.Context, kind string, pairs int) (company, error) {
	var c company
	s, err := setUp(ctx, kind, b.clients)
	if err != nil {
		return c, err
	}
	defer s.tearDown()
	if _, err := b.play(s); err != nil { // warms up
		return c, err
	}
	for range pairs {
		var p99 [2]float64 // without and with
		first := rand.IntN(2)
		for _, with := range []int{first, 1 - first} {
			o, err := b.turnOf(s, kind, with == 1)
			if err != nil {
				return c, err
			}
			c.dropped += o.Missing + o.Repeated
			p99[with] = milliseconds(o.Lags, 0.99)
		}
		c.without, c.with = append(c.without, p99[0]), append(c.with, p99[1])
		c.logRatios = append(c.logRatios, math.Log(p99[1]/p99[0]))
	}
	c.gone, err = b.untilGone(s, kind)
	return c, err
}

func (b stalled) play(s *stage) (outcome, error) {
	return s.play(int(b.turn.Seconds()*float64(b.rate)), time.Second/time.Duration(b.rate))
}

// turnOf plays a turn. The client that reads nothing hangs up with a reset, so
// that nothing of it is left in the next turn.
func (b stalled) turnOf(s *stage, kind string, with bool) (outcome, error) {
	if with {
		fd, err := stall(s, kind)
		if err != nil {
			return outcome{}, err
		}
		defer reset(fd)
	}
	return b.play(s)
}

// stallBuffer is how many bytes the line of a stalled client takes at most.
const stallBuffer = 4096

func stall(s *stage, kind string) (int, error) {
	fd, _, err := dial(s.address, greeting(kind), stallBuffer)
	if err != nil {
		return 0, fmt.Errorf("seating the client that stalls: %w", err)
	}
	return fd, nil
}

func reset(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.Close(fd)
}

// untilGone is how long the server keeps the socket of a client that reads
// nothing from the first frame on.
func (b stalled) untilGone(s *stage, kind string) (time.Duration, error) {
	before, err := s.server.files()
	if err != nil {
		return 0, err
	}
	fd, err := stall(s, kind)
	if err != nil {
		return 0, err
	}
	defer reset(fd)
	began := time.Now()
	for time.Since(began) < patience {
		// A few frames at a time: the wait ends soon after the client is gone.
		if _, err := s.play(b.rate/5+1, time.Second/time.Duration(b.rate)); err != nil {
			return 0, err
		}
		now, err := s.server.files()
		if err != nil {
			return 0, err
		}
		if now <= before {
			return time.Since(began), nil
		}
	}
	return 0, nil
}

// ratio is the geometric mean of the pairs and its 95 % interval.
func (c company) ratio() (mean, low, high float64) {
	center, spread := stat.MeanStdDev(c.logRatios, nil)
	n := float64(len(c.logRatios))
	half := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975) * spread / math.Sqrt(n)
	return math.Exp(center), math.Exp(center - half), math.Exp(center + half)
}
