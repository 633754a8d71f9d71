// Package report tells a run: to machines as report.json, JUnit and cucumber
// JSON, to people as a page and a summary in Markdown. A report is a function of
// the record alone; drawing the same record twice gives the same bytes.
//
// The package refuses to know how anything was measured or judged, and how the
// files are signed: it draws the verdicts that the record holds, and leaves the
// statistics to package measure. It reads no clock, no network and no
// environment.
package report

import (
	"bytes"
	"fmt"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// The files of a report, by name.
const (
	RecordFile   = "report.json"   // the record, which everything else is drawn from
	JUnitFile    = "junit.xml"     // one test case for each objective
	CucumberFile = "cucumber.json" // as the test runner wrote it
	SummaryFile  = "summary.md"    // GitHub-flavoured Markdown
	PageFile     = "report.html"   // one file, no network, no script
)

// Signer is who will sign the report. The zero value is nobody: an unsigned
// preview.
type Signer struct {
	// KeyID is the SSH fingerprint of the key: "SHA256:…".
	KeyID string
	// Local says that the key was made on this machine on first use, so that
	// nobody else has a reason to trust it.
	Local bool
}

// Preview reports whether the signature, if any, proves nothing to others.
func (s Signer) Preview() bool { return s.KeyID == "" || s.Local }

// Write draws run and puts the files of the report into dir, which must exist.
// Nothing is written unless everything could be drawn, and each file appears
// whole or not at all; a file of that name which is already there is replaced.
// cucumber is written as it is.
func Write(dir string, run evidence.Run, cucumber []byte, signer Signer) error {
	files, err := Draw(run, cucumber, signer)
	if err != nil {
		return err
	}
	return put(dir, files)
}

// Draw returns the files of the report, the record first. All others are drawn
// from the record as it is read back, so that whoever holds the record, the
// cucumber file and the name of the signer can draw the same bytes again.
func Draw(run evidence.Run, cucumber []byte, signer Signer) ([]File, error) {
	record, err := Encode(run)
	if err != nil {
		return nil, err
	}
	if run, err = Decode(record); err != nil {
		return nil, err
	}
	junit, err := JUnit(run)
	if err != nil {
		return nil, err
	}
	files := []File{
		{RecordFile, record},
		{JUnitFile, junit},
		{CucumberFile, cucumber},
		{SummaryFile, Summary(run, signer)},
	}
	var page bytes.Buffer
	if err := Page(&page, run, signer, files); err != nil {
		return nil, fmt.Errorf("drawing %s: %w", PageFile, err)
	}
	return append(files, File{PageFile, page.Bytes()}), nil
}
