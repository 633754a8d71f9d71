package market

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Header is the first line of a file of bars.
const Header = "Date,Open,High,Low,Close,Volume,Name"

// SkippedRow is a row of a file that could not be taken.
type SkippedRow struct {
	// Line is the line of the file, the header being line 1.
	Line int
	// Reason names the column and what is wrong with it.
	Reason string
}

// String is "line 12: Open: is empty".
func (s SkippedRow) String() string { return fmt.Sprintf("line %d: %s", s.Line, s.Reason) }

// BarReader reads bars from a CSV file with the columns of Header.
type BarReader struct {
	csv  *csv.Reader
	now  time.Time
	line int
}

// NewBarReader reads the header. A header other than Header is an error that
// names both. Bars of a day or more after now will not be taken.
func NewBarReader(from io.Reader, now time.Time) (*BarReader, error) {
	buffered := bufio.NewReader(from)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = buffered.Discard(len(mark)) // they were peeked, so they are there
	}
	reader := csv.NewReader(buffered)
	reader.FieldsPerRecord = -1
	reader.ReuseRecord = true
	header, err := reader.Read()
	var malformed *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("reading line 1: the file is empty; want the columns %s", Header)
	case errors.As(err, &malformed):
		return nil, fmt.Errorf("reading line 1: it is not CSV (%w); want the columns %s", malformed.Err, Header)
	case err != nil:
		return nil, fmt.Errorf("reading line 1: %w", err)
	}
	if found := strings.Join(header, ","); found != Header {
		return nil, fmt.Errorf("reading line 1: want the columns %s, found %s", Header, clip(found))
	}
	return &BarReader{csv: reader, now: now}, nil
}

// Read returns the next bar, or the row that has none and why. After the last
// row the error is io.EOF.
func (r *BarReader) Read() (Bar, *SkippedRow, error) {
	record, err := r.csv.Read()
	var malformed *csv.ParseError
	switch {
	case errors.As(err, &malformed):
		return Bar{}, &SkippedRow{malformed.Line, "is not CSV: " + malformed.Err.Error()}, nil
	case err != nil:
		return Bar{}, nil, err
	}
	r.line, _ = r.csv.FieldPos(0)
	bar, reason := parseBar(record, r.now)
	if reason != "" {
		return Bar{}, &SkippedRow{r.line, reason}, nil
	}
	return bar, nil, nil
}

// Line is the line of the bar that Read returned last.
func (r *BarReader) Line() int { return r.line }

func parseBar(record []string, now time.Time) (Bar, string) {
	columns := strings.Split(Header, ",")
	if len(record) != len(columns) {
		return Bar{}, fmt.Sprintf("has %d columns, want %d", len(record), len(columns))
	}
	var empty []string
	for i, value := range record {
		if strings.TrimSpace(value) == "" {
			empty = append(empty, columns[i])
		}
	}
	if len(empty) > 0 {
		return Bar{}, strings.Join(empty, ", ") + ": is empty"
	}
	day, err := time.Parse(time.DateOnly, record[0])
	if err != nil {
		return Bar{}, fmt.Sprintf("Date: %q is not a day such as 2016-01-04", clip(record[0]))
	}
	bar := Bar{Symbol: strings.Clone(record[6]), Day: day}
	for i, into := range []*float64{&bar.Open, &bar.High, &bar.Low, &bar.Close, &bar.Volume} {
		*into, err = strconv.ParseFloat(record[i+1], 64)
		if err != nil {
			return Bar{}, fmt.Sprintf("%s: %q is not a number", columns[i+1], clip(record[i+1]))
		}
	}
	if field, problem := bar.problem(now); problem != "" {
		fields := []string{"day", "open", "high", "low", "close", "volume", "symbol"}
		return Bar{}, columns[slices.Index(fields, field)] + ": " + problem
	}
	return bar, ""
}

// clip keeps a message on one line of a sensible length.
func clip(text string) string {
	const most = 80
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text), "?")
}
