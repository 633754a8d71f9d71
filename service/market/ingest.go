package market

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ingestBatch is how many bars are stored at a time.
const ingestBatch = 1000

// Ingested says what became of the rows of a file.
type Ingested struct {
	Counts
	// Skipped are the rows that could not be taken, in the file's order.
	Skipped []SkippedRow
}

// Ingest stores the bars of a CSV file and registers their instruments. It
// stores a batch at a time: after an error what was stored stays, and taking
// the same file again completes it.
func (s *Store) Ingest(ctx context.Context, from io.Reader) (Ingested, error) {
	reader, err := NewBarReader(from)
	if err != nil {
		return Ingested{}, err
	}
	var result Ingested
	registered := make(map[string]bool)
	for {
		bars, skipped, readErr := readBatch(reader)
		result.Skipped = append(result.Skipped, skipped...)
		if len(bars) > 0 {
			stored, err := s.ingestBatch(ctx, bars, registered)
			if err != nil {
				return result, err
			}
			result.Stored += stored.Stored
			result.Duplicates += stored.Duplicates
		}
		if errors.Is(readErr, io.EOF) {
			return result, nil
		}
		if readErr != nil {
			return result, fmt.Errorf("reading the file: %w", readErr)
		}
	}
}

func readBatch(reader *BarReader) (bars []Bar, skipped []SkippedRow, err error) {
	for len(bars) < ingestBatch {
		bar, skip, err := reader.Read()
		switch {
		case err != nil:
			return bars, skipped, err
		case skip != nil:
			skipped = append(skipped, *skip)
		default:
			bars = append(bars, bar)
		}
	}
	return bars, skipped, nil
}

func (s *Store) ingestBatch(ctx context.Context, bars []Bar, registered map[string]bool) (Counts, error) {
	var fresh []Instrument
	for _, b := range bars {
		if !registered[b.Symbol] {
			registered[b.Symbol] = true
			fresh = append(fresh, Instrument{Symbol: b.Symbol})
		}
	}
	if len(fresh) > 0 {
		if _, err := s.RegisterInstruments(ctx, fresh); err != nil {
			return Counts{}, err
		}
	}
	return s.StoreBars(ctx, bars)
}
