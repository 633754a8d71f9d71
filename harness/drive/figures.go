package drive

import (
	"context"
	"time"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Follow listens to the live figures of the database. It yields
//
//   - "messages that break their schema", counted of all messages;
//   - "messages missing in the sequence", counted of those that the numbers
//     from the first to the highest promise;
//   - "messages out of sequence", counted of all figures: a number that came
//     again, or after a higher one;
//   - "pause between figures" in milliseconds, from the moment the line is
//     open and up to the end of the listening, so that silence is a pause.
func (m *Market) Follow(ctx context.Context, lasts time.Duration) (measure.Set, error) {
	c, err := m.call(ctx)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	listening, cancel := context.WithDeadline(ctx, c.began.Add(lasts))
	defer cancel()
	all, _ := c.until(listening, anything)
	return figuresIn(c.began, lasts, all), ctx.Err()
}

// figuresIn judges what was heard in the time from began on.
func figuresIn(began time.Time, lasts time.Duration, all []heard) measure.Set {
	pause := measure.NewHistogram()
	var broken, missing, disordered measure.Share
	var first, highest int64
	seen, last := map[int64]bool{}, began
	for _, h := range all {
		broken.Of++
		if contracts.Check("ws/"+h.Type, h.raw) != nil {
			broken.Hits++
		}
		if h.Type != "database_performance" || h.Seq == nil {
			continue
		}
		pause.Record(h.at.Sub(last))
		last = h.at
		disordered.Of++
		switch n := *h.Seq; {
		case disordered.Of == 1:
			first, highest = n, n
			seen[n] = true
		case n <= highest:
			disordered.Hits++
			seen[n] = seen[n] || n > first // one below the first fills no gap
		default:
			highest = n
			seen[n] = true
		}
	}
	pause.Record(max(0, began.Add(lasts).Sub(last)))
	if disordered.Of > 0 {
		distinct := int64(0)
		for _, counts := range seen {
			if counts {
				distinct++
			}
		}
		missing = measure.Share{Of: highest - first + 1, Hits: highest - first + 1 - distinct}
	}
	return measure.Set{
		"messages that break their schema": {Share: &broken},
		"messages missing in the sequence": {Share: &missing},
		"messages out of sequence":         {Share: &disordered},
		"pause between figures":            {Unit: measure.Milliseconds, Histogram: pause},
	}
}
