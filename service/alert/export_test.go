package alert

import "time"

// HookQueue is how many notices may wait.
const HookQueue = hookQueue

// Hurried makes a webhook try again at once.
func Hurried(h *Webhook) *Webhook {
	h.retry = time.Millisecond
	return h
}

// Patience makes a webhook wait that long for an answer.
func Patience(h *Webhook, patience time.Duration) *Webhook {
	h.client.Timeout = patience
	return h
}

// Pause is how long a webhook waits after so many failures.
func Pause(h *Webhook, failures int) time.Duration { return h.pause(failures) }
