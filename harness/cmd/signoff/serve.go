package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/load"
)

// serveOptions is the command line of signoff serve.
type serveOptions struct {
	postgres, service, listen string
	pricesPerSecond           int
}

func newServe(p program) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the service on a Postgres of its own, with a market that trades, until interrupted",
		Long: `Run the service on a Postgres of its own, with real daily bars and a market
that trades made-up prices, to look at it. Everything is gone when it ends; a
service that is meant to stay is started with marketd serve.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return serve(c.Context(), p, o) },
	}
	f := c.Flags()
	f.StringVar(&o.postgres, "postgres", "auto", "auto, container, local, embedded or a postgres:// address")
	f.StringVar(&o.service, "service", "", "the program; marketd beside signoff or on the PATH when not given")
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	f.IntVar(&o.pricesPerSecond, "prices", 5, "prices that the market trades each second")
	return c
}

func serve(ctx context.Context, p program, o serveOptions) (err error) {
	path, err := findService(o.service)
	if err != nil {
		return err
	}
	say := func(line string) { fmt.Fprintln(p.err, line) }
	postgres, err := environ.Start(ctx, environOptions(p, o.postgres, "serve", say))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postgres.Stop(context.WithoutCancel(ctx))) }()
	dsn, err := postgres.CreateDatabase(ctx, "market", "")
	if err != nil {
		return err
	}
	operator := drive.Operator{Tool: path, DSN: dsn}
	if _, err := operator.Upgrade(ctx); err != nil {
		return err
	}
	if _, err := operator.TakeIn(ctx, market.SampleCSV()); err != nil {
		return err
	}
	service, err := environ.StartService(ctx, environ.ServiceOptions{
		Path: path, DSN: dsn, Args: []string{"--listen", o.listen}, Guard: postgres,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Stop(context.WithoutCancel(ctx))) }()
	say("serving at " + service.URL() + "; prices at " + service.URL() + "/ws; Ctrl-C ends it")
	return tradeUntilStopped(ctx, service, o.pricesPerSecond)
}

// tradeUntilStopped has the market trade until ctx ends, which is how this is
// meant to end, or the service does, which is not.
func tradeUntilStopped(ctx context.Context, service *environ.Service, perSecond int) error {
	symbols := market.Symbols(20)
	m := drive.NewMarket(service.URL(), 8)
	defer m.Close()
	if err := m.List(ctx, symbols); err != nil {
		return err
	}
	bars, _, err := market.Sample()
	if err != nil {
		return err
	}
	calibration, err := market.Calibrate(bars)
	if err != nil {
		return err
	}
	const stretch = time.Minute
	for ctx.Err() == nil {
		select {
		case <-service.Exited():
			return fmt.Errorf("the service ended by itself: %s", service.LogTail())
		default:
		}
		if perSecond <= 0 {
			select {
			case <-ctx.Done():
			case <-service.Exited():
			}
			continue
		}
		prices := market.NewTicks(uint64(os.Getpid()), calibration, symbols, time.Now(), time.Second/time.Duration(perSecond))
		schedule := load.Constant(float64(perSecond), stretch)
		if _, err := m.Trade(ctx, nil, drive.Session{Schedule: schedule, Prices: prices.Take(drive.Due(schedule))}); err != nil && ctx.Err() == nil {
			return fmt.Errorf("trading: %w", err)
		}
	}
	return nil
}
