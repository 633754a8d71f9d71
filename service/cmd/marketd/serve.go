package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/monitor"
)

const (
	tokenVariable = "MARKETD_TOKEN"
	// drainTime is how long requests may take to end after a stop was asked.
	drainTime = 10 * time.Second
	// defaultConnections does not follow the number of cores: a store mostly
	// waits for a commit to reach the disk, and commits that wait together are
	// flushed together. In sweeps from 1 to 64 connections on 2 cores, medians
	// of three, 16 was the knee for 16 and for 64 clients; 8 fell up to a half
	// short of the best, 16 at most a fifth.
	defaultConnections = 16
)

// serveOptions is the command line of serve.
type serveOptions struct {
	listen      string
	database    string
	tokenEnv    string
	private     bool
	connections int32
	wait        time.Duration
	waiting     int64
	keepDays    int
	alerts      alertOptions
	replica     replicaOptions
}

func newServe(p program) *cobra.Command {
	var o serveOptions
	command := &cobra.Command{
		Use:   "serve",
		Short: "Serve HTTP and WebSocket until stopped",
		Args:  cobra.NoArgs,
	}
	dsn := databaseFlag(command, p)
	flags := command.Flags()
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	flags.StringVar(&o.tokenEnv, "token-env", tokenVariable, "environment variable with the token that writing needs")
	flags.BoolVar(&o.private, "private", false, "ask for the token for reading too, over HTTP and on the live stream; /api/health/live and /ready stay open")
	flags.Int32Var(&o.connections, "connections", defaultConnections,
		"database connections for requests, all kept open; the default is where throughput levels off on 2 cores for 16 to 64 clients,\n"+
			"most of whose work waits for the database's disk; the scenario SLO-POOL-03 finds the size for another host")
	flags.DurationVar(&o.wait, "connection-wait", 2*time.Second, "how long a request waits for a database connection before it is refused as busy")
	flags.Int64Var(&o.waiting, "waiting-requests", 512, "how many requests may wait for a database connection; one more is refused as busy at once")
	flags.IntVar(&o.keepDays, "keep-days", 0, "detach the ticks of days before these, and keep them beside; later arrivals stay in the default partition; 0 detaches nothing")
	o.alerts.flags(flags)
	o.replica.flags(flags)
	command.RunE = func(command *cobra.Command, _ []string) error {
		o.database = *dsn
		return serve(command.Context(), p, o)
	}
	return command
}

// serve runs the service until ctx ends: it stops accepting, lets requests
// finish, closes the sockets, and then the pools.
func serve(ctx context.Context, p program, o serveOptions) error {
	token := p.getenv(o.tokenEnv)
	config, err := o.check(token)
	if err != nil {
		return err
	}
	rules, err := alert.ReadRules(o.alerts.rules)
	if err != nil {
		return failed{err}
	}
	log := slog.New(slog.NewJSONHandler(p.err, nil))

	if err := requireSchema(ctx, config.ConnConfig, log); err != nil {
		return failed{err}
	}
	queries := monitor.NewRecorder(statementNames())
	open, err := openPools(ctx, config, o, queries)
	if err != nil {
		return failed{err}
	}
	defer open.close()
	listener, err := listen(ctx, o.listen)
	if err != nil {
		return failed{err}
	}
	member, ears := newMember(config.ConnConfig, o.replica, log)
	parts, err := compose(ctx, composition{
		options: o, token: token, database: config.ConnConfig, rules: rules, log: log,
		pools: open, queries: queries, member: member, ears: ears, address: listener.Addr(),
	})
	if err != nil {
		return failed{errors.Join(err, listener.Close())}
	}
	defer parts.close()
	stopMember := runMember(ctx, member)

	fmt.Fprintf(p.out, "marketd listening on http://%s\n", listener.Addr())
	err = runAll(ctx, log, listener, parts.handler, parts.looked, parts.run...)
	if err := errors.Join(err, stopMember()); err != nil {
		return failed{err}
	}
	log.Info("stopped")
	return nil
}

// check reports everything that is wrong with the options at once.
func (o *serveOptions) check(token string) (*pgxpool.Config, error) {
	config, problem := parseDatabase(o.database)
	problems := []error{problem, o.alerts.check(), o.replica.check()}
	if o.connections < 1 || o.connections > 1000 {
		problems = append(problems, fmt.Errorf("--connections %d: must be from 1 to 1000", o.connections))
	}
	if o.keepDays < 0 || o.keepDays > 100_000 {
		problems = append(problems, fmt.Errorf("--keep-days %d: must be from 0 to 100000", o.keepDays))
	}
	if o.wait < time.Millisecond || o.wait > httpapi.RequestTime {
		problems = append(problems, fmt.Errorf("--connection-wait %s: must be from 1ms to %s", o.wait, httpapi.RequestTime))
	}
	if o.waiting < 1 || o.waiting > 1_000_000 {
		problems = append(problems, fmt.Errorf("--waiting-requests %d: must be from 1 to 1000000", o.waiting))
	}
	host, _, err := net.SplitHostPort(o.listen)
	switch {
	case err != nil:
		problems = append(problems, fmt.Errorf("--listen %s: must be HOST:PORT, such as 127.0.0.1:8080", o.listen))
	case o.private && token == "":
		problems = append(problems, fmt.Errorf("--private: needs a token; put one into the environment's %s", o.tokenEnv))
	case !loopback(host) && token == "":
		problems = append(problems, fmt.Errorf(
			"--listen %s: is open to others, and writing would be too; put a token into the environment's %s, or listen on 127.0.0.1",
			o.listen, o.tokenEnv))
	}
	return config, errors.Join(problems...)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return listener, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listening on %s: the port is in use; stop what uses it or choose another with --listen", address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listening on %s: this user may not; choose a port above 1023 with --listen", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("listening on %s: this machine has no such address; choose another with --listen", address)
	}
	return nil, fmt.Errorf("listening on %s: the address cannot be used; choose another with --listen", address)
}
