package report

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

//go:embed template
var templates embed.FS

// page is everything that the templates show, section by section. A section
// without data is empty and vanishes.
type page struct {
	Run      evidence.Run
	Title    string
	Style    template.HTML // the style element; Policy holds its digest
	Policy   string        // Content-Security-Policy
	Verdict  verdictPart
	Concerns []concernView
	Features []featureView
	Counts   promiseCounts
	Trials   []trialPart
	Latency  []picture
	Windows  []picture
	Others   []otherMeasure
	Loss     *lossPart
	Passages *passagePart
	Charts   []chartView
	Proofs   *proofsPart
	Queries  *queriesPart
	Against  *againstPart
	Machine  []pairOfWords
	Database []pairOfWords
	NotRun   []notRunRow
	Check    checkPart
}

// Page draws run as one HTML file without scripts or outside references.
// files are the other files of the report, whose digests it lists.
func Page(w io.Writer, run evidence.Run, signer Signer, files []File) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"count": count, "moment": moment, "short": short, "plural": plural,
	}).ParseFS(templates, "template/*.html")
	if err != nil {
		return fmt.Errorf("reading the templates: %w", err)
	}
	p, err := pageOf(run, signer, files)
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, "page.html", p)
}

func pageOf(run evidence.Run, signer Signer, files []File) (page, error) {
	run = tidy(run)
	css, err := style(run)
	if err != nil {
		return page{}, err
	}
	digest := sha256.Sum256([]byte(css))
	facts := factsOf(run, signer)
	run = pertinent(run)
	concerns := concernsOf(run)
	p := page{
		Run:      run,
		Style:    template.HTML("<style>" + css + "</style>"), //nolint:gosec // our own files and one escaped string
		Policy:   "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; base-uri 'none'; form-action 'none'",
		Verdict:  verdictPartOf(run, signer, concerns),
		Concerns: concerns,
		Features: featuresOf(run, concerns),
		Counts:   countsOf(run),
		Trials:   trialsOf(run),
		Latency:  latencyOf(run),
		Windows:  windowsOf(run),
		Others:   othersOf(run),
		Loss:     lossOf(run),
		Passages: passagesOf(run),
		Charts:   chartsOf(run),
		Proofs:   proofsOf(run),
		Queries:  queriesOf(run),
		Against:  againstOf(run),
		Machine:  machineOf(run),
		Database: databaseOf(run),
		NotRun:   notRunOf(run),
		Check:    checkOf(run, signer, files),
	}
	p.Verdict.Facts = facts
	p.Title = fmt.Sprintf("%s · signoff validation report %s", p.Verdict.Headline, short(run.Commit.SHA))
	return p, nil
}

// tidy takes out what would only disturb the reader of a page.
func tidy(run evidence.Run) evidence.Run {
	if run.Ended.Before(run.Started) {
		run.Ended = run.Started
	}
	return run
}

// style joins the style sheets and puts commit and date into the printed foot.
func style(run evidence.Run) (string, error) {
	var all strings.Builder
	for _, name := range []string{"tokens", "page", "chart", "series", "narrow", "print"} {
		css, err := templates.ReadFile("template/" + name + ".css")
		if err != nil {
			return "", fmt.Errorf("reading the style sheets: %w", err)
		}
		all.Write(css)
	}
	foot := "signoff validation report · " + strings.TrimSpace(run.Service+" "+short(run.Commit.SHA))
	if !run.Started.IsZero() {
		foot += " · " + run.Started.UTC().Format("2 January 2006")
	}
	return strings.ReplaceAll(all.String(), "FOOT", cssString(foot)), nil
}

// cssString quotes text for a style sheet: whatever is no plain letter or digit
// is written by its number, so that nothing ends the string or the element.
func cssString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == ' ', r == '.', r == '-':
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "\\%06x", r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// verdictMark is a verdict as the page shows it: a mark and a word.
type verdictMark struct{ Class, Word string }

func markOf(o evidence.Objective) verdictMark {
	v := verdictOf(o)
	if v == objective.Fail && !o.Gating {
		return verdictMark{"miss", string(v)}
	}
	if v == objective.Inconclusive && !o.Gating {
		return verdictMark{"open", string(v)}
	}
	return verdictMark{class(v), string(v)}
}

// pairOfWords is one line of a list of facts.
type pairOfWords struct {
	Name, Value, Note string
	Code              bool // Name is what a program calls it
	Mono              bool // Value is to be compared letter by letter
}

// known leaves out the facts that nobody noted.
func known(facts []pairOfWords) []pairOfWords {
	return slices.DeleteFunc(facts, func(f pairOfWords) bool { return f.Value == "" })
}

func day(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2 January 15:04")
}
