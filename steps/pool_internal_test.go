package steps

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/drive"
)

// sweepOf reads sizes 1, 2 and 4 twice with 8 clients; 2 is the best.
func sweepOf(wait float64) drive.PoolSweep {
	var s drive.PoolSweep
	for size, rate := range map[int]float64{1: 100, 2: 200, 4: 150} {
		for _, off := range []float64{-10, 10} {
			s = append(s, drive.PoolReading{Connections: size, Clients: 8, PerSecond: rate + off, WaitMS: wait / float64(size)})
		}
	}
	return s
}

func TestThePicturesOfASweepShowTheRecommendationAndTheServicesOwn(t *testing.T) {
	charts := poolCharts("SLO-POOL-03", sweepOf(4), 4)
	require.Len(t, charts, 2)
	rate, wait := charts[0], charts[1]
	require.True(t, rate.X.Log)
	require.Len(t, rate.Lines, 1)
	require.Equal(t, "8 clients", rate.Lines[0].Name)
	require.Len(t, rate.Lines[0].Points, 3)
	p := rate.Lines[0].Points[1]
	require.Equal(t, []float64{2, 200, 190, 210}, []float64{p.X, p.Y, *p.Low, *p.High})
	require.Equal(t, []float64{2, 4}, []float64{rate.Marks[0].X, rate.Marks[1].X})
	require.Equal(t, []string{"recommended", "the service's own"}, []string{rate.Marks[0].Says, rate.Marks[1].Says})
	require.Contains(t, rate.Says[0], "With 8 clients the knee is at 2 connections, the best is 200 a second at 2, and the largest pool gives 25 % of it away.")
	require.Contains(t, rate.Says[2], "takes 4 connections, and reaches at least 75 %")
	require.InDelta(t, 1, wait.Lines[0].Points[2].Y, 1e-9)
	require.Equal(t, "recommended, and the service's own", poolCharts("x", sweepOf(4), 2)[0].Marks[0].Says)
}

func TestAWaitThatNobodyToldIsNotDrawn(t *testing.T) {
	charts := poolCharts("SLO-POOL-03", sweepOf(math.NaN()), 2)
	require.Len(t, charts, 1)
	_, err := json.Marshal(charts)
	require.NoError(t, err)
}
