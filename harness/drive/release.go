package drive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Operator upgrades and rolls back a database with the tool that ships with
// the service.
type Operator struct {
	// Tool is the path of marketd.
	Tool string
	// DSN is the database.
	DSN string
}

const (
	// BaselineVersion is the migration before the extension.
	BaselineVersion = 1
	// UndividedVersion is the last migration that keeps all prices in one table.
	UndividedVersion = 5
)

// Migrations are the names of those that the tool knows, by their version.
func (o Operator) Migrations(ctx context.Context) (map[int64]string, error) {
	said, err := environ.Command(ctx, o.Tool, o.DSN, "migrate", "status", "--json")
	if err != nil {
		return nil, fmt.Errorf("reading which migrations there are: %w", err)
	}
	var status struct {
		Migrations []struct {
			Version int64  `json:"version"`
			Name    string `json:"name"`
		} `json:"migrations"`
	}
	if err := decodeFirst(said, &status); err != nil {
		return nil, fmt.Errorf("reading which migrations there are: %w", err)
	}
	names := map[int64]string{}
	for _, m := range status.Migrations {
		names[m.Version] = m.Name
	}
	return names, nil
}

// Newest is the version of the newest migration that the tool knows.
func (o Operator) Newest(ctx context.Context) (int64, error) {
	names, err := o.Migrations(ctx)
	if err != nil {
		return 0, err
	}
	if len(names) == 0 {
		return 0, errors.New("reading which migrations there are: the tool knows none")
	}
	return slices.Max(slices.Collect(maps.Keys(names))), nil
}

// Upgrade brings the database to the newest schema.
func (o Operator) Upgrade(ctx context.Context) (time.Duration, error) {
	return o.migrate(ctx, "upgrading to the newest schema", "up")
}

// UpgradeTo brings the database up to one version of the schema.
func (o Operator) UpgradeTo(ctx context.Context, version int) (time.Duration, error) {
	return o.migrate(ctx, fmt.Sprintf("upgrading to schema %d", version), "up", "--to", strconv.Itoa(version))
}

// RollBack takes the database back to the schema before the extension.
func (o Operator) RollBack(ctx context.Context) (time.Duration, error) {
	return o.migrate(ctx, "rolling back to the baseline", "down", "--to", strconv.Itoa(BaselineVersion))
}

func (o Operator) migrate(ctx context.Context, doing string, args ...string) (time.Duration, error) {
	start := time.Now()
	if _, err := environ.Command(ctx, o.Tool, o.DSN, append([]string{"migrate"}, args...)...); err != nil {
		return 0, fmt.Errorf("%s: %w", doing, err)
	}
	return time.Since(start), nil
}

// Journey is a release that is taken back and put on again.
type Journey struct {
	Operator Operator
	// Meanwhile is done while the baseline serves, between the two ways; nil
	// is nothing.
	Meanwhile func(ctx context.Context) error
}

// ThereAndBack takes the release back to the baseline and puts it on again. It
// yields "rows lost", "rows changed" and "rows from nowhere", counted of all rows
// at both stops,
// and "rollback, duration" and "upgrade, duration" in seconds.
func (j Journey) ThereAndBack(ctx context.Context) (measure.Set, error) {
	before, err := ReadContent(ctx, j.Operator.DSN)
	if err != nil {
		return nil, err
	}
	if len(before) == 0 {
		return nil, errors.New("taking the release back: nothing is stored, so nothing could be lost")
	}
	down, err := j.Operator.RollBack(ctx)
	if err != nil {
		return nil, err
	}
	there, err := ReadContent(ctx, j.Operator.DSN)
	if err != nil {
		return nil, err
	}
	lost, changed, added := before.Difference(there)
	if j.Meanwhile != nil {
		if err := j.Meanwhile(ctx); err != nil {
			return nil, err
		}
		if there, err = ReadContent(ctx, j.Operator.DSN); err != nil {
			return nil, err
		}
	}
	up, err := j.Operator.Upgrade(ctx)
	if err != nil {
		return nil, err
	}
	back, err := ReadContent(ctx, j.Operator.DSN)
	if err != nil {
		return nil, err
	}
	lostBack, changedBack, addedBack := there.Difference(back)
	rows := int64(len(before) + len(there))
	return measure.Set{
		"rows lost":          count("rows lost", lost+lostBack, rows),
		"rows changed":       count("rows changed", changed+changedBack, rows),
		"rows from nowhere":  count("rows from nowhere", added+addedBack, rows),
		"rollback, duration": seconds("rollback, duration", down),
		"upgrade, duration":  seconds("upgrade, duration", up),
	}, nil
}

func count(name string, hits, of int64) measure.Value {
	return measure.Value{Name: name, Share: &measure.Share{Hits: hits, Of: of}}
}

func seconds(name string, d time.Duration) measure.Value {
	return measure.Value{Name: name, Unit: "s", Amount: &measure.Amount{Value: d.Seconds(), Of: 1, Says: "measured once"}}
}

// SchemaVersion is the newest migration that was applied to a database.
func SchemaVersion(ctx context.Context, dsn string) (int64, error) {
	var version int64
	err := connected(ctx, dsn, "reading the version of the schema", func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&version)
	})
	return version, err
}
