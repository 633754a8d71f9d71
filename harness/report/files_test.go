package report_test

import (
	"encoding/xml"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/report"
)

func TestWritePutsTheWholeReport(t *testing.T) {
	dir := t.TempDir()
	cucumber := []byte(`[{"id":"as it is"}]`)
	require.NoError(t, report.Write(dir, sample(), cucumber, trusted()))
	require.Equal(t, []string{"cucumber.json", "junit.xml", "report.html", "report.json", "summary.md"}, names(t, dir))
	got, err := os.ReadFile(filepath.Join(dir, "cucumber.json"))
	require.NoError(t, err)
	require.Equal(t, cucumber, got)
	record, err := os.ReadFile(filepath.Join(dir, "report.json"))
	require.NoError(t, err)
	run, err := report.Decode(record)
	require.NoError(t, err)
	differences, err := evidence.Rejudge(run)
	require.NoError(t, err)
	require.Empty(t, differences, "every verdict can be computed again from what was written")
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	require.Contains(t, string(page), report.File{Content: record}.Digest(), "the page lists the digests of the other files")
}

func TestAReportThatCannotBeWrittenLeavesNothing(t *testing.T) {
	t.Run("no directory", func(t *testing.T) {
		err := report.Write(filepath.Join(t.TempDir(), "none"), sample(), nil, trusted())
		require.ErrorContains(t, err, "none/report.json: no such file or directory; make the directory first")
	})
	t.Run("a file in place of the directory", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		require.ErrorContains(t, report.Write(file, sample(), nil, trusted()), "not a directory")
	})
	t.Run("one file cannot be put in its place", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "junit.xml", "taken"), 0o700))
		err := report.Write(dir, sample(), nil, trusted())
		require.ErrorContains(t, err, "writing "+filepath.Join(dir, "junit.xml"))
		require.Equal(t, []string{"junit.xml"}, names(t, dir), "half a report was left")
	})
	t.Run("a figure that JSON cannot hold", func(t *testing.T) {
		run, dir := sample(), t.TempDir()
		nan := 0.0
		nan /= nan
		run.Features[0].Scenarios[0].Measures = []measure.Value{{Name: "odd", Amount: &measure.Amount{Value: nan, Of: 1}}}
		require.ErrorContains(t, report.Write(dir, run, nil, trusted()), "encoding report.json: json: unsupported value: NaN")
		require.Empty(t, names(t, dir))
	})
}

