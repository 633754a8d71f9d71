package market

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ingestBatch is how many bars are stored at a time.
const ingestBatch = 1000

// Ingested says what became of the rows of a file.
type Ingested struct {
	Counts
	// Skipped are the rows that could not be taken, in the file's order.
	Skipped []SkippedRow
}

// Ingest stores the bars of a CSV file and registers their instruments. The
// bars of a deleted instrument are skipped. It stores a batch at a time: after
// an error what was stored stays, and taking the same file again completes it.
func (s *Store) Ingest(ctx context.Context, from io.Reader) (Ingested, error) {
	reader, err := NewBarReader(from, s.now())
	if err != nil {
		return Ingested{}, err
	}
	var result Ingested
	registered := make(map[string]bool)
	for {
		batch, readErr := readBatch(reader)
		stored, err := s.ingestBatch(ctx, &batch, registered)
		slices.SortStableFunc(batch.skipped, func(a, b SkippedRow) int { return cmp.Compare(a.Line, b.Line) })
		result.Skipped = append(result.Skipped, batch.skipped...)
		result.Stored += stored.Stored
		result.Duplicates += stored.Duplicates
		switch {
		case err != nil:
			return result, err
		case errors.Is(readErr, io.EOF):
			return result, nil
		case readErr != nil:
			return result, fmt.Errorf("reading the file: %w", readErr)
		}
	}
}

// fileBatch is some rows of a file; lines are those of the bars.
type fileBatch struct {
	bars    []Bar
	lines   []int
	skipped []SkippedRow
}

func readBatch(reader *BarReader) (b fileBatch, err error) {
	for len(b.bars) < ingestBatch {
		bar, skip, err := reader.Read()
		switch {
		case err != nil:
			return b, err
		case skip != nil:
			b.skipped = append(b.skipped, *skip)
		default:
			b.bars = append(b.bars, bar)
			b.lines = append(b.lines, reader.Line())
		}
	}
	return b, nil
}

// ingestBatch stores the batch. Each time an instrument turns out to be
// deleted its bars are skipped, and the rest is tried again.
func (s *Store) ingestBatch(ctx context.Context, b *fileBatch, registered map[string]bool) (Counts, error) {
	for {
		stored, err := s.ingestBars(ctx, b.bars, registered)
		var deleted *DeletedInstrument
		if !errors.As(err, &deleted) {
			return stored, err
		}
		b.skip(deleted.Symbols)
	}
}

func (s *Store) ingestBars(ctx context.Context, bars []Bar, registered map[string]bool) (Counts, error) {
	if len(bars) == 0 {
		return Counts{}, nil
	}
	var fresh []Instrument
	for _, b := range bars {
		in := Instrument{Symbol: b.Symbol}
		if !registered[b.Symbol] && !slices.Contains(fresh, in) {
			fresh = append(fresh, in)
		}
	}
	if len(fresh) > 0 {
		if _, err := s.RegisterInstruments(ctx, fresh); err != nil {
			return Counts{}, err
		}
	}
	for _, in := range fresh {
		registered[in.Symbol] = true
	}
	return s.StoreBars(ctx, bars)
}

// skip moves the bars of deleted instruments to the skipped rows.
func (b *fileBatch) skip(deleted []string) {
	bars, lines := b.bars[:0], b.lines[:0]
	for i, bar := range b.bars {
		if slices.Contains(deleted, bar.Symbol) {
			b.skipped = append(b.skipped, SkippedRow{b.lines[i], "Name: " + bar.Symbol + " is a deleted instrument; restore it first"})
			continue
		}
		bars, lines = append(bars, bar), append(lines, b.lines[i])
	}
	b.bars, b.lines = bars, lines
}
