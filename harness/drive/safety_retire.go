package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/signoff-dev/signoff/harness/measure"
)

// Retire deletes instruments that were traded, through the service, looks for
// them in every way there is, and brings them back. It yields
//
//   - "deleted instruments still shown", counted of the looks: the list, the
//     latest price, prices, their average and bars;
//   - "deleted instruments that cannot be seen", counted of the looks that ask
//     for deleted ones as well;
//   - "writes to deleted instruments taken", counted of those tried;
//   - "history rows lost", counted of all rows, after the deletion and after the
//     return;
//   - "instruments that did not come back", counted of the looks.
func (m *Market) Retire(ctx context.Context, o Operator, symbols []string) (measure.Set, error) {
	before, err := ReadSums(ctx, o.DSN)
	if err != nil {
		return nil, err
	}
	for _, symbol := range symbols {
		if err := m.remove(ctx, symbol); err != nil {
			return nil, fmt.Errorf("deleting %s: %w", symbol, err)
		}
	}
	shown, err := m.sights(ctx, symbols, "")
	if err != nil {
		return nil, err
	}
	kept, err := m.sights(ctx, symbols, "include")
	if err != nil {
		return nil, err
	}
	var tried attempts
	for _, symbol := range symbols {
		if err := m.write(ctx, &tried, symbol); err != nil {
			return nil, err
		}
	}
	away, err := ReadSums(ctx, o.DSN)
	if err != nil {
		return nil, err
	}
	for _, symbol := range symbols {
		if err := m.post(ctx, "/api/instruments/restore", map[string]string{"symbol": symbol}, nil); err != nil {
			return nil, fmt.Errorf("bringing %s back: %w", symbol, err)
		}
	}
	back, err := m.sights(ctx, symbols, "")
	if err != nil {
		return nil, err
	}
	after, err := ReadSums(ctx, o.DSN)
	if err != nil {
		return nil, err
	}
	lost := before.rowsOf(before.Differ(away), away) + before.rowsOf(before.Differ(after), after)
	return measure.Set{
		"deleted instruments still shown":         count("deleted instruments still shown", shown.seen, shown.looks),
		"deleted instruments that cannot be seen": count("deleted instruments that cannot be seen", kept.looks-kept.seen, kept.looks),
		"writes to deleted instruments taken":     tried.count("writes to deleted instruments taken"),
		"history rows lost":                       count("history rows lost", lost, 2*before.Rows),
		"instruments that did not come back":      count("instruments that did not come back", back.looks-back.seen, back.looks),
	}, nil
}

// write tries to store a price of an instrument and to list it again.
func (m *Market) write(ctx context.Context, tried *attempts, symbol string) error {
	now := time.Now()
	body := ticks{Ticks: []instant{soundTick(symbol, now)}}
	if err := m.attempt(ctx, tried, "a price of "+symbol, "/api/ticks", body); err != nil {
		return err
	}
	if err := m.attempt(ctx, tried, "a bar of "+symbol, "/api/bars", dailyBars{[]dailyBar{{symbol, soundBar(now)}}}); err != nil {
		return err
	}
	listed := map[string][]instrument{"instruments": {{Symbol: symbol, Name: symbol}}}
	return m.attempt(ctx, tried, "listing "+symbol, "/api/instruments", listed)
}

// sighting is how often an instrument was looked for and seen.
type sighting struct{ seen, looks int64 }

// sights looks for every instrument in the list, and at whatever is told about
// those that have prices: an instrument without bars is seen by an answer that
// holds none.
func (m *Market) sights(ctx context.Context, symbols []string, deleted string) (sighting, error) {
	var s sighting
	listed, err := m.listed(ctx, deleted)
	if err != nil {
		return s, err
	}
	for _, symbol := range symbols {
		s.looks++
		if slices.Contains(listed, symbol) {
			s.seen++
		}
		for _, path := range []string{"/api/prices/latest", "/api/prices", "/api/prices/vwap", "/api/bars"} {
			status, raw, err := m.fetch(ctx, path+asking(symbol, deleted))
			if err != nil {
				return s, fmt.Errorf("looking for %s: %w", symbol, err)
			}
			s.looks++
			switch {
			case status == http.StatusOK:
				s.seen++
			case status != http.StatusNotFound:
				return s, fmt.Errorf("looking for %s: %w", symbol, refused(status, raw))
			}
		}
	}
	return s, nil
}

func asking(symbol, deleted string) string {
	values := url.Values{}
	if symbol != "" {
		values.Set("symbol", symbol)
	}
	if deleted != "" {
		values.Set("deleted", deleted)
	}
	return "?" + values.Encode()
}

// listed are the symbols in the list of instruments.
func (m *Market) listed(ctx context.Context, deleted string) ([]string, error) {
	status, raw, err := m.fetch(ctx, "/api/instruments"+asking("", deleted))
	if err != nil {
		return nil, fmt.Errorf("reading the list of instruments: %w", err)
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("reading the list of instruments: %w", refused(status, raw))
	}
	var list struct {
		Instruments []instrument `json:"instruments"`
	}
	if err := json.Unmarshal(raw, &list); err != nil || list.Instruments == nil {
		return nil, errors.New("reading the list of instruments: an answer in another format")
	}
	symbols := make([]string, len(list.Instruments))
	for i, in := range list.Instruments {
		symbols[i] = in.Symbol
	}
	return symbols, nil
}
