package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

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
