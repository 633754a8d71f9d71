package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	tagexpressions "github.com/cucumber/tag-expressions/go/v6"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// Selection says which scenarios of the features run.
type Selection struct {
	// Dir holds the feature files.
	Dir string
	// Profile is pr, nightly or release: pr runs @pr, nightly adds @nightly,
	// release runs everything.
	Profile string
	// Tags is a tag expression such as "@stream and not @nightly"; empty is all.
	Tags string
	// Only names scenario ids such as SLO-STREAM-01; empty is all.
	Only []string
	// Against says that the run compares with another version: then only the
	// scenarios of features tagged evidence.RegressionTag run, and otherwise
	// none of them.
	Against bool
}

// Profiles are the known profiles with the tags that they run.
func Profiles() map[string][]string {
	return map[string][]string{
		"pr":      {"@pr"},
		"nightly": {"@pr", "@nightly"},
		"release": {"@pr", "@nightly", "@release"},
	}
}

// Plan is what a run will do, checked before anything is started.
type Plan struct {
	Selection Selection
	// Features holds every scenario, those that will not run with the reason.
	Features []evidence.Feature
	// Family is the number of gating relative objectives among those that run.
	Family int
	// Compares says that at least one of them is planned, so that the run has
	// to prove first that it can tell a difference.
	Compares bool

	contents map[string][]byte  // by URI
	rows     map[string][]row   // planned objectives by scenario id
	places   map[string][]place // steps by scenario id
}

// row is one line of an objective table, parsed.
type row struct {
	objective.Objective
	measure, target string
	line            int
}

// place is where a step is written.
type place struct {
	keyword string
	line    int
}

// where is the keyword and the line of the n-th step of a scenario.
func (p *Plan) where(s *evidence.Scenario, n int) (keyword string, line int) {
	if places := p.places[s.ID]; n < len(places) {
		return places[n].keyword, places[n].line
	}
	return "", 0
}

// scenarioID is the form of the tag that names a scenario.
var scenarioID = regexp.MustCompile(`^@([A-Z]+(?:-[A-Z]+)*-\d+)$`)

// NewPlan reads the features and decides what runs. It reports every problem
// that it finds at once, each with its file and line: undefined or ambiguous
// sentences, measures that no step yields, malformed targets, missing ids.
func NewPlan(s Selection) (Plan, error) {
	if _, known := Profiles()[s.Profile]; !known {
		return Plan{}, fmt.Errorf("profile %q is not known; choose pr, nightly or release", s.Profile)
	}
	paths, err := featureFiles(s.Dir)
	if err != nil {
		return Plan{}, err
	}
	book, err := newPhrasebook(Catalogue())
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Selection: s, contents: map[string][]byte{}, rows: map[string][]row{}, places: map[string][]place{}}
	reader := reader{book: book, plan: &plan, seen: map[string]string{}}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return Plan{}, fmt.Errorf("reading the features: %w", err)
		}
		reader.read(uriOf(s.Dir, path), raw)
	}
	if err := errors.Join(reader.problems...); err != nil {
		return Plan{}, err
	}
	if err := plan.choose(); err != nil {
		return Plan{}, err
	}
	return plan, nil
}

// uriOf names a feature file by its place in the tree of features, so that the
// evidence is the same wherever the tree was checked out.
func uriOf(dir, path string) string {
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		rel = filepath.Base(path)
	}
	return filepath.ToSlash(filepath.Join("features", rel))
}

func featureFiles(dir string) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".feature") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for features in %s: %w (start signoff in the project, or name the directory with --features)", dir, err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s holds no feature files; name another directory with --features", dir)
	}
	slices.Sort(paths)
	return paths, nil
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// choose marks the scenarios that will not run, counts the family of gating
// comparisons, and insists that something is left.
func (p *Plan) choose() error {
	wanted, err := p.expression()
	if err != nil {
		return err
	}
	if err := p.checkOnly(); err != nil {
		return err
	}
	tags := Profiles()[p.Selection.Profile]
	running := 0
	for i := range p.Features {
		for j := range p.Features[i].Scenarios {
			s := &p.Features[i].Scenarios[j]
			s.Skipped = p.whyNot(p.Features[i].Tag, s, tags, wanted)
			if s.Skipped != "" {
				continue
			}
			running++
		}
	}
	if running == 0 {
		return fmt.Errorf("no scenario fits profile %s%s; known tags are %s (%s runs with --against, and nothing else does)",
			p.Selection.Profile, p.narrowed(), strings.Join(p.tags(), " "), evidence.RegressionTag)
	}
	run := evidence.Run{Profile: p.Selection.Profile, Tags: p.Selection.Tags, Only: p.Selection.Only, Features: p.Features}
	if p.Selection.Against {
		run.Against = &evidence.Against{}
	}
	p.Family, err = evidence.Planned(run)
	if err != nil {
		return fmt.Errorf("planning the run: %w", err)
	}
	p.Compares = evidence.Compares(run)
	return nil
}

