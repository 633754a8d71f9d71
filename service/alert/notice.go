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

// noticeOf has a key with the time of the change: one alert may become a
// warning again, and then that is to be told again.
func noticeOf(rule Rule, s State) Notice {
	return Notice{
		Key: fmt.Sprintf("%s/%s/%d", s.ID, s.Severity, s.Since.UnixMilli()), ID: s.ID, Rule: rule.Name, Severity: s.Severity, Began: s.Began.UTC(),
		Value: copied(s.Value), Unit: unitOf(rule.Measure), Summary: rule.summary(s.Value, s.Severity, s.Stage), Runbook: rule.Runbook,
	}
}

func (n Notice) ended(now time.Time) Notice {
	at := now.UTC()
	n.Key, n.Ended = n.ID+"/resolved", &at
	return n
}
