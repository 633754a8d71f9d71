package history

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// applicationName is what the server calls the history's session.
	applicationName = "marketd history"
	// patience is how long anything may wait for the database.
	patience = time.Second
)

// OpenPool makes the history's own pool for the database at dsn: one
// connection, lock_timeout 100 ms, statement_timeout 1 s, and commits that do
// not wait for the disk. It does not connect. The caller closes the pool after
// Run has returned.
func OpenPool(ctx context.Context, dsn string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		// What pgx says may quote the password.
		return nil, errors.New("opening the pool of the history: the database URL cannot be read")
	}
	config.MaxConns, config.MinConns, config.MinIdleConns = 1, 0, 0
	config.ConnConfig.ConnectTimeout = patience
	for name, value := range map[string]string{
		"application_name": applicationName, "lock_timeout": "100ms", "statement_timeout": "1s",
		"synchronous_commit": "off", "timezone": "UTC", "jit": "off",
	} {
		config.ConnConfig.RuntimeParams[name] = value
	}
	return pgxpool.NewWithConfig(ctx, config)
}
