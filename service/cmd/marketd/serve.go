package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/httpapi"
	"github.com/signoff-dev/signoff/service/market"
	"github.com/signoff-dev/signoff/service/monitor"
	"github.com/signoff-dev/signoff/service/partition"
	"github.com/signoff-dev/signoff/service/stream"
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
	connections int32
	wait        time.Duration
	waiting     int64
	keepDays    int
	alerts      alertOptions
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
	flags.Int32Var(&o.connections, "connections", defaultConnections,
		"database connections for requests, all kept open; the default is where throughput levels off on 2 cores for 16 to 64 clients,\n"+
			"most of whose work waits for the database's disk; the scenario SLO-POOL-03 finds the size for another host")
	flags.DurationVar(&o.wait, "connection-wait", 2*time.Second, "how long a request waits for a database connection before it is refused as busy")
	flags.Int64Var(&o.waiting, "waiting-requests", 512, "how many requests may wait for a database connection; one more is refused as busy at once")
	flags.IntVar(&o.keepDays, "keep-days", 0, "detach the ticks of days before these, and keep them beside; later arrivals stay in the default partition; 0 detaches nothing")
	o.alerts.flags(flags)
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
	served, err := openPool(ctx, servedPool(config, o, queries))
	if err != nil {
		return failed{err}
	}
	defer served.Close()
	watching, err := monitor.OpenPool(ctx, o.database)
	if err != nil {
		return failed{err}
	}
	defer watching.Close()

	managing, err := openPool(ctx, managerPool(config))
	if err != nil {
		return failed{err}
	}
	defer managing.Close()

	listener, err := listen(ctx, o.listen)
	if err != nil {
		return failed{err}
	}
	keep := partition.Keep{Ticks: partition.Period{Days: o.keepDays}}
	partitions := partition.New(partition.Config{Pool: managing, Log: log, Keep: keep})
	store := market.New(market.Config{Pool: served, Log: log, Partitions: partitions})
	var watcher *monitor.Service
	sockets := stream.NewManager(stream.Config{
		Log: log, Health: func() string { return watcher.Snapshot().Status.Word() },
	})
	watcher = monitor.New(monitor.Config{
		Pool: watching, Served: served, Queries: queries, Publish: sockets, Log: log,
		Written: writtenBy(store), Partitions: partitionsOn(watching, keep),
	})
	board := alert.NewBoard(rules)
	alerts := o.alerts.components(listener.Addr(), alert.Config{Board: board, Monitor: watcher, Publish: sockets, Log: log})
	handler := httpapi.New(httpapi.Dependencies{
		Store: store, Monitor: watcher, Stream: sockets, Alerts: board,
		Log: log, Token: token, Version: version(), Started: time.Now(),
	})

	fmt.Fprintf(p.out, "marketd listening on http://%s\n", listener.Addr())
	if err := runAll(ctx, log, listener, handler, watcher.Looked(), append(alerts, sockets.Run, watcher.Run, partitions.Run)...); err != nil {
		return failed{err}
	}
	log.Info("stopped")
	return nil
}

// check reports everything that is wrong with the options at once.
func (o serveOptions) check(token string) (*pgxpool.Config, error) {
	config, problem := parseDatabase(o.database)
	problems := []error{problem, o.alerts.check()}
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

// servedTracer times the statements of the served pool and bounds the wait for
// its connections.
type servedTracer struct {
	*monitor.Recorder
	*market.Admission
}

func servedPool(config *pgxpool.Config, o serveOptions, queries *monitor.Recorder) *pgxpool.Config {
	config = config.Copy()
	// All connections are kept: the first rush of a day should not pay for
	// opening them.
	config.MaxConns, config.MinConns = o.connections, o.connections
	config.ConnConfig.Tracer = servedTracer{queries, &market.Admission{Wait: o.wait, Waiting: o.waiting}}
	maps.Copy(config.ConnConfig.RuntimeParams, servedSettings())
	// An answer promises durability: a server that is set to forget its last
	// commits in a crash may not do so for ours.
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `select set_config('synchronous_commit', 'on', false)
			where current_setting('synchronous_commit') = 'off'`)
		return err
	}
	return config
}

// servedSettings are those of every session that serves requests.
func servedSettings() map[string]string {
	return map[string]string{
		"statement_timeout": "10s",
		// A sum over many days is summed within each partition first.
		"enable_partitionwise_aggregate": "on",
		// The register of instruments is small and always in memory. At the
		// default cost its foreign key is checked by reading all of it for each
		// row; through its index a batch of 1000 is stored half as fast again.
		"random_page_cost": "1.1",
	}
}

// firstLook is how long requests may wait for the monitor's first look at the
// database; without it, the health that they are told of would be that of nothing.
const firstLook = 2 * time.Second

// runAll serves, once looked is closed or firstLook is over, and runs the
// components until ctx ends or one fails. The components stop only after the last
// request was answered.
func runAll(
	ctx context.Context, log *slog.Logger, listener net.Listener, handler http.Handler, looked <-chan struct{},
	components ...func(context.Context) error,
) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	group, failing := errgroup.WithContext(ctx)
	running, stopComponents := context.WithCancel(context.WithoutCancel(ctx))
	defer stopComponents()
	for _, component := range components {
		group.Go(func() error {
			if err := component(running); !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		})
	}
	group.Go(func() error {
		patience := time.NewTimer(firstLook)
		defer patience.Stop()
		select {
		case <-looked:
		case <-patience.C:
		case <-failing.Done():
		}
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		defer stopComponents()
		<-failing.Done()
		log.Info("stopping")
		draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		if err := server.Shutdown(draining); err != nil {
			return errors.Join(fmt.Errorf("waiting for requests to end: %w", err), server.Close())
		}
		return nil
	})
	return group.Wait()
}
