package report

import (
	"fmt"
	"slices"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// proofsPart tells how the harness was tested by the run itself.
type proofsPart struct {
	Says     string
	Forest   *forest // nil without an experiment whose answer was known
	Pictures []picture
	Rows     []proofRow
}

// proofRow is one thing that the harness had to notice, or must not notice.
type proofRow struct {
	What, Note string
	Must, Said string
	Mark       verdictMark
}

// unproven reports whether an experiment with a known answer got another one,
// so that no comparison of the run can be believed.
func unproven(run evidence.Run) bool {
	return slices.ContainsFunc(run.Proofs, func(p evidence.Proof) bool { return !p.Held })
}

// unfitToCompare is what becomes of a run in which a proof did not hold.
const unfitToCompare = "the run is unfit to compare anything"

func proofsOf(run evidence.Run) *proofsPart {
	if len(run.Proofs)+len(run.SelfTests) == 0 {
		return nil
	}
	part := &proofsPart{}
	held := 0
	var rows []forestRow
	for i, p := range run.Proofs {
		rows = append(rows, forestOfProof(p))
		part.Pictures = append(part.Pictures, drawPairs(fmt.Sprintf("pr%d", i+1), p.Name, p.Pairs))
		part.Rows = append(part.Rows, proofRow{What: capital(p.Name), Note: planted(p), Must: p.Must, Said: saidBy(p), Mark: heldMark(p)})
		if p.Held {
			held++
		}
	}
	for _, t := range run.SelfTests {
		row := proofRow{What: t.Broke, Must: t.Must, Said: t.Said, Mark: verdictMark{"fail", "stayed green"}}
		if t.Red {
			row.Mark = verdictMark{"pass", "went red"}
			held++
		}
		part.Rows = append(part.Rows, row)
	}
	if len(rows) > 0 {
		part.Forest = forestOfRows("Experiments with a known answer on one ratio axis", rows)
	}
	part.Says = fmt.Sprintf("%d of %s came out as they must", held, plural(len(part.Rows), "test", "tests"))
	if unproven(run) {
		part.Says += ": " + unfitToCompare
	}
	return part
}

// forestOfProof is the row of a proof, with a line where the planted slowdown
// must be found.
func forestOfProof(p evidence.Proof) forestRow {
	row := forestRow{Name: capital(p.Name), Note: plural(len(p.Pairs.Baseline), "pair", "pairs") + ", " + planted(p), Verdict: heldMark(p), Why: "said " + string(p.Said.Verdict), ink: "-n"}
	if p.Planted != 0 && p.Planted > -100 {
		row.planted = []float64{1 / (1 + p.Planted/100)}
	}
	row, ok := row.measured(p.Pairs, evidence.Objective{Judgement: p.Said})
	if !ok {
		row.Said = "too few pairs"
	}
	return row
}

func planted(p evidence.Proof) string {
	if p.Planted == 0 {
		return "the same work on both sides"
	}
	return "made to take " + quantity(number(p.Planted), "%") + " longer"
}

func saidBy(p evidence.Proof) string {
	if p.Said.Reason == "" {
		return string(p.Said.Verdict)
	}
	return string(p.Said.Verdict) + ": " + p.Said.Reason
}

func heldMark(p evidence.Proof) verdictMark {
	if p.Held {
		return verdictMark{"pass", "held"}
	}
	return verdictMark{"fail", "not held"}
}
