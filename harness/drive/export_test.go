package drive

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Impatient has monitors of the market wait that long for an answer, so that a
// test need not.
func (m *Market) Impatient(d time.Duration) *Market {
	m.monitor = d
	return m
}

// Plain is plain, for tests.
func Plain(err error) error { return plain(err) }

// Decimal is decimal, for tests.
func Decimal(f float64) pgtype.Numeric { return decimal(f) }

// AskEverything is askEverything, for tests.
func (m *Market) AskEverything(ctx context.Context, document *contracts.Document, symbol string) (measure.Value, error) {
	return m.askEverything(ctx, document, symbol)
}
