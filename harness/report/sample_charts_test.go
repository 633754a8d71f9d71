package report_test

import (
	"math"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// charted is sample with everything that a run may tell besides its promises:
// proofs of the harness, charts, queries and the version it was compared with.
func charted() evidence.Run {
	run := sample()
	run.Charts = []evidence.Chart{ladder(), sweep(), rising()}
	return run
}

// ladder are methods of storing prices by the size of their batches.
func ladder() evidence.Chart {
	c := evidence.Chart{
		Scenario: "SLO-INSERT-01", Kind: evidence.ChartBars, Title: "The insert ladder",
		X: evidence.Axis{Name: "method"}, Y: evidence.Axis{Name: "throughput", Unit: "prices/s", Log: true},
		Says: []string{
			"From 20 prices on, UNNEST stores most: 212,000 prices/s in batches of 1,000.",
			"COPY loses to it on every size, and most on small batches.",
		},
	}
	places := []string{"single", "one transaction", "batch", "multi-row", "UNNEST", "COPY"}
	sizes := []string{"batches of 10", "batches of 100", "batches of 1,000"}
	rates := [][]float64{{4100, 4150, 4200}, {9000, 9800, 10000}, {30000, 82000, 120000}, {33000, 120000, 179000}, {34000, 141000, 212000}, {27000, 118000, 186000}}
	for _, of := range []struct {
		name  string
		share float64
	}{{"baseline", .62}, {"current", 1}, {"through the service", .44}} {
		for k, size := range sizes {
			l := evidence.Line{Name: size, Group: of.name}
			for i, place := range places {
				if of.name == "through the service" && place == "one transaction" {
					continue
				}
				y := math.Round(rates[i][k] * of.share)
				low, high := math.Round(y*.93), math.Round(y*1.06)
				l.Points = append(l.Points, evidence.Point{X: float64(i), Place: place, Y: y, Low: &low, High: &high})
			}
			c.Lines = append(c.Lines, l)
		}
	}
	return c
}

// sweep is throughput by the size of the pool, at several concurrencies.
func sweep() evidence.Chart {
	c := evidence.Chart{
		Scenario: "SLO-INGEST-01", Kind: evidence.ChartCurve, Title: "The size of the pool",
		X:     evidence.Axis{Name: "connections in the pool", Log: true},
		Y:     evidence.Axis{Name: "throughput", Unit: "queries/s"},
		Marks: []evidence.Mark{{X: 4, Says: "knee"}, {X: 8, Says: "recommended for this host"}},
		Says:  []string{"Beyond 16 connections more of them store less: at 64 the throughput is 31 % below the best.", "This host is served best by 8 connections."},
	}
	for i, clients := range []string{"8 clients", "32 clients", "128 clients"} {
		l := evidence.Line{Name: clients}
		for x := 1.0; x <= 64; x *= 2 {
			y := 5200*math.Min(x, 4+float64(i)/2)/(1+x/150) - 40*x
			low, high := y*.96, y*1.03
			l.Points = append(l.Points, evidence.Point{X: x, Y: math.Round(y), Low: &low, High: &high})
		}
		c.Lines = append(c.Lines, l)
	}
	return c
}

// rising is a load that grows until the service no longer follows.
func rising() evidence.Chart {
	due, stored := evidence.Line{Name: "due"}, evidence.Line{Name: "stored in time"}
	for i := range 40 {
		x := float64(i) * 1.5
		y := 2000 + 1200*x
		due.Points = append(due.Points, evidence.Point{X: x, Y: y})
		stored.Points = append(stored.Points, evidence.Point{X: x, Y: math.Min(y, 51000-math.Max(0, x-42)*420)})
	}
	return evidence.Chart{
		Scenario: "SLO-INGEST-01", Kind: evidence.ChartCurve, Title: "A rising load",
		X: evidence.Axis{Name: "time", Unit: "s"}, Y: evidence.Axis{Name: "prices", Unit: "a minute"},
		Lines: []evidence.Line{due, stored},
		Marks: []evidence.Mark{{X: 40.5, Says: "the processor is full"}},
		Says:  []string{"Up to 50,600 prices a minute are stored in time; that is 5 times what is promised."},
	}
}

// part is one section of a page without its markup of spaces.
func part(page, id string) string {
	_, after, found := strings.Cut(page, `<section class="part" id="`+id+`"`)
	if !found {
		return ""
	}
	inside, _, _ := strings.Cut(after, "</section>")
	return strings.ReplaceAll(inside, "\u00a0", " ")
}
