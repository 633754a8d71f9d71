package alert

import (
	"fmt"
	"time"
)

// Notice is what a webhook is told of one alert. Its Key is the same whenever
// the same thing is told again.
type Notice struct {
	Key      string    `json:"key"`
	ID       string    `json:"id"`
	Rule     string    `json:"rule"`
	Severity Severity  `json:"severity"`
	Began    time.Time `json:"began"`
	// Ended is nil while the alert fires.
	Ended   *time.Time `json:"ended"`
	Value   *float64   `json:"value"`
	Unit    string     `json:"unit"`
	Summary string     `json:"summary"`
	Runbook string     `json:"runbook"`
}

func noticeOf(rule Rule, s State) Notice {
	return Notice{
		Key: fmt.Sprintf("%s/firing/%s", s.ID, s.Severity), ID: s.ID, Rule: rule.Name, Severity: s.Severity, Began: s.Began.UTC(),
		Value: copied(s.Value), Unit: unitOf(rule.Measure), Summary: rule.summary(s.Value, s.Severity, s.Stage), Runbook: rule.Runbook,
	}
}

func (n Notice) ended(now time.Time) Notice {
	at := now.UTC()
	n.Key, n.Ended = n.ID+"/resolved", &at
	return n
}

// notices compares what fires with what was told, so that nothing is told
// twice, and what a silence held back is told when it has expired.
func (b *Board) notices(now time.Time) []Notice {
	var due []Notice
	for _, rule := range b.rules {
		s, told := b.states[rule.Name], b.told[rule.Name]
		fires := (s.Stage == Firing || s.Stage == Recovering) && !rule.Disabled
		if told.ID != "" && (!fires || told.ID != s.ID) {
			due = append(due, told.ended(now))
			delete(b.told, rule.Name)
			told = Notice{}
		}
		if fires && told.Severity != s.Severity && !b.silenced(rule.Name) {
			n := noticeOf(rule, s)
			due = append(due, n)
			b.told[rule.Name] = n
		}
	}
	for name, told := range b.told {
		if _, known := b.rule(name); !known {
			due = append(due, told.ended(now))
			delete(b.told, name)
		}
	}
	if len(due) > 0 {
		b.note()
	}
	return due
}
