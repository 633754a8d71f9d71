package drive

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
)

// commitEvery is how long answers are gathered before they are made durable
// together. A disk that is asked for each of them would slow the server that
// is being measured.
const commitEvery = 50 * time.Millisecond

// Journal is the log of what a service answered, kept in a file of its own
// outside the database. An answer counts once it is on disk: the ledger is
// read back from the file, not from memory, so it survives the end of the
// harness. The file begins with every price that may be offered, so that an
// answer which the log lost makes its price indeterminate and not a stranger.
//
// A record is a line of fields between tabs, the last of them a checksum of
// those before it.
type Journal struct {
	file   *os.File
	prices []market.Tick
	wake   chan struct{} // something is pending; of capacity 1
	ended  chan struct{} // the writer is gone
	err    error         // the writer's first; nothing is written after it

	mu      sync.Mutex
	pending []byte
	closed  bool
}

// OpenJournal makes a journal for prices in a file that must not exist yet. The
// trade numbers of the prices follow each other.
func OpenJournal(path string, prices []market.Tick) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	j := &Journal{file: file, wake: make(chan struct{}, 1), ended: make(chan struct{}), prices: prices}
	if err := j.plan(); err != nil {
		return nil, errors.Join(fmt.Errorf("writing %d prices into the journal: %w", len(prices), err), file.Close())
	}
	go j.write() // ends with Close, which waits for it
	return j, nil
}

// plan writes the prices and makes the file and its name durable.
func (j *Journal) plan() error {
	lines := record(nil, "journal", "1", strconv.Itoa(len(j.prices)))
	for _, p := range j.prices {
		lines = record(lines, "price", strconv.FormatInt(p.Trade, 10), strconv.Quote(p.Symbol),
			strconv.FormatInt(p.At.UnixMicro(), 10), figure(p.Price), figure(p.Volume))
	}
	if _, err := j.file.Write(lines); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(j.file.Name()))
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	return folder.Sync()
}

// Note writes down what came of price i: err is the answer, nil for success,
// due is when it was due, counted from the start of the session, and took the
// time from then to the answer. It does not wait for the disk.
func (j *Journal) Note(i int, err error, due, took time.Duration) {
	j.append("answer", strconv.FormatInt(j.prices[i].Trade, 10), fateOf(err).String(),
		strconv.FormatInt(int64(due), 10), strconv.FormatInt(int64(took), 10))
}

// Close writes down that nothing else was offered, makes everything durable and
// says whether all of it is.
func (j *Journal) Close() error {
	j.append("end")
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.signal()
	<-j.ended
	return errors.Join(j.err, j.file.Close())
}

func (j *Journal) append(fields ...string) {
	j.mu.Lock()
	j.pending = record(j.pending, fields...)
	j.mu.Unlock()
	j.signal()
}

func (j *Journal) signal() {
	select {
	case j.wake <- struct{}{}:
	default: // the writer was told already
	}
}

// write makes durable what is pending, a group at a time, until the journal is
// closed.
func (j *Journal) write() {
	defer close(j.ended)
	rest := time.NewTicker(commitEvery)
	defer rest.Stop()
	for {
		<-j.wake
		j.mu.Lock()
		group, closed := j.pending, j.closed
		j.pending = nil
		j.mu.Unlock()
		j.err = j.commit(group)
		if closed {
			return
		}
		<-rest.C
	}
}

func (j *Journal) commit(group []byte) error {
	if j.err != nil || len(group) == 0 {
		return j.err
	}
	if _, err := j.file.Write(group); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("making the journal durable: %w", err)
	}
	return nil
}

// record appends a line to lines.
func record(lines []byte, fields ...string) []byte {
	begin := len(lines)
	for _, field := range fields {
		lines = append(lines, field...)
		lines = append(lines, '\t')
	}
	sum := crc32.ChecksumIEEE(lines[begin:])
	return append(strconv.AppendUint(lines, uint64(sum), 16), '\n')
}

func figure(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
