package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/measure"
)

// AlertRule is one rule of the alerts, as a service tells it.
type AlertRule struct {
	Name      string          `json:"name"`
	Measure   string          `json:"measure"`
	Direction string          `json:"direction"`
	Warning   *AlertThreshold `json:"warning"`
	Critical  *AlertThreshold `json:"critical"`
	// For is how long the trouble must last until the alert fires, Keep how
	// long it must be over until the alert ends, both in seconds.
	For  float64 `json:"for_seconds"`
	Keep float64 `json:"keep_firing_for_seconds"`
}

// AlertThreshold is where a trouble begins and where it has ended.
type AlertThreshold struct {
	Fire  float64 `json:"fire"`
	Clear float64 `json:"clear"`
}

// AlertRules asks the program for the rules that hold where no file says
// otherwise.
func AlertRules(ctx context.Context, program string) ([]AlertRule, error) {
	said, err := environ.Command(ctx, program, "", "alerts", "rules", "--json")
	if err != nil {
		return nil, fmt.Errorf("reading the rules of alerts: %w", err)
	}
	return readRules(said)
}

func readRules(said string) ([]AlertRule, error) {
	var table struct {
		Rules []AlertRule `json:"rules"`
	}
	if err := json.Unmarshal([]byte(said), &table); err != nil {
		return nil, fmt.Errorf("reading the rules of alerts: not JSON as agreed: %w", err)
	}
	if len(table.Rules) == 0 {
		return nil, errors.New("reading the rules of alerts: there are none")
	}
	return table.Rules, nil
}

// RuleColumns are the columns of a table of rules, in their order.
func RuleColumns() []string {
	return []string{"alert", "watches", "warning", "critical", "fires after", "ends after"}
}

// row is the rule in the words of a table.
func (r AlertRule) row() []string {
	text := func(t *AlertThreshold) string {
		if t == nil {
			return "never"
		}
		sign := "at least"
		if r.Direction == "below" {
			sign = "at most"
		}
		return fmt.Sprintf("%s %s until %s", sign, plainFigure(t.Fire), plainFigure(t.Clear))
	}
	return []string{r.Name, r.Measure, text(r.Warning), text(r.Critical), plainFigure(r.For) + " s", plainFigure(r.Keep) + " s"}
}

func plainFigure(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// CompareRules yields "rules that differ from the table": those of either side
// that the other does not have word for word.
func CompareRules(rules []AlertRule, table [][]string) measure.Set {
	var differ []string
	wanted := map[string][]string{}
	for _, row := range table {
		wanted[row[0]] = row
	}
	for _, r := range rules {
		if row := r.row(); !slices.Equal(row, wanted[r.Name]) {
			differ = append(differ, "the service has "+strings.Join(row, " | "))
		}
		delete(wanted, r.Name)
	}
	for _, row := range table {
		if wanted[row[0]] != nil {
			differ = append(differ, "the service has no "+row[0])
		}
	}
	says := "all are the same"
	if len(differ) > 0 {
		says = strings.Join(differ, "; ")
	}
	return measure.Set{"rules that differ from the table": {
		Amount: &measure.Amount{Value: float64(len(differ)), Of: int64(len(table)), Says: says},
	}}
}

// Alarm is a trouble that an alert must tell.
type Alarm struct {
	Rule AlertRule
	// Begin brings the trouble about, End ends it.
	Begin, End func(ctx context.Context) error
	// Patience bounds how much longer than its rule an alert may take to be
	// told; zero is 30 s.
	Patience time.Duration
}

// Alarm brings a trouble about, ends it as soon as the alert fires, and waits
// until the alert is over. It yields "alert delay" and "all-clear delay" in
// seconds: from the moment that the trouble had begun, or had ended, to the
// message, without the time that the rule waits by itself; "alerts never told",
// counted of the two; "alerts told too early", counted of those told; and
// "alert messages that break their schema", counted of all. What was never told
// yields the time waited.
func (m *Market) Alarm(ctx context.Context, a Alarm) (measure.Set, error) {
	c, err := m.call(ctx)
	if err != nil {
		return nil, err
	}
	defer c.hangUp()
	if a.Patience == 0 {
		a.Patience = changePatience
	}
	l := alarmLine{caller: c, rule: a.Rule.Name, patience: a.Patience}
	began := time.Now()
	if err := a.Begin(ctx); err != nil {
		return nil, err
	}
	begun := time.Now()
	fired := l.await(ctx, "firing", a.Rule.For)
	ended := time.Now()
	if err := a.End(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	over := l.await(ctx, "ok", a.Rule.Keep)
	var never, early measure.Share
	never.Of = 2
	for _, told := range []struct {
		at    time.Time
		least time.Time
	}{{fired, began.Add(lasting(a.Rule.For))}, {over, ended.Add(lasting(a.Rule.Keep))}} {
		switch {
		case told.at.IsZero():
			never.Hits++
		case told.at.Before(told.least):
			early.Hits++
			early.Of++
		default:
			early.Of++
		}
	}
	return measure.Set{
		"alert delay":                            a.delay(begun, fired, a.Rule.For),
		"all-clear delay":                        a.delay(ended, over, a.Rule.Keep),
		"alerts never told":                      {Share: &never},
		"alerts told too early":                  {Share: &early},
		"alert messages that break their schema": {Share: &l.broken},
	}, ctx.Err()
}

func lasting(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// delay is how much later than its rule asks a message came.
func (a Alarm) delay(since, at time.Time, waits float64) measure.Value {
	if at.IsZero() {
		return measure.Value{Unit: "s", Amount: &measure.Amount{Value: a.Patience.Seconds(), Says: "never told"}}
	}
	return measure.Value{Unit: "s", Amount: &measure.Amount{Value: max(0, at.Sub(since).Seconds()-waits), Of: 1}}
}

// alarmLine listens to the messages of one rule.
type alarmLine struct {
	*caller
	rule     string
	patience time.Duration
	broken   measure.Share
}

// await returns when the rule's alert came into the state, zero if it did not
// in the time that the rule waits and the patience for every change.
func (l *alarmLine) await(ctx context.Context, state string, waits float64) time.Time {
	ctx, cancel := context.WithTimeout(ctx, lasting(waits)+l.patience)
	defer cancel()
	for {
		all, came := l.until(ctx, "performance_alert")
		if !came {
			return time.Time{}
		}
		last := all[len(all)-1]
		l.broken.Of++
		if contracts.Check("ws/performance_alert", last.raw) != nil {
			l.broken.Hits++
		}
		var said struct {
			Data struct{ Rule, State string }
		}
		if json.Unmarshal(last.raw, &said) == nil && said.Data.Rule == l.rule && said.Data.State == state {
			return last.at
		}
	}
}
