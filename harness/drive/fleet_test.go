package drive_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
)

func TestATakeOverIsHeldAgainstWhatEverybodyWasTold(t *testing.T) {
	alert := func(desk string, seq int64) func(bulletin) bool {
		return func(b bulletin) bool { return b.channel == "performance_alert" && b.desk == desk && b.seq == seq }
	}
	tests := map[string]struct {
		room  *newsroom
		hits  map[string]int64 // of what is not 0; -1 is more than none
		taken bool
	}{
		"all is told to all":               {&newsroom{}, nil, true},
		"it goes without a farewell":       {&newsroom{abrupt: true}, map[string]int64{"farewells never told": 2}, true},
		"nobody takes over":                {&newsroom{orphaned: true}, nil, false},
		"one service leaves out an alert":  {&newsroom{tamper: lie(alert("desk 2", 2), nothing)}, map[string]int64{"messages missing in the sequence": 2, "alerts never told": 2}, true},
		"one service tells an alert twice": {&newsroom{tamper: lie(alert("desk 3", 1), doubled)}, map[string]int64{"messages told twice": 2}, true},
		"one service tells another story":  {&newsroom{tamper: lie(alert("desk 2", 1), reworded)}, map[string]int64{"messages that differ between services": 1}, true},
		"the last alert never comes": {
			&newsroom{tamper: lie(alert("desk 3", 4), nothing)},
			map[string]int64{"messages missing in the sequence": -1, "alerts never told": -1}, true,
		},
		"who comes from elsewhere is told again what was known": {
			&newsroom{tamper: func(b bulletin) []string {
				if b.again && b.seq > 1 {
					return doubled(b.frame)
				}
				return []string{b.frame}
			}},
			map[string]int64{"messages told twice": -1}, true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fleet := drive.Fleet{Replicas: test.room.open(t, 3), Watchers: 2, Farewell: true, Trouble: test.room.alarm()}
			seen, err := fleet.TakeOver(t.Context())
			require.NoError(t, err)
			for _, measured := range []string{
				"messages missing in the sequence", "messages told twice", "messages that differ between services",
				"alerts never told", "farewells never told",
			} {
				require.Positive(t, seen[measured].Share.Of, measured)
				if want := test.hits[measured]; want < 0 {
					require.Positive(t, seen[measured].Share.Hits, measured)
				} else {
					require.Equal(t, want, seen[measured].Share.Hits, measured)
				}
			}
			if test.taken {
				require.Contains(t, seen["take-over"].Amount.Says, "desk 2 after desk 1")
			} else {
				require.Equal(t, "nobody took over", seen["take-over"].Amount.Says)
			}
		})
	}
}

func TestALostLineIsTakenUpAgain(t *testing.T) {
	seventh := func(b bulletin) bool { return b.again && b.seq%7 == 0 }
	tests := map[string]struct {
		room *newsroom
		hits map[string]bool
	}{
		"nothing is lost":             {&newsroom{}, nil},
		"what was missed has a gap":   {&newsroom{tamper: lie(seventh, nothing)}, map[string]bool{"messages missing in the sequence": true}},
		"what was missed comes twice": {&newsroom{tamper: lie(seventh, doubled)}, map[string]bool{"messages told twice": true}},
		"what was missed is out of shape": {
			&newsroom{tamper: lie(seventh, func(frame string) []string { return []string{frame[:len(frame)-1] + `,"nonsense":1}`} })},
			map[string]bool{"messages that break their schema": true},
		},
		"the question is not answered": {&newsroom{mute: true}, map[string]bool{"reconnections without an answer": true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen, err := test.room.open(t, 1)[0].Market.Reconnect(t.Context(), 1, 150*time.Millisecond)
			require.NoError(t, err)
			for measured, value := range seen {
				require.Positive(t, value.Share.Of, measured)
				require.Equal(t, test.hits[measured], value.Share.Hits > 0, measured)
			}
		})
	}
}
