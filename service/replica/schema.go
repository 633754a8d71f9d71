package replica

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/signoff-dev/signoff/service/internal/advisory"
)

//go:embed schema/*.sql
var migrations embed.FS

const (
	// newest is the version of the schema that this program uses.
	newest = 1
	// schemaTries is how often making it is tried where another one did so at
	// the same moment.
	schemaTries = 3
)

// Prepare makes the schema "monitoring" or brings it to the newest version,
// and says whether there was anything to do. It does not touch the market's.
func Prepare(ctx context.Context, database *pgx.ConnConfig) (made bool, err error) {
	config := database.Copy()
	config.RuntimeParams["application_name"] = applicationName
	config.RuntimeParams["lock_timeout"] = "1s"
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	if prepared(ctx, db) {
		return false, nil
	}
	for try := 1; ; try++ {
		made, err := prepare(ctx, db)
		if err == nil || try == schemaTries || !metAnother(err) {
			return made, err
		}
	}
}

// prepared says whether the schema is there in this version or a newer one. A
// table that cannot be read is not.
func prepared(ctx context.Context, db *sql.DB) bool {
	var there bool
	err := db.QueryRowContext(ctx, `
		select coalesce(max(version_id), 0) >= $1 from monitoring.goose_db_version where is_applied`, newest).Scan(&there)
	return err == nil && there
}

func prepare(ctx context.Context, db *sql.DB) (made bool, err error) {
	// "if not exists" asks for the privilege even where it exists.
	var there bool
	if err := db.QueryRowContext(ctx, `select to_regnamespace('monitoring') is not null`).Scan(&there); err != nil {
		return false, fmt.Errorf("looking for schema monitoring: %w", err)
	}
	if !there {
		if _, err := db.ExecContext(ctx, `create schema if not exists monitoring`); err != nil {
			return false, fmt.Errorf("making schema monitoring: %w", err)
		}
	}
	files, err := fs.Sub(migrations, "schema")
	if err != nil {
		return false, fmt.Errorf("reading schema monitoring: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(advisory.MonitoringSchema), lock.WithLockTimeout(1, 5), lock.WithUnlockTimeout(1, 5))
	if err != nil {
		return false, fmt.Errorf("preparing the lock of schema monitoring: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName("monitoring.goose_db_version"), goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return false, fmt.Errorf("preparing schema monitoring: %w", err)
	}
	steps, err := provider.Up(ctx)
	if err != nil {
		return false, fmt.Errorf("making schema monitoring: %w", err)
	}
	return len(steps) > 0, nil
}

// metAnother says that another program made the same thing just then.
func metAnother(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == "23505" || refused.Code == "42P06" || refused.Code == "42P07")
}
