// Command peers measures how the stream of marketd reaches many clients, and
// beside it, in the same run and by the same clients, two peers: the pattern of
// gorilla's chat example and centrifuge.
//
// It is a module of its own, so that the product does not depend on its peers.
// The conductor, the server and the clients are processes of their own, all of
// this program: a shared heap would charge the clients' work to the server. It
// refuses to know databases, and it judges only by the limits that it prints.
// Linux is needed: the clients use epoll, and the figures come from /proc.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The first argument of a process that the conductor starts says what it is.
const (
	roleServer  = "server"
	roleClients = "clients"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if err := raiseFiles(); err != nil {
		return err
	}
	if len(args) == 2 && args[0] == roleServer {
		return serve(args[1], in, out)
	}
	if len(args) == 4 && args[0] == roleClients {
		return attend(args[1:], in, out)
	}
	return conduct(ctx, args, out)
}

// settings are the command line of the conductor.
type settings struct {
	fanOut  fanOut
	stalled stalled
	only    string
	servers string
}

func conduct(ctx context.Context, args []string, out io.Writer) error {
	var s settings
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.IntVar(&s.fanOut.clients, "clients", 10_000, "how many clients hear every frame")
	flags.IntVar(&s.fanOut.seconds, "seconds", 12, "for how long a turn measures, at one frame a second, after its warm-up")
	flags.IntVar(&s.fanOut.rounds, "rounds", 2, "how many turns each server has")
	flags.IntVar(&s.stalled.clients, "beside", 1000, "how many clients read beside the one that stalled")
	flags.IntVar(&s.stalled.rate, "rate", 20, "frames a second while one is stalled")
	flags.DurationVar(&s.stalled.turn, "turn", 5*time.Second, "how long a turn with or without a stalled client lasts")
	flags.IntVar(&s.stalled.pairs, "pairs", 6, "how many pairs of turns; a peer has half as many")
	flags.StringVar(&s.only, "only", "", "fan-out or stalled; both unless given")
	flags.StringVar(&s.servers, "servers", strings.Join(allServers(), ","), "which servers are measured, in the order of the table")
	if err := flags.Parse(args); err != nil {
		return err
	}
	servers := strings.Split(s.servers, ",")
	for _, name := range servers {
		if !slices.Contains(allServers(), name) {
			return fmt.Errorf("-servers %s: the servers are %s", s.servers, strings.Join(allServers(), ", "))
		}
	}
	if s.only != "stalled" {
		if err := s.fanOut.measure(ctx, servers, out); err != nil {
			return fmt.Errorf("measuring the fan-out: %w", err)
		}
	}
	if s.only != "fan-out" {
		if err := s.stalled.measure(ctx, servers, out); err != nil {
			return fmt.Errorf("measuring beside a stalled client: %w", err)
		}
	}
	return nil
}

// raiseFiles lets this process open as many files as it ever may.
func raiseFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("asking how many files may be open: %w", err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raising the number of open files to %d: %w", limit.Max, err)
	}
	return nil
}
