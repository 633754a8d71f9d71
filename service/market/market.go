// Package market stores and reads instruments, ticks and daily bars.
//
// It validates what it is given to the last field, stores a batch wholly or
// not at all, and tells new rows from those it already had. It serves every
// version of the schema, also while a migration changes it: a statement that
// meets the change is repeated. It refuses to know about HTTP, about sockets
// and about how a schema comes to be.
package market

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Instrument is something that is traded.
type Instrument struct {
	// Symbol is what the instrument is called everywhere: 1 to 20 letters,
	// digits or any of ". - _ / : ^ =".
	Symbol string
	// Name is for people; it may be empty and has at most 200 characters.
	Name string
}

// Registered is an instrument as the register has it.
type Registered struct {
	Instrument
	// DeletedAt is when the instrument was deleted; zero when it was not.
	DeletedAt time.Time
}

// Deleted says whether deleted instruments are seen.
type Deleted uint8

// Deleted instruments are hidden unless somebody asks for them.
const (
	HideDeleted Deleted = iota
	IncludeDeleted
	OnlyDeleted
)

// Tick is one trade. Its identity is (Symbol, At, Trade): storing the same
// identity again changes nothing.
type Tick struct {
	Symbol string
	// At is when the trade happened; it is kept to the microsecond.
	At time.Time
	// Trade numbers the trades of one instrument at one instant.
	Trade int64
	// Price is in the instrument's currency and positive.
	Price float64
	// Volume is the number of units traded, zero or more.
	Volume float64
}

// Bar is one instrument's trading day. Its identity is (Symbol, Day).
type Bar struct {
	Symbol string
	// Day is midnight UTC of the trading day.
	Day                    time.Time
	Open, High, Low, Close float64
	Volume                 float64
}

// Counts says what became of a batch.
type Counts struct {
	// Stored rows are new and durable.
	Stored int
	// Duplicates were there before, or came twice in the batch.
	Duplicates int
}

// VWAP is a volume-weighted average price over a span of time.
type VWAP struct {
	// Price is sum(price × volume) / sum(volume).
	Price float64
	// Volume is the sum of all units traded.
	Volume float64
	// Trades is the number of ticks in the span.
	Trades int64
}

// ErrChanging says that the schema went on changing, or that the tables of no
// version were there, for as long as a statement may be repeated. Nothing was
// stored.
var ErrChanging = errors.New("the database has no settled schema")

// Span is a half-open span of time: From is inside, To is not. A zero end is
// open.
type Span struct{ From, To time.Time }

// ErrNoPrices says that an instrument is known but has no prices in the span.
var ErrNoPrices = errors.New("no prices")

// Invalid is one wrong field of what the caller gave.
type Invalid struct {
	// Field is the path of the field, such as "ticks[3].price".
	Field string
	// Problem completes a sentence that begins with the field: "must be
	// positive".
	Problem string
}

// Error names the field and its problem.
func (e *Invalid) Error() string { return e.Field + ": " + e.Problem }

// UnknownInstrument says that symbols were used that nobody registered.
type UnknownInstrument struct {
	// Field is the path of the first field that uses one.
	Field string
	// Symbols are the unknown symbols, sorted.
	Symbols []string
}

// Error names the first few unknown symbols.
func (e *UnknownInstrument) Error() string { return "unknown instrument " + few(e.Symbols) }

// DeletedInstrument says that symbols were used whose instruments are
// deleted. They and their data are still there and can be restored.
type DeletedInstrument struct {
	// Field is the path of the first field that uses one.
	Field string
	// Symbols are the symbols of deleted instruments, sorted.
	Symbols []string
}

// Error names the first few deleted symbols.
func (e *DeletedInstrument) Error() string { return "deleted instrument " + few(e.Symbols) }

// OldSchema says that the database is at a version of the schema that has no
// place for what was asked.
type OldSchema struct {
	// Field is the path of the field that has no place.
	Field string
	// Needs is the first version of the schema that has one.
	Needs int
	// Thing is what has no place: "the name of an instrument".
	Thing string
}

// Error says what is needed.
func (e *OldSchema) Error() string {
	return fmt.Sprintf("%s needs version %d of the schema, and the database is at an older one", e.Thing, e.Needs)
}

func few(symbols []string) string {
	const shown = 5
	if len(symbols) <= shown {
		return strings.Join(symbols, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(symbols[:shown], ", "), len(symbols)-shown)
}
