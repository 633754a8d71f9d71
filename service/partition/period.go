package partition

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

var periodText = regexp.MustCompile(`^([0-9]{1,5})([dmy])$`)

// Keep says how long the partitions of each table stay attached.
type Keep struct {
	Ticks Period
	Bars  Period
}

func (k Keep) of(t table) Period {
	if t.yearly {
		return k.Bars
	}
	return k.Ticks
}

// Period is a time of the calendar. Zero means for ever.
type Period struct{ Years, Months, Days int }

// ParsePeriod reads "90d", "18m" or "10y". The empty text is zero.
func ParsePeriod(text string) (Period, error) {
	if text == "" {
		return Period{}, nil
	}
	found := periodText.FindStringSubmatch(text)
	if found == nil {
		return Period{}, fmt.Errorf("period %q: want a number with d, m or y, such as 90d, 18m or 10y", text)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil || n == 0 {
		return Period{}, fmt.Errorf("period %q: must be at least 1", text)
	}
	switch found[2] {
	case "d":
		return Period{Days: n}, nil
	case "m":
		return Period{Months: n}, nil
	}
	return Period{Years: n}, nil
}

// before is the moment that lies the period before now, and false if the
// period has no end.
func (p Period) before(now time.Time) (time.Time, bool) {
	if p == (Period{}) {
		return time.Time{}, false
	}
	return now.UTC().AddDate(-p.Years, -p.Months, -p.Days), true
}
