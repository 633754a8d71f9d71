package report

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/harness/baseline"
)

// trendPage is everything that the template of the trend shows.
type trendPage struct {
	Trend    baseline.Trend
	Title    string
	Style    template.HTML
	Policy   string
	Headline string
	Period   string
	Facts    []pairOfWords
	Shifts   []shiftRow
	Moved    []trendPicture // what changed, beside the changes
	Groups   []trendGroup
	Constant []constantRow
	Notes    []string
	Advice   string
}

// trendGroup is what else one scenario measured.
type trendGroup struct {
	ID, Scenario, Title string
	Charts              []trendPicture
}

// trendPicture is one chart with the figures behind it.
type trendPicture struct {
	ID, Title, Note string
	Scenario        string
	Drawing         template.HTML
	Table           figures
	Remark          string
}

// shiftRow is one change.
type shiftRow struct {
	ID, Scenario, Title, Measure string
	Worse                        bool
	Size, FromTo, Since, Subject string
	Before, P                    string
	At                           time.Time
}

// constantRow is a measure that never moved.
type constantRow struct{ Scenario, Title, Measure, Figure, Limit, Runs string }

// TrendPage draws t as one HTML file without scripts or outside references.
func TrendPage(w io.Writer, t baseline.Trend) error {
	parsed, err := template.New("page").Funcs(template.FuncMap{
		"count": count, "moment": moment, "short": short, "plural": plural,
	}).ParseFS(templates, "template/*.html")
	if err != nil {
		return fmt.Errorf("reading the templates: %w", err)
	}
	p, err := trendPageOf(t)
	if err != nil {
		return err
	}
	return parsed.ExecuteTemplate(w, "trend.html", p)
}

func trendPageOf(t baseline.Trend) (trendPage, error) {
	css, err := trendStyle(t)
	if err != nil {
		return trendPage{}, err
	}
	digest := sha256.Sum256([]byte(css))
	first, last := t.Runs[0], t.Runs[len(t.Runs)-1]
	p := trendPage{
		Trend: t, Headline: trendHeadline(t), Advice: adviceOn(t),
		Style:  template.HTML("<style>" + css + "</style>"), //nolint:gosec // our own files and one escaped string
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; base-uri 'none'; form-action 'none'",
		Period: first.Started.Format("2 January 2006") + " to " + last.Started.Format("2 January 2006"),
		Facts: known([]pairOfWords{
			{Name: "Newest commit", Value: commitWords(last.Commit), Note: last.Commit.Subject, Mono: true},
			{Name: "Newest run", Value: strings.ToLower(last.Outcome), Note: moment(last.Started)},
			{Name: "Profile", Value: t.Profile, Note: againstSaid(t)},
			{Name: "Environment", Value: t.Environment.ID, Note: t.Environment.Says, Mono: true},
		}),
	}
	p.Title = p.Headline + " · signoff trend"
	p.Notes = append(p.Notes, t.LeftOut...)
	for _, f := range t.Faults {
		p.Notes = append(p.Notes, "Not read: "+f.String())
	}
	for i, s := range t.Series {
		p.add(fmt.Sprintf("t%d", i+1), s)
	}
	sortShifts(p.Shifts)
	slices.SortStableFunc(p.Moved, func(a, b trendPicture) int { return p.place(a) - p.place(b) })
	return p, nil
}

// add draws a series where a reader looks for it: beside the changes, if it has
// one, or with what else its scenario measured, or in a line if it never moved.
func (p *trendPage) add(id string, s baseline.Series) {
	if constant(s) {
		p.Constant = append(p.Constant, constantRowOf(s))
		return
	}
	picture := trendPicture{
		ID: id, Title: s.Measure + in(s.Unit), Note: s.Title, Scenario: s.Scenario,
		Drawing: drawTrend(id+"-c", p.Trend, s), Table: trendTable(p.Trend, s), Remark: s.Note,
	}
	if len(s.Shifts) > 0 {
		p.Moved = append(p.Moved, picture)
		for _, shift := range s.Shifts {
			p.Shifts = append(p.Shifts, shiftRowOf(id, p.Trend, s, shift))
		}
		return
	}
	if n := len(p.Groups); n == 0 || p.Groups[n-1].Scenario != s.Scenario {
		p.Groups = append(p.Groups, trendGroup{ID: "g" + id, Scenario: s.Scenario, Title: s.Title})
	}
	last := &p.Groups[len(p.Groups)-1]
	last.Charts = append(last.Charts, picture)
}

// place is where the first change of a picture stands among all.
func (p *trendPage) place(picture trendPicture) int {
	return slices.IndexFunc(p.Shifts, func(s shiftRow) bool { return s.ID == picture.ID })
}

// sortShifts puts what is for the worse first, and of that the newest.
func sortShifts(rows []shiftRow) {
	slices.SortStableFunc(rows, func(a, b shiftRow) int {
		if a.Worse != b.Worse {
			return map[bool]int{true: -1, false: 1}[a.Worse]
		}
		return b.At.Compare(a.At)
	})
}

func trendStyle(t baseline.Trend) (string, error) {
	var all strings.Builder
	for _, name := range []string{"tokens", "page", "chart", "narrow", "print", "trend"} {
		css, err := templates.ReadFile("template/" + name + ".css")
		if err != nil {
			return "", fmt.Errorf("reading the style sheets: %w", err)
		}
		all.Write(css)
	}
	foot := "signoff trend · " + strings.TrimSpace(t.Service+" profile "+t.Profile)
	return strings.ReplaceAll(all.String(), "FOOT", cssString(foot)), nil
}

func constantRowOf(s baseline.Series) constantRow {
	row := constantRow{Scenario: s.Scenario, Title: s.Title, Measure: s.Measure, Limit: targetsSaid(s), Runs: count(int64(len(s.Points)))}
	for _, p := range s.Points {
		if p.Value != nil {
			row.Figure = quantity(figure(*p.Value, s.Unit), shortUnit(s.Unit))
		}
	}
	return row
}

func shiftRowOf(id string, t baseline.Trend, s baseline.Series, c baseline.Shift) shiftRow {
	said := alike(s.Unit, c.Before, c.After)
	at := t.Runs[c.At]
	row := shiftRow{
		ID: id, Scenario: s.Scenario, Title: s.Title, Measure: s.Measure, Worse: c.Worse, At: at.Started,
		Size: "–", FromTo: said[0] + " → " + quantity(said[1], shortUnit(s.Unit)),
		Since: commitWords(at.Commit) + ", " + at.Started.Format("2 January"), Subject: at.Commit.Subject,
		Before: runBefore(t, c), P: number(c.P),
	}
	if c.Faster != nil {
		row.Size = shifted(s.Kind, *c.Faster)
	}
	return row
}

func trendTable(t baseline.Trend, s baseline.Series) figures {
	table := figures{Head: []string{"Commit", "Run", "Figure", "Verdict", "Target"}}
	for i := len(s.Points) - 1; i >= 0; i-- {
		p := s.Points[i]
		run := t.Runs[p.Run]
		target, verdict := "none", ""
		if len(p.Promises) > 0 {
			target, verdict = p.Promises[0].Target, string(p.Verdict)
		}
		table.Rows = append(table.Rows, []string{commitWords(run.Commit), run.Started.Format("2 Jan 2006 15:04"), historyFigure(s.Unit, p.Value, p.Low, p.High), verdict, target})
	}
	return table
}
