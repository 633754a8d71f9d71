package drive

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// ReadJournal makes the ledger again from the file of a journal. A log that
// breaks off, in the middle of a line or between two, has lost its last answers:
// every price without one is then indeterminate. Damage in front of sound lines
// is an error, and so is a log that was cut off before the session began.
func ReadJournal(path string) (*Ledger, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	ledger, err := parseJournal(raw)
	if err != nil {
		return nil, fmt.Errorf("reading the journal %s: %w", path, err)
	}
	return ledger, nil
}

func parseJournal(raw []byte) (*Ledger, error) {
	records, torn, err := soundRecords(raw)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 || len(records[0]) != 3 || records[0][0] != "journal" || records[0][1] != "1" {
		return nil, errors.New("it does not begin as a journal does")
	}
	n, err := strconv.Atoi(records[0][2])
	if err != nil || n < 0 || n > len(records)-1 {
		return nil, fmt.Errorf("it holds %d lines for %s prices: the session never began", len(records)-1, records[0][2])
	}
	prices := make([]market.Tick, n)
	for i := range prices {
		if prices[i], err = parsePrice(records[1+i]); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		if prices[i].Trade != prices[0].Trade+int64(i) {
			return nil, fmt.Errorf("line %d: trade %d does not follow the one before", i+2, prices[i].Trade)
		}
	}
	ledger := NewLedger(prices)
	ended := false
	for i, fields := range records[1+n:] {
		if ended {
			return nil, fmt.Errorf("line %d: something follows the end", n+i+2)
		}
		if ended = len(fields) == 1 && fields[0] == "end"; ended {
			continue
		}
		if err := ledger.answer(fields); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+i+2, err)
		}
	}
	if torn || !ended {
		ledger.doubt()
	}
	return ledger, nil
}

// soundRecords are the fields of every line up to where the log breaks off.
func soundRecords(raw []byte) (records [][]string, torn bool, err error) {
	for n := 1; len(raw) > 0; n++ {
		line, rest, whole := bytes.Cut(raw, []byte("\n"))
		raw = rest
		fields, sound := fieldsOf(line)
		switch {
		case !whole || !sound:
			torn = true
		case torn:
			return nil, false, fmt.Errorf("line %d is sound and follows a damaged one", n)
		default:
			records = append(records, fields)
		}
	}
	return records, torn, nil
}

func fieldsOf(line []byte) ([]string, bool) {
	end := bytes.LastIndexByte(line, '\t')
	if end < 0 {
		return nil, false
	}
	sum, err := strconv.ParseUint(string(line[end+1:]), 16, 32)
	if err != nil || sum != uint64(crc32.ChecksumIEEE(line[:end+1])) {
		return nil, false
	}
	return strings.Split(string(line[:end]), "\t"), true
}

func parsePrice(fields []string) (market.Tick, error) {
	if len(fields) != 6 || fields[0] != "price" {
		return market.Tick{}, errors.New("a price was expected")
	}
	trade, err1 := strconv.ParseInt(fields[1], 10, 64)
	symbol, err2 := strconv.Unquote(fields[2])
	at, err3 := strconv.ParseInt(fields[3], 10, 64)
	price, err4 := strconv.ParseFloat(fields[4], 64)
	volume, err5 := strconv.ParseFloat(fields[5], 64)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return market.Tick{}, err
	}
	return market.Tick{Symbol: symbol, Trade: trade, At: time.UnixMicro(at).UTC(), Price: price, Volume: volume}, nil
}

// answer takes a recorded answer into the ledger.
func (l *Ledger) answer(fields []string) error {
	if len(fields) != 5 || fields[0] != "answer" {
		return errors.New("an answer was expected")
	}
	trade, err1 := strconv.ParseInt(fields[1], 10, 64)
	fate, err2 := parseFate(fields[2])
	due, err3 := strconv.ParseInt(fields[3], 10, 64)
	took, err4 := strconv.ParseInt(fields[4], 10, 64)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	i := trade - l.First
	if i < 0 || i >= int64(len(l.fates)) {
		return fmt.Errorf("an answer for trade %d, which was never to be offered", trade)
	}
	if l.fates[i] != unoffered {
		return fmt.Errorf("a second answer for trade %d", trade)
	}
	l.fates[i], l.due[i], l.took[i] = fate, time.Duration(due), time.Duration(took)
	return nil
}

// doubt makes every price without an answer indeterminate: it may have been
// offered, and its answer lost with the end of the log.
func (l *Ledger) doubt() {
	for i, f := range l.fates {
		if f == unoffered {
			l.fates[i] = indeterminate
		}
	}
}
