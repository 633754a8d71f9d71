package drive_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
)

// swept has each size read three times with each number of clients.
func swept(readings map[int]map[int][3]float64) drive.PoolSweep {
	var s drive.PoolSweep
	for clients, sizes := range readings {
		for size, figures := range sizes {
			for _, f := range figures {
				s = append(s, drive.PoolReading{Connections: size, Clients: clients, PerSecond: f})
			}
		}
	}
	return s
}

func TestTheKneeIsTheSmallestPoolNearTheBest(t *testing.T) {
	tests := map[string]struct {
		sizes      map[int][3]float64
		best, knee int
		decline    float64
	}{
		"it rises, levels off and declines": {
			map[int][3]float64{1: {100, 101, 99}, 2: {200, 190, 210}, 4: {380, 370, 390}, 8: {400, 410, 390}, 16: {395, 390, 400}, 32: {300, 300, 300}}, 8, 4, 0.25,
		},
		"one lucky reading makes no knee": {
			map[int][3]float64{1: {100, 100, 900}, 2: {200, 200, 200}, 4: {400, 400, 400}}, 4, 4, 0,
		},
		"one unlucky reading hides none": {
			map[int][3]float64{1: {100, 100, 100}, 2: {400, 10, 400}, 4: {400, 400, 400}}, 2, 2, 0,
		},
		"more never helps":              {map[int][3]float64{1: {100, 100, 100}, 2: {80, 80, 80}, 4: {60, 60, 60}}, 1, 1, 0.4},
		"exactly at the part it counts": {map[int][3]float64{1: {90, 90, 90}, 2: {100, 100, 100}}, 2, 1, 0},
		"nothing was done":              {map[int][3]float64{1: {0, 0, 0}, 2: {0, 0, 0}}, 0, 0, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := swept(map[int]map[int][3]float64{16: test.sizes})
			best, _ := s.Best(16)
			require.Equal(t, test.best, best)
			require.Equal(t, test.knee, s.Knee(16, 0.9))
			require.InDelta(t, test.decline, s.Decline(16), 1e-9)
		})
	}
}

func TestTheRecommendedPoolServesFewClientsAndMany(t *testing.T) {
	few := map[int][3]float64{2: {100, 100, 100}, 4: {100, 100, 100}, 8: {95, 95, 95}, 16: {85, 85, 85}}
	many := map[int][3]float64{2: {100, 100, 100}, 4: {150, 150, 150}, 8: {195, 195, 195}, 16: {200, 200, 200}}
	s := swept(map[int]map[int][3]float64{4: few, 64: many})
	require.Equal(t, []int{4, 64}, s.Clients())
	require.Equal(t, []int{2, 4, 8, 16}, s.Sizes())
	require.Equal(t, 8, s.Recommended(0.9), "2 is too small for many, 16 too large for few")
	require.InDelta(t, 0.95, s.Worst(8), 1e-9)
	require.Equal(t, 8, s.Recommended(0.99), "where none is near the best for all, the one that loses least")
	require.InDelta(t, 0.75, s.Relative(5, 64), 1e-9, "a size that nobody measured counts as the one below")
	require.Zero(t, s.Relative(1, 64))
	require.Zero(t, drive.PoolSweep{}.Recommended(0.9))

	size, clients := s.Rival(4)
	require.Equal(t, []int{16, 64}, []int{size, clients}, "where 4 falls farthest behind")
	size, clients = s.Rival(16)
	require.Equal(t, 4, clients)
	require.Contains(t, []int{2, 4}, size)
}
