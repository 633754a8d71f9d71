package baseline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/baseline"
	"github.com/signoff-dev/signoff/harness/evidence"
)

func byIndex() []string { return []string{"Limit", "  Index Scan using bars_p*_pkey on bars_p*"} }
func byTable() []string { return []string{"Limit", "  Sort", "    Seq Scan on bars_p*"} }

// asking is the nth run, and it asked for the latest price.
func asking(t *testing.T, nth int, shape []string) baseline.Entry {
	t.Helper()
	run := judged(t, nth, scenario("SLO-QUERY-01", nil))
	run.Queries = []evidence.Query{
		{Scenario: "SLO-QUERY-01", Name: "latest price", SQL: "SELECT 1", Plan: "for people", Shape: shape},
		{Scenario: "SLO-QUERY-01", Name: "daily bars", SQL: "SELECT 2", Plan: "for people", Shape: byIndex()},
	}
	return baseline.EntryOf(run)
}

func TestAPlanThatChangedIsShownAndDecidesNothing(t *testing.T) {
	before, after := asking(t, 1, byIndex()), asking(t, 2, byTable())
	c := baseline.Compare(before, after, baseline.Terms{})
	require.Equal(t, []baseline.PlanChange{{
		Scenario: "SLO-QUERY-01", Name: "latest price",
		Difference: []string{" Limit", "-  Index Scan using bars_p*_pkey on bars_p*", "+  Sort", "+    Seq Scan on bars_p*"},
	}}, c.Plans)
	with := entry(t, 3, 1.6, 4, 0)
	with.Queries = before.Queries
	other := entry(t, 4, 1.6, 4, 0)
	other.Queries = after.Queries
	c = baseline.Compare(with, other, baseline.Terms{})
	require.Len(t, c.Plans, 1)
	require.Zero(t, c.Result.ExitCode, "a plan is no verdict")

	other.Queries = nil
	c = baseline.Compare(with, other, baseline.Terms{})
	require.Empty(t, c.Plans)
	require.Contains(t, c.Notes, "The later run kept no plans, so that no change of one can be shown.")
	other.Queries = with.Queries[:1]
	require.Equal(t, []string{"Only the earlier run holds the plans of 1 query."}, baseline.Compare(with, other, baseline.Terms{}).Notes)
	require.Empty(t, baseline.Compare(entry(t, 5, 1.6, 4, 0), entry(t, 6, 1.6, 4, 0), baseline.Terms{}).Notes, "runs without queries need no plans")
}

func TestAQueryThatIsAskedTwiceIsComparedWithItself(t *testing.T) {
	before, after := asking(t, 1, byIndex()), asking(t, 2, byIndex())
	for _, e := range []*baseline.Entry{&before, &after} {
		e.Queries[1].Name = "latest price"
		e.Queries[1].Shape = byTable()
	}
	require.Empty(t, baseline.PlanChanges(before, after))
	after.Queries[1].Shape = byIndex()
	require.Len(t, baseline.PlanChanges(before, after), 1)
}

func TestTheRunBeforeIsTheNewestThatCanBeCompared(t *testing.T) {
	now := asking(t, 9, byTable())
	like := func(nth int, change func(*baseline.Entry)) baseline.Entry {
		e := asking(t, nth, byIndex())
		change(&e)
		return e
	}
	all := []baseline.Entry{
		like(1, func(*baseline.Entry) {}),
		like(2, func(*baseline.Entry) {}),
		like(3, func(e *baseline.Entry) { e.Queries = nil }),
		like(4, func(e *baseline.Entry) { e.Profile = "pr" }),
		like(5, func(e *baseline.Entry) { e.Environment.ID = "0123456789ab" }),
		like(6, func(e *baseline.Entry) { e.Service = "other" }),
		like(7, func(e *baseline.Entry) { e.Against = againstBase(1) }),
		now,
		like(10, func(*baseline.Entry) {}),
	}
	earlier, changes, there := baseline.SincePlans(all, now)
	require.True(t, there)
	require.Equal(t, all[1].Run, earlier.Run)
	require.Len(t, changes, 1)
	_, _, there = baseline.SincePlans(all[2:], now)
	require.False(t, there)
}

func againstBase(nth int) *baseline.Against {
	return &baseline.Against{Ref: "origin/main", Commit: baseline.Commit{SHA: strings.Repeat(string(rune('a'+nth)), 40)}}
}