func TestTheWayOutOfAFullOrReadOnlyDisk(t *testing.T) {
	require.Contains(t, report.WayOut(syscall.ENOSPC), "free some space")
	require.Contains(t, report.WayOut(&fs.PathError{Err: syscall.EROFS}), "choose a directory that can be written to")
	require.Contains(t, report.WayOut(syscall.EACCES), "choose a directory that can be written to")
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

type junit struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Suites   []struct {
		Name  string `xml:"name,attr"`
		File  string `xml:"file,attr"`
		Cases []struct {
			Class   string  `xml:"classname,attr"`
			Name    string  `xml:"name,attr"`
			Line    int     `xml:"line,attr"`
			Time    float64 `xml:"time,attr"`
			Failure *says   `xml:"failure"`
			Error   *says   `xml:"error"`
			Skipped *says   `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type says struct {
	Message string `xml:"message,attr"`
}

func TestJUnitSaysWhatReadersOfJUnitKnow(t *testing.T) {
	b, err := report.JUnit(sample())
	require.NoError(t, err)
	var doc junit
	require.NoError(t, xml.Unmarshal(b, &doc))
	require.Equal(t, []int{19, 2, 1, 4}, []int{doc.Tests, doc.Failures, doc.Errors, doc.Skipped})
	found := map[string]string{}
	for _, suite := range doc.Suites {
		for _, c := range suite.Cases {
			require.Equal(t, suite.Name, c.Class)
			require.Positive(t, c.Line)
			require.GreaterOrEqual(t, c.Time, 0.0)
			require.NotContains(t, found, c.Name, "two cases have one name")
			switch {
			case c.Failure != nil:
				found[c.Name] = "failure: " + c.Failure.Message
			case c.Error != nil:
				found[c.Name] = "error: " + c.Error.Message
			case c.Skipped != nil:
				found[c.Name] = "skipped: " + c.Skipped.Message
			default:
				found[c.Name] = "pass"
			}
		}
	}
	for name, want := range map[string]string{
		"SLO-INSERT-01 insert throughput (at least 30 % faster than baseline)":  "pass",
		"SLO-INSERT-01 insert throughput (should be 80 % faster than baseline)": "skipped: does not gate; fail: ",
		"SLO-STREAM-02 delivery lag, p99 (at most 150 ms)":                      "failure: fail: ",
		"SLO-STREAM-03 delivery lag of the others, p99 (at most 250 ms)":        "error: seating client 3 of 500",
		"SLO-CALC-02 float calculation (avg) (at least 2 × baseline)":           "skipped: inconclusive: ",
		"SLO-CALC-03 float calculation (stddev) (at least 2 × baseline)":        "skipped: unfit: ",
		"SLO-ROLL-02 longest pause in writing (at most 2 s)":                    "skipped: not run: @nightly",
	} {
		require.True(t, strings.HasPrefix(found[name], want), "%s: %q", name, found[name])
	}
}

func TestAScenarioWithoutObjectivesIsACaseToo(t *testing.T) {
	run := with("pr", scenario("SLO-B-01", "Carried out", "Rule").done(), scenario("SLO-B-02", "Stuck", "Rule").broken("no\x00 database").done())
	b, err := report.JUnit(run)
	require.NoError(t, err)
	var doc junit
	require.NoError(t, xml.Unmarshal(b, &doc))
	require.Nil(t, doc.Suites[0].Cases[0].Error)
	require.Equal(t, "SLO-B-01 Carried out", doc.Suites[0].Cases[0].Name)
	require.Contains(t, doc.Suites[0].Cases[1].Error.Message, "no\uFFFD database", "what XML cannot hold is replaced")
	page := drawn(t, run, trusted())
	require.Contains(t, page, "Carried out")
	require.Contains(t, page, "states no objective")
}

func TestTheSummaryIsATableOnGitHub(t *testing.T) {
	run := sample()
	run.Features[0].Scenarios[0].Objectives[0].Measure = "a | b <b> *c* @team\n# d"
	text := string(report.Summary(run, trusted()))
	require.True(t, strings.HasPrefix(text, "# ✗ Not ready: "), text[:40])
	require.Contains(t, text, `| ✓ pass | a \| b &lt;b&gt; \*c\* @`+"\u200b"+`team \# d<br>SLO-INSERT-01 |`)
	require.Less(t, strings.Index(text, "What needs attention"), strings.Index(text, "| verdict |"))
	for _, row := range strings.Split(text, "\n") {
		if strings.HasPrefix(row, "|") {
			require.Equal(t, 7, strings.Count(strings.ReplaceAll(row, `\|`, ""), "|"), row)
		}
	}
}

func TestTheSummaryFitsAJobSummary(t *testing.T) {
	run := sample()
	for range 12 {
		run.Features = append(run.Features, run.Features...)
		if len(run.Features) > 1500 {
			break
		}
	}
	text := report.Summary(run, trusted())
	require.LessOrEqual(t, len(text), 1<<20)
	require.Greater(t, len(text), 1<<19)
	require.True(t, strings.HasSuffix(string(text), "report.html has all of it.*\n"))
}

func TestWhoeverHoldsTheRecordDrawsTheSameFiles(t *testing.T) {
	run := sample()
	run.Started = run.Started.In(time.FixedZone("elsewhere", 3600))
	for _, signer := range []report.Signer{trusted(), {}, {KeyID: "SHA256:abc", Local: true}} {
		first, err := report.Draw(run, []byte("[]"), signer)
		require.NoError(t, err)
		read, err := report.Decode(first[0].Content)
		require.NoError(t, err)
		again, err := report.Draw(read, []byte("[]"), signer)
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
	other := sample()
	other.Format = "https://signoff.dev/report/v9"
	_, err := report.Draw(other, nil, trusted())
	require.ErrorContains(t, err, "its format is", "what cannot be read back is not drawn")
}

func TestThePageNamesTheTestedProgram(t *testing.T) {
	run := sample()
	page := drawn(t, run, trusted())
	require.Contains(t, page, run.Program.SHA256)
	require.Contains(t, page, "built from "+run.Program.Revision)
	run.Program.Modified = true
	require.Contains(t, drawn(t, run, trusted()), "built from "+run.Program.Revision+" with changes")
}
