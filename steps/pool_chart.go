package steps

import (
	"fmt"
	"math"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/evidence"
)

// poolCharts are the pictures of a sweep: what each size of the pool does, and
// how long one waits for its connections.
func poolCharts(scenario string, s drive.PoolSweep, own int) []evidence.Chart {
	sizes := evidence.Axis{Name: "connections", Log: true}
	marks := poolMarks(s, own)
	done := evidence.Chart{
		Scenario: scenario, Kind: evidence.ChartCurve, Title: "Throughput by the size of the connection pool",
		X: sizes, Y: evidence.Axis{Name: "store one price, read one", Unit: "a second"}, Marks: marks, Says: poolFindings(s, own),
	}
	waited := evidence.Chart{
		Scenario: scenario, Kind: evidence.ChartCurve, Title: "Wait for a connection by the size of the pool",
		X: sizes, Y: evidence.Axis{Name: "wait, in sum for each store and read", Unit: "ms"}, Marks: marks,
	}
	for _, clients := range s.Clients() {
		name := fmt.Sprintf("%d clients", clients)
		rate, wait := evidence.Line{Name: name}, evidence.Line{Name: name}
		for _, size := range s.Sizes() {
			rate.Points = append(rate.Points, poolPoint(size, s.Throughput(size, clients))...)
			wait.Points = append(wait.Points, poolPoint(size, s.Wait(size, clients))...)
		}
		done.Lines = append(done.Lines, rate)
		if len(wait.Points) > 0 {
			waited.Lines = append(waited.Lines, wait)
		}
	}
	if len(waited.Lines) == 0 {
		return []evidence.Chart{done}
	}
	return []evidence.Chart{done, waited}
}

// poolPoint is no point where nothing is known.
func poolPoint(size int, f drive.Figure) []evidence.Point {
	if math.IsNaN(f.Median) || math.IsNaN(f.Low) || math.IsNaN(f.High) {
		return nil
	}
	return []evidence.Point{{X: float64(size), Y: f.Median, Low: &f.Low, High: &f.High}}
}

func poolMarks(s drive.PoolSweep, own int) []evidence.Mark {
	recommended := s.Recommended(drive.NearBest)
	if recommended == own {
		return []evidence.Mark{{X: float64(own), Says: "recommended, and the service's own"}}
	}
	return []evidence.Mark{{X: float64(recommended), Says: "recommended"}, {X: float64(own), Says: "the service's own"}}
}

// poolFindings tells the knee and what comes beyond it, for each number of
// clients, and what follows.
func poolFindings(s drive.PoolSweep, own int) []string {
	var says []string
	for _, clients := range s.Clients() {
		best, rate := s.Best(clients)
		says = append(says, fmt.Sprintf("With %d clients the knee is at %d connections, the best is %.0f a second at %d, and the largest pool gives %.0f %% of it away.",
			clients, s.Knee(clients, drive.NearBest), rate, best, 100*s.Decline(clients)))
	}
	size := s.Recommended(drive.NearBest)
	return append(says,
		fmt.Sprintf("For this host a pool of %d connections is recommended: the smallest that comes within a tenth of the best for every number of clients, or else loses least; it reaches at least %.0f %% of it.",
			size, 100*s.Worst(size)),
		fmt.Sprintf("By itself the service takes %d connections, and reaches at least %.0f %% of the best.", own, 100*s.Worst(own)))
}
