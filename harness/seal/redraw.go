package seal

import (
	"bytes"
	"fmt"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
)

// checkPage draws what people read from the record again and compares. Another
// version may draw otherwise, so nothing is compared then.
func (v *Verification) checkPage(tool string, c contents, run evidence.Run) {
	if tool == "" {
		return
	}
	if run.Tool.Version != tool {
		v.note(NotRedrawn, report.PageFile, fmt.Sprintf("drawn by version %q and verified by %q, so it was not compared with the record", run.Tool.Version, tool))
		return
	}
	envelope, err := ParseBundle(c.files[BundleName])
	if err != nil {
		return // already denied
	}
	var different []string
	for i, local := range []bool{true, false} { // the record does not say which
		signer := report.Signer{KeyID: envelope.KeyID, Local: local}
		files, err := report.Draw(run, c.files[report.CucumberFile], signer)
		if err != nil {
			v.deny(PageDiffers, report.PageFile, "it cannot be drawn from the record: "+oneLine(err))
			return
		}
		if other := c.otherThan(files); i == 0 || len(other) < len(different) {
			different = other
		}
	}
	for _, name := range different {
		v.deny(PageDiffers, name, "it is not what this version draws from the record")
	}
}

// otherThan names the files that people read and that are there with another
// content.
func (c contents) otherThan(files []report.File) []string {
	var names []string
	for _, f := range files {
		switch f.Name {
		case report.JUnitFile, report.SummaryFile, report.PageFile:
			if content, there := c.files[f.Name]; there && !bytes.Equal(content, f.Content) {
				names = append(names, f.Name)
			}
		}
	}
	return names
}