func TestAnEntryFromBeforePlansWereKeptIsStillTheSameRun(t *testing.T) {
	h := open(t, t.TempDir())
	old := asking(t, 1, byIndex())
	old.Queries = nil
	require.NoError(t, h.Append(t.Context(), old))
	require.NoError(t, h.Append(t.Context(), asking(t, 1, byIndex())), "the same run, drawn by a newer signoff")
	r, err := h.Entries(t.Context(), baseline.Filter{})
	require.NoError(t, err)
	require.Empty(t, r.Faults)
	require.Len(t, r.Entries, 1)
	require.Nil(t, r.Entries[0].Queries, "a line is never changed")

	require.NoError(t, h.Append(t.Context(), asking(t, 2, byIndex())))
	require.ErrorIs(t, h.Append(t.Context(), asking(t, 2, byTable())), baseline.ErrDiffers)
	broken := asking(t, 3, nil)
	require.ErrorContains(t, h.Append(t.Context(), broken), "query 1 has no name or no plan")
}

func TestARunAgainstAVersionIsNotTheSameRunWithoutIt(t *testing.T) {
	ordinary, against := asking(t, 1, byIndex()), asking(t, 1, byIndex())
	against.Against = againstBase(1)
	for _, two := range [][2]baseline.Entry{{ordinary, against}, {against, ordinary}} {
		h := open(t, t.TempDir())
		require.NoError(t, h.Append(t.Context(), two[0]))
		require.ErrorIs(t, h.Append(t.Context(), two[1]), baseline.ErrDiffers)
		require.NoError(t, h.Append(t.Context(), two[0]), "the same entry a second time")
	}
}

func TestRunsAgainstAVersionStandOnlyBesideTheirLike(t *testing.T) {
	against := func(nth, base int) baseline.Entry {
		e := entry(t, nth, 1, 4, 0)
		e.Against = againstBase(base)
		return e
	}
	c := baseline.Compare(against(1, 1), against(2, 1), baseline.Terms{})
	require.Equal(t, 0, c.Result.ExitCode, c.Result.Reason)
	for _, pair := range [][2]baseline.Entry{{against(1, 1), against(2, 2)}, {entry(t, 1, 1, 4, 0), against(2, 1)}} {
		c = baseline.Compare(pair[0], pair[1], baseline.Terms{Across: true})
		require.Equal(t, 3, c.Result.ExitCode)
		for _, x := range c.Changes {
			require.EqualValues(t, "unfit", x.Verdict)
			require.Contains(t, x.Reason, "ratios to different things do not compare")
		}
	}
	require.Contains(t, c.Changes[0].Reason, "The earlier run compared with no other version and the later one with origin/main (bbbbbbb)")

	_, err := baseline.NewPromotion("main", against(1, 1), time.Unix(1, 0))
	require.ErrorContains(t, err, "it compared with another version")
	require.ErrorContains(t, err, "promote a run without --against")
}

func TestATrendNeverMixesRunsAgainstAVersionWithOthers(t *testing.T) {
	r := years(t, 8)
	for _, i := range []int{2, 5, 7} {
		r.Entries[i].Against = againstBase(i % 2)
	}
	trend, err := baseline.TrendOf(r, baseline.View{})
	require.NoError(t, err)
	require.Len(t, trend.Runs, 5)
	require.Nil(t, trend.Against)
	require.Len(t, trend.LeftOut, 1, "a branch moves, and is named once")
	require.Contains(t, trend.LeftOut[0], "3 runs of profile nightly")
	require.Contains(t, trend.LeftOut[0], "that compared with origin/main at 2 commits, the newest bbbbbbb; see them with")
	require.Contains(t, trend.LeftOut[0], "--against bbbbbbb.")
	for _, asked := range []string{"origin/main", "bbbb"} {
		trend, err = baseline.TrendOf(r, baseline.View{Against: asked})
		require.NoError(t, err)
		require.Len(t, trend.Runs, 2)
		require.Equal(t, "origin/main (bbbbbbb)", trend.Against.String())
		require.Contains(t, strings.Join(trend.LeftOut, " "), "1 run of profile nightly in environment b77349bf1fa9 (AMD EPYC, 2 cores, 8 GiB, linux, local Postgres 17) that compared with origin/main (aaaaaaa)")
	}
	_, err = baseline.TrendOf(r, baseline.View{Against: "v9"})
	require.ErrorIs(t, err, baseline.ErrNothingToShow)
	require.ErrorContains(t, err, "the history has no run against v9; it has profile nightly in b77349bf1fa9 against origin/main (bbbbbbb) (--against bbbbbbb); profile nightly in b77349bf1fa9;")
}
