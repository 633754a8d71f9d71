package monitor

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// applicationName is what the server calls the monitor's sessions.
const applicationName = "marketd monitor"

// OpenPool makes the monitor's own pool for the database at dsn: at most two
// connections, lock_timeout 100 ms, statement_timeout 1 s, read only. It does
// not connect. The caller closes the pool after Run has returned.
func OpenPool(ctx context.Context, dsn string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		// What pgx says may quote the password.
		return nil, errors.New("opening the monitor's pool: the database URL cannot be read")
	}
	config.MaxConns, config.MinConns, config.MinIdleConns = 2, 0, 0
	config.MaxConnIdleTime = time.Minute
	config.ConnConfig.ConnectTimeout = time.Second
	for name, value := range map[string]string{
		"application_name": applicationName, "lock_timeout": "100ms", "statement_timeout": "1s",
		"default_transaction_read_only": "on",
	} {
		config.ConnConfig.RuntimeParams[name] = value
	}
	return pgxpool.NewWithConfig(ctx, config)
}
