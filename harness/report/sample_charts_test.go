package report_test

import (
	"math"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
)

// charted is sample with everything that a run may tell besides its promises:
// charts, queries and what the server did meanwhile.
func charted() evidence.Run {
	run := sample()
	run.Charts = []evidence.Chart{ladder(), sweep(), rising()}
	run.Queries = queries("SLO-INGEST-01", "")
	pairs := run.Features[0].Scenarios[0].Measures[0].Pairs
	pairs.Server = &measure.Observed{Checkpoints: []int{4, 13}}
	for i := range pairs.Baseline {
		pairs.Server.BaselineWAL = append(pairs.Server.BaselineWAL, int64(2_400_000+i*1000))
		pairs.Server.CurrentWAL = append(pairs.Server.CurrentWAL, int64(1_300_000+i*1000))
	}
	return run
}

// queries are questions on both sides, of which one is carried out otherwise.
func queries(scenario, other string) []evidence.Query {
	latest := evidence.Query{
		Scenario: scenario, Name: "latest price",
		SQL:   "SELECT price FROM ticks WHERE instrument_id = $1 ORDER BY at DESC LIMIT 1",
		Plan:  "Limit  (about 1 rows expected, 1 came)\n  Index Scan using ticks_p20251123_pkey on ticks_p20251123  (about 240 rows expected, 1 came)\n      Index Cond: (instrument_id = 17)\n",
		Shape: []string{"Limit", "  Index Scan using ticks_p*_pkey on ticks_p* | Index Cond: (instrument_id = ?)"},
	}
	bars := evidence.Query{
		Scenario: scenario, Name: "daily bars", SQL: "SELECT * FROM bars WHERE instrument_id = $1 AND day BETWEEN $2 AND $3 ORDER BY day",
		Plan:  "Index Scan using bars_pkey on bars  (about 22 rows expected, 21 came)\n",
		Shape: []string{"Index Scan using bars_pkey on bars | Index Cond: ((instrument_id = ?) AND (day >= ?) AND (day <= ?))"},
	}
	slow := latest
	slow.Plan = "Limit  (about 1 rows expected, 1 came)\n  Sort at DESC\n    Seq Scan on ticks_p20251123  (about 20000 rows expected, 20000 came)\n"
	slow.Shape = []string{"Limit", "  Sort at DESC", "    Seq Scan on ticks_p* | Filter: (instrument_id = ?)"}
	all := []evidence.Query{latest, slow, bars, bars}
	for i := range all {
		all[i].Arm = []string{"baseline", "current"}[i%2]
		if other == "" {
			all[i].Arm = ""
		}
	}
	if other == "" {
		return []evidence.Query{all[0], all[2]}
	}
	return all
}

// compared is a run of signoff run --against: two comparisons hold, one fails,
// and one cannot be decided.
func compared() evidence.Run {
	run := sample()
	for i := range run.Features {
		for j := range run.Features[i].Scenarios {
			s := &run.Features[i].Scenarios[j]
			s.Skipped, s.Steps, s.Seconds, s.Started, s.Broken, s.Measures, s.Notes = "left out by --against", nil, 0, time.Time{}, "", nil, nil
		}
	}
	run.SelfTests, run.Accounts, run.Passages = nil, nil, nil
	run.Against = &evidence.Against{Ref: "origin/main", Commit: evidence.Commit{SHA: strings.Repeat("1d", 20), Subject: "Say what the partition manager leaves to people"}, Program: evidence.Program{Name: "marketd", SHA256: strings.Repeat("ef", 32)}}
	store, latest, bars, health := experiment("prices/s", 5900, 1.13, .02, 10, false), experiment("answers/s", 4100, .78, .03, 10, false), experiment("answers/s", 2100, 1, .01, 10, false), experiment("answers/s", 9100, .95, .12, 40, false)
	rule := "Nothing that users wait for takes noticeably longer than in the release before"
	run.Features = append(run.Features, feature("regression", "@regression", "A change makes nothing noticeably slower", "",
		scenario("SLO-REGRESSION-01", "Prices come in small batches", rule, measure.Value{Name: "storing in batches of 100", Pairs: &store}).
			holds("storing in batches of 100", "at least 95 % of baseline").done(),
		scenario("SLO-REGRESSION-02", "Traders look prices up", rule, measure.Value{Name: "looking up the daily bars", Pairs: &bars}, measure.Value{Name: "looking up the latest price", Pairs: &latest}).
			holds("looking up the daily bars", "at least 95 % of baseline").holds("looking up the latest price", "at least 95 % of baseline").done(),
		scenario("SLO-REGRESSION-03", "A monitor asks", rule, measure.Value{Name: "telling the health", Pairs: &health}).
			holds("telling the health", "at least 95 % of baseline").done()))
	run.Queries = queries("SLO-REGRESSION-02", "both")
	return judged(run)
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
	due, stored := evidence.Line{Name: "prices due"}, evidence.Line{Name: "prices stored in time"}
	for i := range 8 {
		x := float64(i+1) * 10_000
		due.Points = append(due.Points, evidence.Point{X: x, Y: x})
		stored.Points = append(stored.Points, evidence.Point{X: x, Y: math.Min(x, 51000-math.Max(0, x-50000)*.2)})
	}
	return evidence.Chart{
		Scenario: "SLO-INGEST-01", Kind: evidence.ChartCurve, Title: "A rising load",
		X: evidence.Axis{Name: "prices due", Unit: "a minute"}, Y: evidence.Axis{Name: "prices", Unit: "a minute"},
		Lines: []evidence.Line{due, stored},
		Marks: []evidence.Mark{{X: 50_600, Says: "knee"}},
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

// spoil puts text into everything that charted adds.
func spoil(run *evidence.Run, text string) {
	for i := range run.Charts {
		c := &run.Charts[i]
		c.Scenario, c.Title, c.X.Name, c.Y.Name, c.Y.Unit, c.Says[0] = text, text, text, text, text, text
		for j := range c.Lines {
			c.Lines[j].Name, c.Lines[j].Group, c.Lines[j].Points[0].Place = text, text, text
		}
		for j := range c.Marks {
			c.Marks[j].Says = text
		}
	}
	for i := range run.Queries {
		q := &run.Queries[i]
		q.Name, q.SQL, q.Plan, q.Arm, q.Shape[0] = text, text, text, []string{"baseline", "current"}[i%2], text+q.Shape[0]
	}
	for i := range run.Proofs {
		p := &run.Proofs[i]
		p.Name, p.Must, p.Said.Reason, p.Pairs.Unit = text, text, text, text
	}
}
