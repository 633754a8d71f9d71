package partition

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Types of the columns that the tables are divided by.
const (
	oidDate        = 1082
	oidTimestamptz = 1184
)

// parseBound reads pg_class.relpartbound as it is stored. The server's own
// function for it, pg_get_expr, waits for whoever has locked the partition;
// this text is a column like any other. The default partition has no span.
func parseBound(node string) (s span, isDefault bool, err error) {
	if strings.Contains(node, ":is_default true") {
		return span{}, true, nil
	}
	_, rest, foundLower := strings.Cut(node, ":lowerdatums (")
	lower, upper, foundUpper := strings.Cut(rest, ":upperdatums (")
	if !foundLower || !foundUpper {
		return span{}, false, fmt.Errorf("reading partition bound %.80q: it is not one of a range", node)
	}
	if s.from, err = parseDatum(lower); err != nil {
		return span{}, false, err
	}
	s.to, err = parseDatum(upper)
	return s, false, err
}

func parseDatum(node string) (time.Time, error) {
	wrong := func(why string) (time.Time, error) {
		return time.Time{}, fmt.Errorf("reading partition bound %.80q: %s", node, why)
	}
	if strings.Count(node, "{PARTITIONRANGEDATUM") != 1 {
		return wrong("it is not of one column")
	}
	switch word(node, ":kind ") {
	case "-1":
		return beginning(), nil
	case "1":
		return end(), nil
	case "0":
	default:
		return wrong("its kind is unknown")
	}
	_, value, found := strings.Cut(node, ":constvalue ")
	_, value, open := strings.Cut(value, "[")
	value, _, closed := strings.Cut(value, "]")
	fields := strings.Fields(value)
	if !found || !open || !closed || len(fields) != 8 {
		return wrong("its value is not of eight bytes")
	}
	var raw [8]byte
	for i, field := range fields {
		n, err := strconv.ParseInt(field, 10, 16)
		if err != nil || n < -128 || n > 255 {
			return wrong("its value is not of bytes")
		}
		raw[i] = byte(n)
	}
	number := int64(binary.LittleEndian.Uint64(raw[:]))
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	switch word(node, ":consttype ") {
	case strconv.Itoa(oidTimestamptz):
		return limited(time.UnixMicro(epoch.UnixMicro() + max(-1<<62, min(1<<62, number))).UTC()), nil
	case strconv.Itoa(oidDate):
		return limited(epoch.AddDate(0, 0, int(int32(number)))), nil
	}
	return wrong("it is neither a timestamptz nor a date")
}

// limited brings the infinities to the moments that stand for them.
func limited(at time.Time) time.Time { return later(beginning(), earlier(end(), at)) }

// word is the text after the label up to the next space.
func word(node, label string) string {
	_, rest, _ := strings.Cut(node, label)
	rest, _, _ = strings.Cut(rest, " ")
	return rest
}
