package drive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/measure"
)

// TakeIn has the operator take in a file of daily bars, and compares what is
// stored with what the file says. It yields, each counted of the rows of the
// file, "bars lost" (readable and not stored), "bars changed" (stored with
// other figures) and "rows left out silently" (unreadable, and not named by
// line number), and "bars stored".
func (o Operator) TakeIn(ctx context.Context, csv []byte) (measure.Set, error) {
	bars, unreadable, err := market.ReadBars(bytes.NewReader(csv))
	if err != nil {
		return nil, fmt.Errorf("reading the bars: %w", err)
	}
	file, err := writeTemporary(csv)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(file) }()
	said, err := environ.Command(ctx, o.Tool, o.DSN, "ingest", file, "--json")
	if err != nil {
		return nil, fmt.Errorf("taking in %d bars: %w", len(bars), err)
	}
	stored, err := o.storedBars(ctx)
	if err != nil {
		return nil, err
	}
	rows := int64(len(bars) + len(unreadable))
	var lost, changed int64
	for _, b := range bars {
		got, ok := stored[barKey{b.Symbol, b.Day.Format("2006-01-02")}]
		switch {
		case !ok:
			lost++
		case got != [5]float64{b.Open, b.High, b.Low, b.Close, b.Volume}:
			changed++
		}
	}
	silent, err := silentlyLeftOut(said, unreadable)
	if err != nil {
		return nil, err
	}
	return measure.Set{
		"bars stored":            count("bars stored", int64(len(stored)), rows),
		"bars lost":              count("bars lost", lost, rows),
		"bars changed":           count("bars changed", changed, rows),
		"rows left out silently": count("rows left out silently", silent, rows),
	}, nil
}

type barKey struct{ symbol, day string }

func (o Operator) storedBars(ctx context.Context) (map[barKey][5]float64, error) {
	stored := map[barKey][5]float64{}
	err := connected(ctx, o.DSN, "reading the stored bars back", func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT i.symbol, b.day::text, b.open, b.high, b.low, b.close, b.volume
			FROM bars b JOIN instruments i ON i.id = b.instrument_id`)
		if err != nil {
			return err
		}
		var key barKey
		var f [5]float64
		_, err = pgx.ForEachRow(rows, []any{&key.symbol, &key.day, &f[0], &f[1], &f[2], &f[3], &f[4]}, func() error {
			stored[key] = f
			return nil
		})
		return err
	})
	return stored, err
}

// writeTemporary keeps content in a file of its own.
func writeTemporary(content []byte) (string, error) {
	file, err := os.CreateTemp("", "signoff-bars-*.csv")
	if err != nil {
		return "", fmt.Errorf("keeping the bars in a file: %w", err)
	}
	if _, err := file.Write(content); err != nil {
		_ = file.Close()
		return "", fmt.Errorf("keeping the bars in %s: %w", file.Name(), err)
	}
	return file.Name(), file.Close()
}

// silentlyLeftOut counts the unreadable rows that the answer does not name.
func silentlyLeftOut(said string, unreadable []market.Skipped) (int64, error) {
	var answer struct {
		Skipped []struct {
			Line int `json:"line"`
		} `json:"skipped"`
	}
	if err := decodeLast(said, &answer); err != nil {
		return 0, fmt.Errorf("reading what the ingest said: %w", err)
	}
	named := map[int]bool{}
	for _, s := range answer.Skipped {
		named[s.Line] = true
	}
	var silent int64
	for _, u := range unreadable {
		if !named[u.Line] {
			silent++
		}
	}
	return silent, nil
}

func decodeLast(said string, into any) error {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return json.Unmarshal([]byte(lines[len(lines)-1]), into)
}
