package report_test

import (
	"html"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/report"
)

func TestTheProofsStandBeforeWhatTheyVouchFor(t *testing.T) {
	run := charted()
	page := html.UnescapeString(drawn(t, run, trusted()))
	section := part(page, "proofs")
	require.Less(t, strings.Index(page, `id="proofs"`), strings.Index(page, `id="experiments"`))
	require.Contains(t, section, "<p>4 of 4 tests came out as they must</p>")
	for _, p := range run.Proofs {
		require.Contains(t, section, ">"+string(p.Said.Verdict)+": "+p.Said.Reason+"<")
		require.Contains(t, section, `data-l="What must come out">`+p.Must+"<")
	}
	require.Contains(t, section, "made to take 20 % longer")
	require.Contains(t, section, `>0.833 ×</text>`, "where the slowdown must be found: 1 ÷ 1.2")
	require.Contains(t, section, ">planted</text>")
	for _, s := range run.SelfTests {
		require.Contains(t, section, s.Broke)
	}
	require.Contains(t, string(report.Summary(run, trusted())), "- ✓ **held** planted slowdown (made to take 20\u00a0% longer, 10\u00a0pairs): \"at least 95 % of baseline\" must fail. It said fail: 0.8")
}

func TestARunThatDidNotProveItselfIsUnfit(t *testing.T) {
	unproven := func(run evidence.Run) evidence.Run {
		run.Proofs = slices.Clone(run.Proofs)
		run.Proofs[1].Held = false
		return run
	}
	broken := unproven(passing())
	broken.Result.ExitCode = evidence.ExitBroken
	lenient := unproven(passing())
	lenient.Result.ExitCode = evidence.ExitPassed
	tests := map[string]struct {
		run  evidence.Run
		want string
	}{
		"and the run stops":               {broken, "Not decided: the run is unfit to compare anything"},
		"in a profile that lets it pass":  {lenient, "No promise is broken, but the run is unfit to compare anything"},
		"and promises are broken besides": {unproven(sample()), "Not ready: 2 of 16 promises are broken, and 1 scenario could not be carried out, and the run is unfit to compare anything"},
		"of a comparison of versions":     {unproven(compared()), "This change makes it worse: 1 of 4 comparisons with origin/main fails, and the run is unfit to compare anything"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			page := plainly(drawn(t, test.run, trusted()))
			require.Contains(t, page, "<span>"+test.want+"</span></h1>")
			require.Contains(t, part(page, "proofs"), `<use href="#m-fail"/></svg>not held</span>`)
			summary := plainly(string(report.Summary(test.run, trusted())))
			require.Contains(t, strings.SplitN(summary, "\n", 2)[0], test.want)
			require.Contains(t, summary, "- ✗ **not held** planted slowdown")
		})
	}
}

func TestWhatTheServerDidStandsUnderThePairs(t *testing.T) {
	section := part(html.UnescapeString(drawn(t, charted(), trusted())), "experiments")
	require.Contains(t, section, "Write-ahead log in a block, median: 2.3 MiB baseline, 1.25 MiB current (0.543 ×). A checkpoint fell into 2 pairs of 20.")
	require.Equal(t, 2, strings.Count(section, `<polygon class="fell"`))
	require.Contains(t, section, "<td>2,403,000</td><td>1,303,000</td><td>yes</td>", "the fourth pair")
	run := charted()
	pairs := run.Features[0].Scenarios[0].Measures[0].Pairs
	pairs.Server = &measure.Observed{Checkpoints: []int{}}
	section = part(html.UnescapeString(drawn(t, run, trusted())), "experiments")
	require.Contains(t, section, "No checkpoint fell into a block.")
	require.NotContains(t, section, "Write-ahead log")
	pairs.Server = &measure.Observed{Checkpoints: []int{-1, 900}, BaselineWAL: []int64{1}, CurrentWAL: []int64{1}}
	require.NotContains(t, drawn(t, run, trusted()), "Write-ahead log", "figures of other pairs are not told")
}

// plainly is text as people read it.
func plainly(text string) string { return strings.ReplaceAll(html.UnescapeString(text), "\u00a0", " ") }