func (p *Plan) narrowed() string {
	var also []string
	if p.Selection.Against {
		also = append(also, "--against")
	}
	if p.Selection.Tags != "" {
		also = append(also, fmt.Sprintf("--tags %q", p.Selection.Tags))
	}
	if len(p.Selection.Only) > 0 {
		also = append(also, "--only "+strings.Join(p.Selection.Only, ","))
	}
	if len(also) == 0 {
		return ""
	}
	return " with " + strings.Join(also, " and ")
}

func (p *Plan) whyNot(tag string, s *evidence.Scenario, profileTags []string, wanted tagexpressions.Evaluatable) string {
	inProfile := slices.ContainsFunc(s.Tags, func(t string) bool { return slices.Contains(profileTags, t) })
	switch {
	case !inProfile:
		return "runs in profile " + strings.TrimPrefix(profileTag(s.Tags), "@")
	case tag == evidence.RegressionTag && !p.Selection.Against:
		return "runs with --against"
	case tag != evidence.RegressionTag && p.Selection.Against:
		return "left out by --against"
	case wanted != nil && !wanted.Evaluate(s.Tags):
		return "left out by --tags " + p.Selection.Tags
	case len(p.Selection.Only) > 0 && !slices.Contains(p.Selection.Only, s.ID):
		return "left out by --only"
	}
	return ""
}

func profileTag(tags []string) string {
	for _, t := range tags {
		if _, known := Profiles()[strings.TrimPrefix(t, "@")]; known {
			return t
		}
	}
	return ""
}

// namedTag finds the tags that an expression names.
var namedTag = regexp.MustCompile(`@[^\s()]+`)

func (p *Plan) expression() (tagexpressions.Evaluatable, error) {
	if p.Selection.Tags == "" {
		return nil, nil //nolint:nilnil // no expression is a valid choice: everything is wanted
	}
	named, known := namedTag.FindAllString(p.Selection.Tags, -1), p.tags()
	if len(named) == 0 {
		return nil, fmt.Errorf("--tags %q names no tag; write it like \"@stream and not @nightly\"", p.Selection.Tags)
	}
	for _, t := range named {
		if !slices.Contains(known, t) {
			return nil, fmt.Errorf("--tags: no scenario has the tag %s; known tags are %s", t, strings.Join(known, " "))
		}
	}
	wanted, err := parseTags(p.Selection.Tags)
	if err != nil {
		return nil, fmt.Errorf("--tags %q cannot be read; write it like \"@stream and not @nightly\"", p.Selection.Tags)
	}
	return wanted, nil
}

// parseTags reads a tag expression. The library panics on an unfinished one.
func parseTags(text string) (wanted tagexpressions.Evaluatable, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	return tagexpressions.Parse(text)
}

func (p *Plan) checkOnly() error {
	var ids []string
	for _, f := range p.Features {
		for _, s := range f.Scenarios {
			ids = append(ids, s.ID)
		}
	}
	for _, id := range p.Selection.Only {
		if !slices.Contains(ids, id) {
			return fmt.Errorf("--only: no scenario has the id %s; known ids are %s", id, strings.Join(ids, " "))
		}
	}
	return nil
}

// tags returns every tag in use, in alphabetical order.
func (p *Plan) tags() []string {
	var all []string
	for _, f := range p.Features {
		for _, s := range f.Scenarios {
			all = append(all, s.Tags...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Planned are the ids of the scenarios that will run, in order.
func (p *Plan) Planned() []string {
	var ids []string
	for _, f := range p.Features {
		for _, s := range f.Scenarios {
			if s.Skipped == "" {
				ids = append(ids, s.ID)
			}
		}
	}
	return ids
}

// gatesOn returns the objectives of a scenario that read one measure.
func (p *Plan) gatesOn(id, measure string) []objective.Objective {
	var found []objective.Objective
	for _, r := range p.rows[id] {
		if r.Measure == measure {
			found = append(found, r.Objective)
		}
	}
	return found
}
