package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// Run carries out the planned scenarios, one at a time, and returns what they
// left behind. An error means that the scenarios could not be carried out as
// planned; a broken promise is no error.
func Run(ctx context.Context, config Config) (Findings, error) {
	b, err := newBench(config)
	if err != nil {
		return Findings{}, err
	}
	if b.plan.Compares {
		if err := b.prove(ctx); err != nil {
			return b.findings(nil), stopped(ctx, fmt.Errorf("proving that this run can tell a difference: %w", err))
		}
	}
	var cucumber bytes.Buffer
	suite := godog.TestSuite{
		Name: "signoff",
		Options: &godog.Options{
			Format:          "cucumber",
			Output:          &cucumber,
			NoColors:        true,
			Strict:          true,
			Concurrency:     1,
			Tags:            b.tagsOfPlanned(),
			FeatureContents: b.contents(),
			DefaultContext:  ctx,
		},
		ScenarioInitializer: b.bind,
	}
	_ = suite.Run() // its exit code says less than the record: the record is judged
	found := b.findings(cucumber.Bytes())
	if err := stopped(ctx, nil); err != nil {
		return found, err
	}
	if planned := len(b.plan.Planned()); b.ran != planned {
		return found, fmt.Errorf("%d of %d planned scenarios were carried out", b.ran, planned)
	}
	return found, nil
}

// stopped is the cause of a context that ended, and otherwise err.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (b *bench) findings(cucumber []byte) Findings {
	return Findings{
		Features: b.features, Accounts: b.accounts, SelfTests: b.selfTests, Passages: b.passages,
		Proofs: b.proofs, Charts: b.charts, Queries: b.queries, Facts: b.facts, Cucumber: cucumber,
	}
}

// tagsOfPlanned selects the planned scenarios by their ids. A comma means or.
func (b *bench) tagsOfPlanned() string {
	ids := b.plan.Planned()
	for i, id := range ids {
		ids[i] = "@" + id
	}
	return strings.Join(ids, ",")
}

func (b *bench) contents() []godog.Feature {
	var contents []godog.Feature
	for _, f := range b.features {
		contents = append(contents, godog.Feature{Name: f.URI, Contents: b.plan.contents[f.URI]})
	}
	return contents
}

func (b *bench) bind(sc *godog.ScenarioContext) {
	sc.Before(b.before)
	sc.StepContext().Before(b.beforeStep)
	sc.StepContext().After(b.afterStep)
	sc.After(b.after)
	for _, d := range Catalogue() {
		do := guarded(d.Do)
		switch d.Keyword {
		case "Given":
			sc.Given(d.Pattern, do)
		case "When":
			sc.When(d.Pattern, do)
		default:
			sc.Then(d.Pattern, do)
		}
	}
}

// guarded keeps a panic in a step from reaching the reader as a stack trace:
// it becomes an error that says whose defect it is.
func guarded(do any) any {
	f := reflect.ValueOf(do)
	t := f.Type()
	return reflect.MakeFunc(t, func(args []reflect.Value) (out []reflect.Value) {
		defer func() {
			if cause := recover(); cause != nil {
				err := fmt.Errorf("a defect of signoff, please report it: %v", cause)
				out = []reflect.Value{reflect.ValueOf(&err).Elem()}
			}
		}()
		return f.Call(args)
	}).Interface()
}

func (b *bench) before(ctx context.Context, sc *godog.Scenario) (context.Context, error) {
	var record *evidence.Scenario
	for _, t := range sc.Tags {
		if found := scenarioID.FindStringSubmatch(t.Name); found != nil {
			record = b.scenario(found[1])
		}
	}
	if record == nil {
		return ctx, fmt.Errorf("scenario %q is not in the plan", sc.Name)
	}
	b.ran++
	record.Started = time.Now().UTC()
	if b.config.Watch.Started != nil {
		b.config.Watch.Started(*record, b.ran, len(b.plan.Planned()))
	}
	return context.WithValue(ctx, worldKey{}, b.newWorld(record)), ctx.Err()
}

type stepStart struct{}

func (b *bench) beforeStep(ctx context.Context, st *godog.Step) (context.Context, error) {
	b.doing("%s", st.Text)
	return context.WithValue(ctx, stepStart{}, time.Now()), ctx.Err()
}

func (b *bench) afterStep(ctx context.Context, st *godog.Step, status godog.StepResultStatus, err error) (context.Context, error) {
	w := worldFrom(ctx)
	if w == nil {
		return ctx, nil
	}
	step := evidence.Step{Text: st.Text, Status: status.String()}
	step.Keyword, step.Line = b.plan.where(w.record, len(w.record.Steps))
	if began, ok := ctx.Value(stepStart{}).(time.Time); ok {
		step.Seconds = time.Since(began).Seconds()
	}
	var broken verdictError
	switch {
	case err == nil, errors.Is(err, godog.ErrSkip):
	case errors.As(err, &broken), errors.Is(err, godog.ErrPending):
		step.Error = err.Error()
	default:
		step.Error = err.Error()
		w.record.Broken = strings.TrimSpace(fmt.Sprintf("%s: %v", st.Text, err))
	}
	w.record.Steps = append(w.record.Steps, step)
	return ctx, nil
}

func (b *bench) after(ctx context.Context, _ *godog.Scenario, _ error) (context.Context, error) {
	w := worldFrom(ctx)
	if w == nil {
		return ctx, nil
	}
	w.explain()
	if err := w.tearDown(ctx); err != nil && w.record.Broken == "" {
		w.record.Broken = fmt.Sprintf("putting the scenario away: %v", err)
	}
	w.record.Seconds = time.Since(w.record.Started).Seconds()
	for _, name := range w.measures.Names() {
		w.record.Measures = append(w.record.Measures, w.measures[name])
	}
	if b.config.Watch.Finished != nil {
		b.config.Watch.Finished(*w.record)
	}
	return ctx, nil
}

// Document writes the catalogue of sentences as Markdown.
func Document(out io.Writer) error {
	var b strings.Builder
	b.WriteString("# Sentences\n\nEvery sentence that a feature may use. Generated by `make steps`; do not edit.\n\n" +
		"A distribution takes a percentile (`delivery lag, p99`); without one every single value is held to the target.\n")
	for _, keyword := range []string{"Given", "When", "Then"} {
		fmt.Fprintf(&b, "\n## %s\n", keyword)
		for _, d := range slices.Concat(Catalogue()) {
			if d.Keyword != keyword {
				continue
			}
			fmt.Fprintf(&b, "\n### %s\n\n%s\n", d.Example, d.Help)
			if len(d.Yields) == 0 {
				continue
			}
			b.WriteString("\n| measure | unit | judged as |\n|---|---|---|\n")
			for _, y := range d.exampleYields() {
				unit := y.Unit
				if unit == "" {
					unit = "a count"
				}
				fmt.Fprintf(&b, "| %s | %s | %s |\n", y.Measure, unit, y.Shape)
			}
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// exampleYields are the measures that the example of the sentence yields.
func (d Definition) exampleYields() []Yield {
	book, err := newPhrasebook([]Definition{d})
	if err != nil {
		return d.Yields
	}
	if found := book.find(d.Example); len(found) == 1 {
		return found[0].yields
	}
	return d.Yields
}
