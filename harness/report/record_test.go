package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/report"
)

func encoded(t testing.TB, run evidence.Run) []byte {
	t.Helper()
	b, err := report.Encode(run)
	require.NoError(t, err)
	return b
}

func TestARecordComesBackAsItWas(t *testing.T) {
	first := encoded(t, sample())
	run, err := report.Decode(first)
	require.NoError(t, err)
	require.Equal(t, string(first), string(encoded(t, run)), "what was read is not what was written")
	require.Equal(t, string(first), string(encoded(t, sample())), "two encodings of one run differ")
}

func TestARecordIsLaidOutForPeople(t *testing.T) {
	text := string(encoded(t, sample()))
	require.Contains(t, text, "\n  \"format\": \"https://signoff.dev/report/v1\",\n")
	require.Contains(t, text, `"windows": [11988, 12006, 11976, 12018, 12000, 12012]`, "figures stand on one line")
	require.Contains(t, text, "× baseline", "text is not escaped beyond need")
	require.True(t, json.Valid([]byte(text)))
}

func TestDecodeRefusesWhatTwoReadersCouldReadDifferently(t *testing.T) {
	good := string(encoded(t, sample()))
	tests := map[string]struct{ old, new, want string }{
		"an unknown member":                   {`"profile": "pr",`, `"profile": "pr", "forged": 1,`, "/forged"},
		"an unknown member deep inside":       {`"verdict": "fail",`, `"verdict": "fail", "forged": 1,`, "unknown object member"},
		"a member in another case":            {`"profile": "pr",`, `"Profile": "pr",`, "/Profile"},
		"a member again in another case":      {`"result": {`, `"Result": {"outcome":"PASSED"}, "result": {`, "/Result"},
		"a member given twice":                {`"profile": "pr",`, `"profile": "pr", "profile": "release",`, "duplicate"},
		"a verdict given twice":               {`"verdict": "fail",`, `"verdict": "fail", "verdict": "pass",`, "duplicate"},
		"a setting given twice":               {`"fsync": "on",`, `"fsync": "on", "fsync": "off",`, "duplicate"},
		"something after the record":          {"\n}\n", "\n}\n{}", "after top-level value"},
		"text that is not UTF-8":              {"marketd", "market\xff", "UTF-8"},
		"another format":                      {evidence.Format, "https://signoff.dev/report/v9", "its format is"},
		"a figure that is text":               {`"exit_code": 1`, `"exit_code": "1"`, "/result/exit_code"},
		"an unknown member in a distribution": {`"min_ns": `, `"forged": 1, "min_ns": `, "forged"},
		"a distribution that does not add up": {`"count": 12000,`, `"count": 12001,`, "12000 observations"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(good, test.old, test.new, 1)
			if test.new == "\n}\n{}" {
				bad = good + "{}"
			}
			require.NotEqual(t, good, bad, "the test changed nothing")
			_, err := report.Decode([]byte(bad))
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "reading report.json")
		})
	}
}

func TestDecodeSaysWhere(t *testing.T) {
	bad := strings.Replace(string(encoded(t, sample())), `"profile": "pr",`, `"profile": 7,`, 1)
	before, _, found := strings.Cut(bad, `"profile": 7`)
	require.True(t, found)
	line := 1 + strings.Count(before, "\n")
	_, err := report.Decode([]byte(bad))
	require.ErrorContains(t, err, "line "+number(line)+", /profile")
	_, err = report.Decode(nil)
	require.ErrorContains(t, err, "reading report.json")
}

func number(n int) string { b, _ := json.Marshal(n); return string(b) }

func compile(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(report.Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("report.schema.json", doc))
	s, err := c.Compile("report.schema.json")
	require.NoError(t, err)
	return s
}

func TestEveryRecordKeepsTheSchema(t *testing.T) {
	s := compile(t)
	for name, run := range map[string]evidence.Run{"a rich run": sample(), "a passing run": passing(), "an empty run": empty()} {
		t.Run(name, func(t *testing.T) {
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded(t, run)))
			require.NoError(t, err)
			require.NoError(t, s.Validate(doc))
		})
	}
}

func empty() evidence.Run {
	return evidence.Run{Format: evidence.Format, Result: evidence.Result{Outcome: evidence.Broken, ExitCode: 2}}
}

func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, empty()))
	h := measure.NewHistogram()
	h.Record(1)
	f.Add(encoded(f, with("pr", share("SLO-A-01", 0, 10), scenario("SLO-A-02", "b", "c", measure.Value{Name: "d", Unit: "ms", Histogram: h}).holds("d", "at most 1 ms").done())))
	f.Add([]byte(`{"format":"https://signoff.dev/report/v1","Format":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		run, err := report.Decode(b)
		if err != nil {
			return
		}
		again, err := report.Encode(run)
		require.NoError(t, err, "what can be read can be written")
		same, err := report.Decode(again)
		require.NoError(t, err)
		require.Equal(t, string(again), string(encoded(t, same)))
	})
}
