package report

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"time"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

type junitRun struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCounts
	Suites []junitSuite `xml:"testsuite"`
}

type junitCounts struct {
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Time     string `xml:"time,attr"` // in seconds
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	File string `xml:"file,attr"`
	junitCounts
	Timestamp  string          `xml:"timestamp,attr,omitempty"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class      string           `xml:"classname,attr"`
	Name       string           `xml:"name,attr"`
	File       string           `xml:"file,attr"`
	Line       int              `xml:"line,attr"`
	Time       string           `xml:"time,attr"`
	Properties *junitProperties `xml:"properties"`
	Failure    *junitOutcome    `xml:"failure"`
	Error      *junitOutcome    `xml:"error"`
	Skipped    *junitOutcome    `xml:"skipped"`
}

type junitProperties struct {
	Property []junitProperty `xml:"property"`
}

type junitOutcome struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit writes run as JUnit XML: a suite for each feature and a case for each
// objective, or for a scenario that has none. A promise that failed is a
// failure; a scenario that could not be carried out is an error; whatever was
// not decided, was not run or does not gate is skipped and says why.
func JUnit(run evidence.Run) ([]byte, error) {
	all := junitRun{Name: "signoff " + run.ID}
	all.Time = seconds(run.Ended.Sub(run.Started).Seconds())
	for _, feature := range run.Features {
		suite := junitSuiteOf(feature)
		all.Tests += suite.Tests
		all.Failures += suite.Failures
		all.Errors += suite.Errors
		all.Skipped += suite.Skipped
		all.Suites = append(all.Suites, suite)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", JUnitFile, err)
	}
	return append([]byte(xml.Header), append(text, '\n')...), nil
}

func junitSuiteOf(f evidence.Feature) junitSuite {
	suite := junitSuite{Name: f.Title, File: f.URI, Properties: []junitProperty{{"sha256", f.SHA256}, {"tag", f.Tag}}}
	total := 0.0
	for _, s := range f.Scenarios {
		if suite.Timestamp == "" && !s.Started.IsZero() {
			suite.Timestamp = s.Started.UTC().Format("2006-01-02T15:04:05")
		}
		total += max(s.Seconds, 0)
		suite.Cases = append(suite.Cases, junitCasesOf(f, s)...)
	}
	for _, c := range suite.Cases {
		suite.Tests++
		switch {
		case c.Failure != nil:
			suite.Failures++
		case c.Error != nil:
			suite.Errors++
		case c.Skipped != nil:
			suite.Skipped++
		}
	}
	suite.Time = seconds(total)
	return suite
}

// junitCasesOf gives the scenario's time to its first case only, so that the
// times of a suite add up.
func junitCasesOf(f evidence.Feature, s evidence.Scenario) []junitCase {
	var cases []junitCase
	explained := false
	for _, o := range s.Objectives {
		c := junitCase{
			Class: f.Title, Name: s.ID + " " + o.Measure + " (" + o.Target + ")",
			File: f.URI, Line: o.Line, Properties: &junitProperties{junitFacts(s, o)},
		}
		c.judge(s, o)
		explained = explained || c.Error != nil
		cases = append(cases, c)
	}
	if len(cases) == 0 || s.Broken != "" && !explained {
		c := junitCase{Class: f.Title, Name: s.ID + " " + s.Title, File: f.URI, Line: s.Line}
		switch {
		case s.Broken != "":
			c.Error = &junitOutcome{Message: s.Broken, Type: "broken", Text: failedSteps(s)}
		case s.Skipped != "":
			c.Skipped = &junitOutcome{Message: s.Skipped}
		}
		cases = append(cases, c)
	}
	for i := range cases {
		cases[i].Time = seconds(0)
	}
	cases[0].Time = seconds(s.Seconds)
	return cases
}

// judge puts the verdict of o into the element that readers of JUnit know.
func (c *junitCase) judge(s evidence.Scenario, o evidence.Objective) {
	message := string(o.Verdict) + ": " + o.Reason
	switch {
	case o.Verdict == objective.Pass:
	case o.Verdict == objective.NotRun && s.Broken != "":
		c.Error = &junitOutcome{Message: s.Broken, Type: "broken", Text: failedSteps(s)}
	case o.Verdict == objective.NotRun && s.Skipped != "":
		c.Skipped = &junitOutcome{Message: string(o.Verdict) + ": " + s.Skipped}
	case !o.Gating:
		c.Skipped = &junitOutcome{Message: "does not gate; " + message}
	case o.Verdict == objective.Fail:
		c.Failure = &junitOutcome{Message: message, Type: string(o.Verdict), Text: s.Gherkin}
	case o.Verdict == "":
		c.Error = &junitOutcome{Message: "no verdict was reached", Type: "broken"}
	default:
		c.Skipped = &junitOutcome{Message: message}
	}
}

func junitFacts(s evidence.Scenario, o evidence.Objective) []junitProperty {
	facts := []junitProperty{
		{"scenario", s.Title},
		{"rule", s.Rule},
		{"target", o.Target},
		{"verdict", string(o.Verdict)},
		{"gating", strconv.FormatBool(o.Gating)},
		{"unit", o.Unit},
		{"limit", strconv.FormatFloat(o.Limit, 'g', -1, 64)},
		{"samples", strconv.FormatInt(o.Samples, 10)},
	}
	for _, f := range []struct {
		name   string
		figure *float64
	}{{"value", o.Value}, {"low", o.Low}, {"high", o.High}, {"headroom", o.Headroom}, {"p", o.P}} {
		if f.figure != nil {
			facts = append(facts, junitProperty{f.name, strconv.FormatFloat(*f.figure, 'g', -1, 64)})
		}
	}
	return facts
}

// failedSteps lists the steps that did not pass, with their errors.
func failedSteps(s evidence.Scenario) string {
	text := ""
	for _, step := range s.Steps {
		if step.Error != "" {
			text += fmt.Sprintf("line %d, %s %s: %s\n", step.Line, step.Keyword, step.Text, step.Error)
		}
	}
	return text
}

func seconds(s float64) string {
	d := time.Duration(max(s, 0) * float64(time.Second))
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64)
}
