package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// message is the body of a webhook in the form of Alertmanager, version 4
// (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config).
type message struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   int               `json:"truncatedAlerts"`
	Status            string            `json:"status"`
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []messageAlert    `json:"alerts"`
}

type messageAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"` // the year 1 while it fires, as Alertmanager has it
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

func (h *Webhook) message(n Notice) message {
	labels := map[string]string{"alertname": n.Rule, "severity": string(n.Severity), "service": "marketd"}
	annotations := map[string]string{
		"summary": n.Summary, "runbook": n.Runbook, "value": amount(n.Value, n.Unit), "alert_id": n.ID,
	}
	status, ends := "firing", time.Time{}
	if n.Ended != nil {
		status, ends = "resolved", *n.Ended
	}
	// One rule is one identity, however bad it is and whichever replica tells.
	identity := sha256.Sum256([]byte(h.of + " " + n.Rule))
	return message{
		Version: "4", GroupKey: `{}:{alertname="` + n.Rule + `"}`, Status: status, Receiver: "marketd",
		GroupLabels: map[string]string{"alertname": n.Rule}, CommonLabels: labels, CommonAnnotations: annotations,
		ExternalURL: h.source,
		Alerts: []messageAlert{{
			Status: status, Labels: labels, Annotations: annotations, StartsAt: n.Began, EndsAt: ends,
			GeneratorURL: h.source + "/api/alerts?rule=" + n.Rule, Fingerprint: hex.EncodeToString(identity[:8]),
		}},
	}
}
