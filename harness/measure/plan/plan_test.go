package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/measure/plan"
)

// day is the plan of an instrument's prices on one day, as the version of
// Postgres writes it: what differs is how rows and plans beside the tree are
// written, and what there is beyond.
func day(version int, date, symbol string) string {
	rows, beside, outcome, more := "102", "InitPlan 1 (returns $0)", "$0", ""
	if version >= 17 {
		beside, outcome = "InitPlan 1", "(InitPlan 1).col1"
	}
	if version >= 18 {
		rows, more = "102.00", `"Disabled": false, "Index Searches": 1,`
	}
	return fmt.Sprintf(`[{"Plan": {"Node Type": "Limit", "Parallel Aware": false, %[6]s "Plan Rows": 100, "Actual Rows": %[1]s, "Actual Loops": 1, "Plans": [
		{"Node Type": "Seq Scan", "Parent Relationship": "InitPlan", "Subplan Name": "%[2]s", "Relation Name": "instruments", "Alias": "instruments",
			"Plan Rows": 1, "Actual Rows": 1, "Actual Loops": 1, "Filter": "(symbol = '%[5]s'::text)", "Rows Removed by Filter": 2},
		{"Node Type": "Append", "Parent Relationship": "Outer", "Plan Rows": 8, "Actual Rows": %[1]s, "Actual Loops": 1, "Subplans Removed": 4, "Plans": [
			{"Node Type": "Index Scan", "Parent Relationship": "Member", "Scan Direction": "Backward", "Index Name": "ticks_p%[4]s_pkey", "Relation Name": "ticks_p%[4]s",
				"Alias": "ticks_1", "Plan Rows": 7, "Actual Rows": %[1]s, "Actual Loops": 1, "Shared Hit Blocks": 5, "Shared Read Blocks": 1,
				"Index Cond": "((instrument_id = %[3]s) AND (ticks_1.at >= '2026-11-23 00:00:00+00'::timestamp with time zone))"},
			{"Node Type": "Seq Scan", "Parent Relationship": "Member", "Relation Name": "ticks_default", "Alias": "ticks_2", "Plan Rows": 1,
				"Actual Rows": 0, "Actual Loops": 0, "Filter": "(instrument_id = %[3]s)"}
		]}
	]}, "Execution Time": 0.1}]`, rows, beside, outcome, date, symbol, more)
}

func parsed(t *testing.T, text string) plan.Node {
	t.Helper()
	n, err := plan.Parse([]byte(text))
	require.NoError(t, err)
	return n
}

func TestPlansOfEveryVersionHaveOneShape(t *testing.T) {
	want := []string{
		"Limit",
		"  InitPlan: Seq Scan on instruments | Filter: (symbol = ?)",
		"  Append",
		"    Index Scan Backward using ticks_p*_pkey on ticks_p* | Index Cond: ((instrument_id = ?) AND (ticks.at >= ?))",
		"    Seq Scan on ticks_default | Filter: (instrument_id = ?)",
	}
	for version := 15; version <= 18; version++ {
		require.Equal(t, want, parsed(t, day(version, "20261123", "AAPL")).Shape(), "Postgres %d", version)
	}
	require.Equal(t, want, parsed(t, day(15, "20261231", "O''X")).Shape(), "another day, another instrument")
}

func TestPeopleSeeExpectationsAndWhatCame(t *testing.T) {
	require.Equal(t, []string{
		"Limit  (about 100 rows expected, 102 came)",
		"  InitPlan 1: Seq Scan on instruments  (about 1 rows expected, 1 came)",
		"      Filter: (symbol = 'AAPL'::text)",
		"  Append  (about 8 rows expected, 102 came)",
		"      Partitions left out at the start: 4",
		"    Index Scan Backward using ticks_p20261123_pkey on ticks_p20261123  (about 7 rows expected, 102 came)",
		"        Index Cond: ((instrument_id = (InitPlan 1).col1) AND (ticks_1.at >= '2026-11-23 00:00:00+00'::timestamp with time zone))",
		"    Seq Scan on ticks_default  (about 1 rows expected, never carried out)",
		"        Filter: (instrument_id = (InitPlan 1).col1)",
	}, parsed(t, day(18, "20261123", "AAPL")).Lines())
}

// members is an Append over that many days.
func members(days int, condition string) string {
	var all []string
	for i := range days {
		all = append(all, fmt.Sprintf(`{"Node Type": "Index Scan", "Parent Relationship": "Member", "Index Name": "ticks_p202611%02d_pkey",
			"Relation Name": "ticks_p202611%02d", "Plan Rows": 10, "Actual Rows": 8, "Actual Loops": 1, "Index Cond": %q}`, i+1, i+1, condition))
	}
	return `[{"Plan": {"Node Type": "Merge Append", "Plan Rows": 10, "Actual Rows": 8, "Actual Loops": 1, "Plans": [` + strings.Join(all, ",") + `]}}]`
}

func TestADayMoreIsNoChangeButAConditionLessIs(t *testing.T) {
	week := parsed(t, members(7, "(instrument_id = 5)"))
	require.Equal(t, week.Shape(), parsed(t, members(8, "(instrument_id = 6)")).Shape())
	require.NotEqual(t, week.Shape(), parsed(t, members(7, "(trade = 5)")).Shape())
	require.NotEqual(t, week.Shape(), parsed(t, members(7, "((instrument_id)::text = '5'::text)")).Shape(), "a cast keeps an index from being used")
	lines := week.Lines()
	require.Len(t, lines, 6, "two members are shown and five counted")
	require.Equal(t, "  and 5 more like it  (about 50 rows expected, 40 came together)", lines[5])
}

