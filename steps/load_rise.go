package steps

import (
	"fmt"
	"strconv"

	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
)

// tellRise puts into the record where the knee of a rising load lies, what
// saturated, and how much room there is above what is promised.
func (w *world) tellRise(r drive.Rise) {
	_, strain := r.Strain.Diagnose()
	says := []string{kneeOf(r), strain}
	if promise := w.bench.plan.promisedRate(); promise > 0 {
		says = append(says, headroom(r, promise))
	}
	w.record.Notes = append(w.record.Notes, says...)
	w.bench.charts = append(w.bench.charts, riseCharts(w.record.ID, r, says)...)
}

func kneeOf(r drive.Rise) string {
	switch {
	case !r.Reached:
		return fmt.Sprintf("The knee was not reached: everything was still stored in time at %s prices a minute, the highest rate offered.", whole(r.Capacity))
	case r.Capacity == 0:
		return "The knee lies below the first rate: no second of the session was stored in full."
	}
	return fmt.Sprintf("The knee lies above %s prices a minute: the highest rate of which every price was stored in time.", whole(r.Capacity))
}

func headroom(r drive.Rise, promise float64) string {
	atLeast := ""
	if !r.Reached {
		atLeast = "at least "
	}
	return fmt.Sprintf("Headroom: that is %s%s times the %s prices a minute that are promised for every stretch of time.",
		atLeast, strconv.FormatFloat(r.Capacity/promise, 'f', 1, 64), whole(promise))
}

// promisedRate is the highest rate of stored prices that a row of the features
// promises, in prices a minute; zero if none does.
func (p *Plan) promisedRate() (highest float64) {
	for _, rows := range p.rows {
		for _, r := range rows {
			if r.Measure != "prices stored" || r.Bound != objective.AtLeast || !r.Gating() || r.Relative() {
				continue
			}
			switch r.Unit {
			case "a minute":
				highest = max(highest, r.Number)
			case "a second":
				highest = max(highest, 60*r.Number)
			}
		}
	}
	return highest
}

func riseCharts(id string, r drive.Rise, says []string) []evidence.Chart {
	due, kept, slowest := evidence.Line{Name: "prices due"}, evidence.Line{Name: "prices stored in time"}, evidence.Line{Name: "store latency, p99"}
	for _, s := range r.Stretches {
		due.Points = append(due.Points, evidence.Point{X: s.Due, Y: s.Due})
		kept.Points = append(kept.Points, evidence.Point{X: s.Due, Y: s.Kept})
		if s.P99 > 0 {
			slowest.Points = append(slowest.Points, evidence.Point{X: s.Due, Y: measure.InMilliseconds(s.P99)})
		}
	}
	var marks []evidence.Mark
	if r.Capacity > 0 && r.Reached {
		marks = []evidence.Mark{{X: r.Capacity, Says: "knee"}}
	}
	offered := evidence.Axis{Name: "prices due", Unit: "a minute"}
	return []evidence.Chart{
		{
			Scenario: id, Kind: evidence.ChartCurve, Title: "What is stored as the load rises",
			X: offered, Y: evidence.Axis{Name: "prices", Unit: "a minute"}, Lines: []evidence.Line{due, kept}, Marks: marks, Says: says,
		},
		{
			Scenario: id, Kind: evidence.ChartCurve, Title: "How long a price takes as the load rises",
			X: offered, Y: evidence.Axis{Name: "store latency", Unit: measure.Milliseconds, Log: true}, Lines: []evidence.Line{slowest}, Marks: marks,
		},
	}
}

// whole writes a rate with thousands separators.
func whole(x float64) string {
	digits := strconv.FormatFloat(x, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
