package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"
)

// The limits of the promise: milliseconds, and bytes per connection.
const (
	limitLag    = 250
	limitMemory = 12 << 10
	// limitClients is with how many clients they hold: fewer do not spread what
	// the server needs for itself.
	limitClients = 10_000
)

// fanOut sends one frame a second to many clients.
type fanOut struct {
	clients, seconds, rounds int
}

// reach is how one server reached its clients in all its turns.
type reach struct {
	seen
	serverCPU time.Duration
	perClient int64 // bytes, of the worst turn
}

// measure gives each server its turns, in rounds, so that all share the moods
// of the machine, and prints the table.
func (f fanOut) measure(ctx context.Context, servers []string, out io.Writer) error {
	all := map[string]*reach{}
	for range f.rounds {
		order := slices.Clone(servers)
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, kind := range order {
			if all[kind] == nil {
				all[kind] = &reach{}
			}
			if err := f.turn(ctx, kind, all[kind]); err != nil {
				return fmt.Errorf("turn of %s: %w", kind, err)
			}
		}
	}
	f.print(out, servers, all)
	return nil
}

func (f fanOut) turn(ctx context.Context, kind string, into *reach) error {
	s, err := setUp(ctx, kind, f.clients)
	if err != nil {
		return err
	}
	defer s.tearDown()
	const warmUp = 3
	if _, err := s.play(warmUp, time.Second); err != nil {
		return err
	}
	o, err := s.play(f.seconds, time.Second)
	if err != nil {
		return err
	}
	into.add(o.seen)
	into.serverCPU += o.serverCPU
	into.perClient = max(into.perClient, (o.memory-s.empty)/int64(f.clients))
	return nil
}

func (f fanOut) print(out io.Writer, servers []string, all map[string]*reach) {
	fmt.Fprintf(out, "fan-out: %d clients, %d-byte frames at 1/s, %d turns of %d s each\n", f.clients, frameBytes, f.rounds, f.seconds)
	fmt.Fprintf(out, "%-14s %8s %8s %8s %9s %9s %11s %11s\n",
		"", "p50 ms", "p99 ms", "max ms", "dropped", "KB/conn", "server µs", "client µs")
	for _, kind := range servers {
		r := all[kind]
		deliveries := float64(max(1, len(r.Lags)))
		fmt.Fprintf(out, "%-14s %8.1f %8.1f %8.1f %9d %9.1f %11.1f %11.1f\n", kind,
			milliseconds(r.Lags, 0.5), milliseconds(r.Lags, 0.99), milliseconds(r.Lags, 1), r.Missing+r.Repeated,
			float64(r.perClient)/1024, float64(r.serverCPU.Microseconds())/deliveries, float64(r.CPU)/deliveries)
	}
	r := all[ours]
	if r == nil {
		return
	}
	held := milliseconds(r.Lags, 0.99) <= limitLag && r.Missing+r.Repeated+r.Hungup == 0 && r.perClient <= limitMemory
	if f.clients < limitClients {
		fmt.Fprintf(out, "the limits are those of %d clients\n\n", limitClients)
		return
	}
	fmt.Fprintf(out, "%-14s %8s %8d %8s %9d %9d   %s: %s   (µs of CPU per delivery)\n\n", "limit", "", limitLag, "", 0, limitMemory>>10, ours, verdict(held))
}

func verdict(held bool) string {
	if held {
		return "held"
	}
	return "MISSED"
}

func milliseconds(lags []int64, q float64) float64 { return float64(quantile(lags, q)) / 1000 }

// quantile is the smallest value that a share q of the values does not exceed.
// It sorts them.
func quantile(values []int64, q float64) int64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	rank := int(q*float64(len(values)) + 0.999999)
	return values[min(max(rank, 1), len(values))-1]
}