func TestFiguresOfAPlan(t *testing.T) {
	n := parsed(t, day(15, "20261123", "AAPL"))
	require.Equal(t, []string{"instruments", "ticks_p20261123"}, n.Read(), "what was never carried out was not read")
	require.Equal(t, 1, n.PartitionsRead("ticks"))
	require.Zero(t, n.PartitionsRead("bars"))
	require.Equal(t, 1, n.SequentialScans())
	require.Equal(t, 1, n.IndexScans())
	require.Equal(t, 2, n.Scans())
	planned := parsed(t, strings.NewReplacer(`"Actual Rows"`, `"-"`, `"Actual Loops"`, `"--"`).Replace(day(15, "20261123", "AAPL")))
	require.Equal(t, 2, planned.PartitionsRead("ticks"), "of a query that was only planned, all that would be read")
	_, judged := planned.Misjudged(10)
	require.False(t, judged)
}

func TestTheWorstEstimateIsFound(t *testing.T) {
	step := func(kind string, expected, came, loops float64, below ...string) string {
		return fmt.Sprintf(`{"Node Type": %q, "Plan Rows": %g, "Actual Rows": %g, "Actual Loops": %g, "Plans": [%s]}`,
			kind, expected, came, loops, strings.Join(below, ","))
	}
	member := func(expected, came float64) string {
		return strings.Replace(step("Seq Scan", expected, came, 1), `{`, `{"Parent Relationship": "Member", `, 1)
	}
	tests := map[string]struct {
		plan string
		want float64
	}{
		"as expected":                                {step("Seq Scan", 100, 100, 1), 1},
		"too few":                                    {step("Seq Scan", 100, 400, 1), 4},
		"too many":                                   {step("Seq Scan", 400, 100, 1), 4},
		"one or three is no drama":                   {step("Seq Scan", 1, 3, 1), 1},
		"nothing came":                               {step("Seq Scan", 50, 0, 1), 5},
		"each time":                                  {step("Seq Scan", 10, 30, 10), 3},
		"the worst of two":                           {step("Sort", 10, 20, 1, step("Seq Scan", 10, 70, 1)), 7},
		"members are judged together":                {step("Append", 200, 200, 1, member(100, 0), member(100, 200)), 1},
		"never carried out":                          {step("Sort", 10, 10, 1, step("Seq Scan", 1000, 0, 0)), 1},
		"broken off by a limit":                      {step("Limit", 1, 1, 1, step("Seq Scan", 1000, 1, 1)), 1},
		"a limit that was to cut nothing off":        {step("Limit", 100, 1000, 1, step("Seq Scan", 100, 1000, 1)), 10},
		"a limit that nobody knew":                   {step("Sort", 10, 90, 1, step("Limit", 10, 90, 1, step("Seq Scan", 100, 90, 1))), 100.0 / 90},
		"a sort below a limit takes in all":          {step("Limit", 1, 1, 1, step("Sort", 10, 1, 1, step("Seq Scan", 10, 90, 1))), 9},
		"an index scan below a limit hands on a few": {step("Limit", 1, 1, 1, step("Nested Loop", 50, 1, 1, step("Seq Scan", 900, 1, 1))), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			worst, judged := parsed(t, `[{"Plan":`+test.plan+`}]`).Misjudged(10)
			require.True(t, judged)
			require.InDelta(t, test.want, worst.Factor, 1e-9)
		})
	}
}

func TestWhatIsNoPlanIsRefusedWithItsPlace(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"nothing":          {``, "reading a plan: unexpected end of JSON input"},
		"no list":          {`{}`, "reading a plan: object at the top cannot be a plan's (byte 1)"},
		"an empty list":    {`[]`, "reading a plan: want a list of one object with the key Plan, as EXPLAIN (FORMAT JSON) prints it"},
		"no type":          {`[{"Plan": {"Plans": []}}]`, "reading a plan: a step at depth 1 has no Node Type"},
		"a type of number": {`[{"Plan": {"Node Type": 5}}]`, "reading a plan: number at Plan.Node Type cannot be a plan's (byte 25)"},
		"negative rows":    {`[{"Plan": {"Node Type": "Sort", "Plan Rows": -1}}]`, "reading a plan: Sort at depth 1 has a number that cannot be a count"},
		"too deep": {`[{"Plan": ` + strings.Repeat(`{"Node Type": "Sort", "Plans": [`, 600) + strings.Repeat(`]}`, 600) + `}]`,
			"reading a plan: it is more than 500 steps deep"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := plan.Parse([]byte(test.text))
			require.EqualError(t, err, test.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	for version := 15; version <= 18; version++ {
		f.Add(day(version, "20261123", "AAPL"))
	}
	f.Add(members(4, "((a)::text = 'x''y') AND (b > 1.5e3)"))
	f.Fuzz(func(t *testing.T, text string) {
		n, err := plan.Parse([]byte(text))
		if err != nil {
			return
		}
		shape := n.Shape()
		require.NotEmpty(t, shape)
		require.NotEmpty(t, n.Lines())
		for _, line := range append(n.Lines(), shape...) {
			require.NotContains(t, line, "\n")
		}
		if worst, judged := n.Misjudged(10); judged {
			require.GreaterOrEqual(t, worst.Factor, 1.0)
		}
		require.False(t, plan.Changed(plan.Diff(shape, n.Shape())))
	})
}
