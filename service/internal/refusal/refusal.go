// Package refusal tells apart why the database refuses what the parts of
// marketd ask of the schema "monitoring".
package refusal

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// Lasts says that the tables are not there, not for this role, or not to be
// written: waiting does not help, and whoever needs them goes on alone.
func Lasts(err error) bool {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case "42P01", "3F000", "42501", // no table, no schema, no privilege
		"25006": // a standby, or default_transaction_read_only
		return true
	}
	return false
}
