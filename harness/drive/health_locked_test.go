package drive_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
)

// free is a hold on nothing.
type free struct{ released *bool }

func (free) Waiting(context.Context) (int, error) { return 0, nil }

func (f free) Release(context.Context) error { *f.released = true; return nil }

func TestAnOperatorUnderALockIsNotFooled(t *testing.T) {
	tests := map[string]struct {
		answer  string
		posing  bool
		hanging bool
	}{
		"a fresh look":                 {`{"age_ms":900,"stale":[]}`, false, false},
		"an old look that says so":     {`{"age_ms":90000,"stale":["locks"]}`, false, false},
		"old partitions that say so":   {`{"age_ms":90000,"stale":true}`, false, false},
		"an old look told as fresh":    {`{"age_ms":90000,"stale":[]}`, true, false},
		"old partitions told as fresh": {`{"age_ms":90000,"stale":false}`, true, false},
		"nothing":                      {``, false, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			mux.Handle("GET /ws", (&exchange{figures: sends(1, 2, 3)}).handler(t))
			mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
				if test.hanging && strings.HasSuffix(r.URL.Path, "/plan") {
					hang(w, r)
					return
				}
				_, _ = w.Write([]byte(test.answer))
			})
			released := false
			seen, err := marketOf(t, mux).Impatient(300*time.Millisecond).AskUnderLock(t.Context(), drive.Blockade{
				For: time.Second, Rate: 2,
				Lock: func(context.Context) (drive.Hold, error) { return free{&released}, nil },
			})
			require.NoError(t, err)
			require.True(t, released)
			require.Equal(t, test.posing, seen["old figures told as fresh"].Share.Hits > 0)
			require.Positive(t, seen["answers that break their schema"].Share.Hits, "none is as agreed")
			if test.hanging {
				require.Positive(t, seen["health answers missed"].Share.Hits)
			}
			require.Positive(t, seen["pause between figures"].Histogram.Count())
		})
	}
}
