package httpapi

import (
	"fmt"
	"hash/fnv"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/service/monitor"
)

// healthType is the type of health answers for those who ask for it
// (draft-inadarei-api-health-check).
const healthType = "application/health+json"

// writeHealth answers with the type that was asked for. Whoever does not ask
// gets application/json, as ever.
func writeHealth(w http.ResponseWriter, r *http.Request, status int, body any) {
	if wantsHealth(r.Header.Values("Accept")) {
		w = &typed{w, healthType}
	}
	writeJSON(w, status, body)
}

// typed sends an answer with another type.
type typed struct {
	http.ResponseWriter

	mediaType string
}

func (t *typed) WriteHeader(status int) {
	t.Header().Set("Content-Type", t.mediaType)
	t.ResponseWriter.WriteHeader(status)
}

// wantsHealth says whether the health type is named, and is not liked less
// than application/json.
func wantsHealth(lists []string) bool {
	health, plain := 0.0, 0.0
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			kind, parameters, err := mime.ParseMediaType(one)
			if err != nil {
				continue
			}
			quality := 1.0
			if q, given := parameters["q"]; given {
				if quality, err = strconv.ParseFloat(q, 64); err != nil {
					continue
				}
			}
			switch kind {
			case healthType:
				health = quality
			case "application/json":
				plain = quality
			}
		}
	}
	return health > 0 && health >= plain
}

// moment is what makes one look differ from another.
type moment struct {
	at      time.Time
	status  monitor.Status
	reasons []string
}

// tag is weak: the answers of one look differ in their ages.
func (m moment) tag() string {
	reasons := fnv.New32a()
	for _, reason := range m.reasons {
		_, _ = reasons.Write([]byte(reason + ";")) // a hash takes everything
	}
	return fmt.Sprintf(`W/"%x-%s-%x"`, m.at.UnixMicro(), m.status, reasons.Sum32())
}

// writeSeen answers with what the monitor saw, or that it is still the same. A
// failure is always told whole.
func writeSeen(w http.ResponseWriter, r *http.Request, m moment, body any) {
	tag, status := m.tag(), statusCode(m.status)
	w = &cached{w}
	w.Header().Set("ETag", tag)
	w.Header().Set("Vary", "Accept")
	if status == http.StatusOK && has(r.Header.Values("If-None-Match"), strings.TrimPrefix(tag, "W/")) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeHealth(w, r, status, body)
}

// cached lets an answer be kept and asked for again.
type cached struct{ http.ResponseWriter }

func (c *cached) WriteHeader(status int) {
	c.Header().Set("Cache-Control", "no-cache")
	c.ResponseWriter.WriteHeader(status)
}
