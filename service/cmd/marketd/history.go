package main

import (
	"context"

	"github.com/signoff-dev/signoff/service/history"
)

// openHistory makes what keeps how the figures were, over a pool of its own.
// The pool is to be closed after it has run.
func openHistory(ctx context.Context, dsn string, config history.Config) (*history.Keeper, func(), error) {
	pool, err := history.OpenPool(ctx, dsn)
	if err != nil {
		return nil, nil, err
	}
	config.Pool = pool
	return history.New(config), pool.Close, nil
}
