// Package steps binds the sentences of the features to the drivers and the
// experiments of the harness. A step parses its sentence, makes one call, and
// keeps what came back in the world of its scenario.
//
// The package refuses to know how a service is spoken to, how an interval is
// computed, and what a limit is: limits stand in the features alone.
package steps

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/signoff-dev/signoff/harness/measure"
)

// Definition is one sentence that a feature may use.
type Definition struct {
	Keyword string // Given, When or Then
	Pattern string // anchored regular expression
	Example string // a sentence that matches
	Help    string // what it does, for the people who write features
	Yields  []Yield
	Do      any // func(context.Context, ...) error
}

// Yield is a measure that a sentence makes available to the objectives of its
// scenario. $1, $2, … in Measure stand for the groups of the pattern.
type Yield struct {
	Measure string
	Unit    string // as in a target: "ms", "%", "a minute", "× baseline", "" for a count
	Shape   Shape
}

// Shape says what kind of figure a measure is, and so which targets it can answer.
type Shape string

// The shapes of package measure, in the words of those who write features.
const (
	Share     Shape = "count out of all"
	Amount    Shape = "one figure"
	Series    Shape = "the worst of all windows"
	Histogram Shape = "distribution"
	Pairs     Shape = "comparison with the baseline"
)

// empty is the value that a sentence yields before anything was observed: what
// can never be judged on it can never be judged.
func (y Yield) empty() measure.Value {
	v := measure.Value{Name: y.Measure, Unit: y.Unit}
	switch y.Shape {
	case Share:
		v.Share = &measure.Share{}
	case Amount:
		v.Amount = &measure.Amount{}
	case Series:
		v.Series = &measure.Series{}
	case Histogram:
		v.Histogram = measure.NewHistogram()
	case Pairs:
		v.Pairs = &measure.Pairs{}
	}
	return v
}

// Catalogue returns every sentence, in the order in which STEPS.md shows them.
func Catalogue() []Definition {
	return slices.Concat(
		marketSteps(),
		streamSteps(),
		healthSteps(),
		alertSteps(),
		replicaSteps(),
		contractSteps(),
		misbehaviourSteps(),
		documentedSteps(),
		historySteps(),
		comparisonSteps(),
		ladderSteps(),
		calculationSteps(),
		loadSteps(),
		poolSteps(),
		querySteps(),
		regressionSteps(),
		releaseSteps(),
		migrationSteps(),
		safetySteps(),
		partitionSteps(),
		objectiveSteps(),
	)
}

// match is a sentence together with the definition that it fits.
type match struct {
	definition Definition
	text       string
	amounts    []string // the groups that are numbers, as written
	yields     []Yield
}

// phrasebook finds the definition of a sentence.
type phrasebook struct {
	definitions []Definition
	patterns    []*regexp.Regexp
}

func newPhrasebook(definitions []Definition) (phrasebook, error) {
	book := phrasebook{definitions: definitions}
	for _, d := range definitions {
		pattern, err := regexp.Compile(d.Pattern)
		if err != nil {
			return phrasebook{}, fmt.Errorf("compiling the pattern of %q: %w", d.Example, err)
		}
		book.patterns = append(book.patterns, pattern)
	}
	return book, nil
}

// find returns every definition that text fits; exactly one is as it should be.
func (b phrasebook) find(text string) []match {
	var found []match
	for i, pattern := range b.patterns {
		groups := pattern.FindStringSubmatchIndex(text)
		if groups == nil {
			continue
		}
		m := match{definition: b.definitions[i], text: text}
		for _, group := range pattern.FindStringSubmatch(text)[1:] {
			if strings.Trim(group, "0123456789,") == "" {
				m.amounts = append(m.amounts, group)
			}
		}
		for _, y := range m.definition.Yields {
			name := pattern.ExpandString(nil, y.Measure, text, groups)
			m.yields = append(m.yields, Yield{Measure: string(name), Unit: y.Unit, Shape: y.Shape})
		}
		found = append(found, m)
	}
	return found
}

// nearest returns the examples that share the most words with text.
func (b phrasebook) nearest(text string, n int) []string {
	words := strings.Fields(text)
	shared := func(d Definition) int {
		return len(slices.DeleteFunc(strings.Fields(d.Example), func(w string) bool { return !slices.Contains(words, w) }))
	}
	near := slices.Clone(b.definitions)
	slices.SortStableFunc(near, func(x, y Definition) int { return shared(y) - shared(x) })
	var examples []string
	for _, d := range near[:min(n, len(near))] {
		if shared(d) > 1 {
			examples = append(examples, d.Keyword+" "+d.Example)
		}
	}
	return examples
}

const (
	// mostAmount bounds every number of a sentence and the prices of a session.
	mostAmount = 10_000_000
	// longest is the longest session in seconds: a day.
	longest = 86_400
)

var (
	rateForm   = regexp.MustCompile(`([\d,]+) prices a (second|minute)`)
	lengthForm = regexp.MustCompile(`([\d,]+) seconds?`)
)

// number reads a whole number with thousands separators, such as "10,000".
func number(text string) (int, error) {
	digits := strings.TrimLeft(strings.ReplaceAll(text, ",", ""), "0")
	n, err := strconv.Atoi("0" + digits)
	switch {
	case len(digits) > len("10000000") || err == nil && n > mostAmount:
		return 0, fmt.Errorf("%s is more than 10,000,000, the largest number that a sentence may name", text)
	case err != nil || strings.Trim(text, ",") == "":
		return 0, fmt.Errorf("%q is not a whole number", text)
	}
	return n, nil
}

// checkAmounts refuses a sentence whose numbers nobody can mean: they would
// fill the memory or never end.
func (m match) checkAmounts() error {
	for _, text := range m.amounts {
		if _, err := number(text); err != nil {
			return err
		}
	}
	length := lengthForm.FindStringSubmatch(m.text)
	if length == nil {
		return nil
	}
	seconds, err := number(length[1])
	if err != nil {
		return err
	}
	if seconds > longest {
		return fmt.Errorf("%s seconds are longer than a day; write at most 86,400", length[1])
	}
	rate := rateForm.FindStringSubmatch(m.text)
	if rate == nil {
		return nil
	}
	prices, err := number(rate[1])
	if rate[2] == "minute" {
		seconds = (seconds + 59) / 60
	}
	if err == nil && prices*seconds > mostAmount {
		err = fmt.Errorf("%s prices a %s for %s seconds are more than 10,000,000 prices; write a lower rate or a shorter time", rate[1], rate[2], length[1])
	}
	return err
}
