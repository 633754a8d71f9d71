package measure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"time"
)

// stored is the layout of a histogram in the evidence.
type stored struct {
	Unit          string     `json:"unit"`           // of the buckets: µs
	RelativeError float64    `json:"relative_error"` // of a bucket, or one unit if that is more
	Count         int64      `json:"count"`
	Min           int64      `json:"min_ns"`  // exact
	Max           int64      `json:"max_ns"`  // exact
	Buckets       [][2]int64 `json:"buckets"` // [shortest duration of the bucket in µs, observations]
}

const bucketUnit = "µs"

// MarshalJSON writes the buckets that hold anything as [[µs, count], …] with
// the exact count, shortest and longest and the error of a bucket.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	s := stored{
		Unit: bucketUnit, RelativeError: relativeError,
		Count: h.Count(), Min: int64(h.min), Max: int64(h.max),
		Buckets: [][2]int64{},
	}
	for _, b := range h.filled() {
		s.Buckets = append(s.Buckets, [2]int64{b.From, b.Count})
	}
	return json.Marshal(s)
}

// UnmarshalJSON reads what MarshalJSON writes and refuses everything else:
// unknown, repeated or missing fields, buckets out of order or off the grid,
// counts that are not positive or do not add up, and a shortest or longest
// duration outside its bucket.
func (h *Histogram) UnmarshalJSON(b []byte) error {
	s, err := readStored(b)
	if err != nil {
		return fmt.Errorf("reading a histogram: %w", err)
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("reading a histogram: %w", err)
	}
	*h = Histogram{}
	for _, bucket := range s.Buckets {
		h.add(bucket[0], bucket[1], time.Duration(s.Min), time.Duration(s.Max))
	}
	return nil
}

// readStored reads the object field by field, because encoding/json takes the
// last of two equal names and does not mind their case.
func readStored(b []byte) (stored, error) {
	var s stored
	fields := map[string]any{
		"unit": &s.Unit, "relative_error": &s.RelativeError, "count": &s.Count,
		"min_ns": &s.Min, "max_ns": &s.Max, "buckets": (*pairsOfCounts)(&s.Buckets),
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return s, errors.New("it is not an object")
	}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return s, err
		}
		name, _ := token.(string) // the decoder lets nothing else stand here
		into, known := fields[name]
		if !known {
			return s, fmt.Errorf("field %q is unknown or repeated", name)
		}
		delete(fields, name)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return s, fmt.Errorf("field %q: %w", name, err)
		}
		if bytes.Equal(raw, []byte("null")) {
			return s, fmt.Errorf("field %q is null", name)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return s, fmt.Errorf("field %q: %w", name, err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return s, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return s, errors.New("something follows the object")
	}
	if missing := slices.Sorted(maps.Keys(fields)); len(missing) > 0 {
		return s, fmt.Errorf("field %q is missing", missing[0])
	}
	return s, nil
}

// pairsOfCounts reads [[µs, count], …] and refuses an inner list that is not of
// two, which encoding/json would fill up or cut.
type pairsOfCounts [][2]int64

func (p *pairsOfCounts) UnmarshalJSON(b []byte) error {
	var lists [][]int64
	if err := json.Unmarshal(b, &lists); err != nil {
		return err
	}
	*p = make(pairsOfCounts, len(lists))
	for i, l := range lists {
		if len(l) != 2 {
			return fmt.Errorf("bucket %d has %d figures, not 2", i, len(l))
		}
		(*p)[i] = [2]int64{l[0], l[1]}
	}
	return nil
}

func (s stored) check() error {
	if s.Unit != bucketUnit || s.RelativeError != relativeError {
		return fmt.Errorf("unit %q with relative error %v is not %q with %v", s.Unit, s.RelativeError, bucketUnit, relativeError)
	}
	var total int64
	before := int64(-1)
	for i, b := range s.Buckets {
		µs, n := b[0], b[1]
		switch {
		case n <= 0:
			return fmt.Errorf("bucket %d counts %d observations", i, n)
		case µs <= before:
			return fmt.Errorf("bucket %d (%d µs) is not above the one before it (%d µs)", i, µs, before)
		case µs > longestBucket || lowest(µs) != µs:
			return fmt.Errorf("bucket %d: no bucket begins at %d µs", i, µs)
		case n > math.MaxInt64-total:
			return errors.New("the counts exceed every number")
		}
		total += n
		before = µs
	}
	if total != s.Count {
		return fmt.Errorf("the buckets hold %d observations, count says %d", total, s.Count)
	}
	return s.checkEnds()
}

func (s stored) checkEnds() error {
	if len(s.Buckets) == 0 {
		if s.Min != 0 || s.Max != 0 {
			return fmt.Errorf("without observations min_ns is %d and max_ns %d, not 0", s.Min, s.Max)
		}
		return nil
	}
	if s.Min < 0 || s.Min > s.Max {
		return fmt.Errorf("min_ns %d and max_ns %d are no range", s.Min, s.Max)
	}
	first, last := s.Buckets[0][0], s.Buckets[len(s.Buckets)-1][0]
	if lowest(inMicroseconds(time.Duration(s.Min))) != first {
		return fmt.Errorf("min_ns %d lies outside the first bucket (%d µs)", s.Min, first)
	}
	if lowest(inMicroseconds(time.Duration(s.Max))) != last {
		return fmt.Errorf("max_ns %d lies outside the last bucket (%d µs)", s.Max, last)
	}
	if s.Count == 1 && s.Min != s.Max {
		return fmt.Errorf("one observation cannot be both %d and %d ns", s.Min, s.Max)
	}
	return nil
}
