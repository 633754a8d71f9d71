package objective

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostNumber bounds a target, so that no unit conversion can overflow.
const mostNumber = 1e15

var (
	numberForm     = regexp.MustCompile(`^(\d+|\d{1,3}(,\d{3})+)(\.\d+)?$`)
	percentileTail = regexp.MustCompile(`^(.*),\s*p(\d\S*)$`)
	percentileForm = regexp.MustCompile(`^[1-9]\d?(\.\d{1,3})?$`)
)

// Parse reads one row of an objective table: the measure with its percentile,
// if any, and the target. Help shows every form. Its errors name the offending
// text, where it stands, and what to write instead.
func Parse(measureName, target string) (Objective, error) {
	name, percentile, nameErr := parseName(measureName)
	o, targetErr := parseTarget(target)
	o.Measure, o.Percentile = name, percentile
	if err := errors.Join(nameErr, targetErr); err != nil {
		return Objective{}, err
	}
	if o.Percentile != 0 && o.Bound == Exactly {
		return Objective{}, fmt.Errorf("target %q: no percentile is ever exactly a figure: write %q or %q", target, AtMost, AtLeast)
	}
	if o.Percentile != 0 && o.Relative() {
		return Objective{}, fmt.Errorf("measure %q: an experiment compares whole blocks and has no percentiles: write %q", measureName, o.Measure)
	}
	return o, nil
}

func parseName(text string) (name string, percentile float64, err error) {
	name = strings.TrimSpace(text)
	if name == "" {
		return "", 0, errors.New("the measure is empty: write its name, such as \"delivery lag, p99\"")
	}
	if !utf8.ValidString(name) {
		return "", 0, fmt.Errorf("measure %q is not valid UTF-8 text", text)
	}
	found := percentileTail.FindStringSubmatch(name)
	if found == nil {
		return name, 0, nil
	}
	name = strings.TrimSpace(found[1])
	switch {
	case !percentileForm.MatchString(found[2]):
		err = fmt.Errorf("measure %q: %q is no percentile: write one from p1 to p99.999, such as p50, p95, p99 or p99.9", text, "p"+found[2])
	case name == "":
		err = fmt.Errorf("measure %q has a percentile but no name: write it, such as \"delivery lag, p99\"", text)
	case percentileTail.MatchString(name):
		err = fmt.Errorf("measure %q names two percentiles: write a row for each", text)
	default:
		percentile, err = strconv.ParseFloat(found[2], 64)
	}
	return name, percentile, err
}

func parseTarget(text string) (Objective, error) {
	p := parser{text: text, tokens: lex(text)}
	o := p.bound()
	number := p.number(&o)
	p.unit(&o)
	p.sense(&o, number)
	return o, p.err
}

// token is a word, a number or one of the signs % and ×, with its place.
type token struct {
	text string
	at   int // column of its first character, from 1
}

// lex splits at spaces, and between a number or a sign and what follows.
func lex(text string) []token {
	var tokens []token
	column, open, kind := 0, false, ' '
	for _, r := range text {
		column++
		k := kindOf(r)
		if kind == 'a' && k == '0' { // digits inside a word belong to it: -5, p99
			k = 'a'
		}
		switch {
		case k == ' ':
			open = false
		case open && k == kind && k != '%':
			tokens[len(tokens)-1].text += string(r)
		default:
			tokens = append(tokens, token{string(r), column})
			open = true
		}
		kind = k
	}
	return tokens
}

func kindOf(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case r >= '0' && r <= '9' || r == '.' || r == ',':
		return '0'
	case r == '%' || r == '×':
		return '%'
	default:
		return 'a'
	}
}

// parser walks over the tokens of a target and stops at the first error.
type parser struct {
	text   string
	tokens []token
	err    error
}

// takes consumes the words if they come next.
func (p *parser) takes(words ...string) bool {
	if p.err != nil || len(p.tokens) < len(words) {
		return false
	}
	for i, w := range words {
		if p.tokens[i].text != w {
			return false
		}
	}
	p.tokens = p.tokens[len(words):]
	return true
}

// next describes where the parser stands: the token and its column, or the end.
func (p *parser) next() string {
	if len(p.tokens) == 0 {
		return "at its end"
	}
	return fmt.Sprintf("column %d, at %q", p.tokens[0].at, p.tokens[0].text)
}

func (p *parser) fail(where, format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("target %q, %s: %s", p.text, where, fmt.Sprintf(format, args...))
	}
}

// bound reads "at most", "at least", "exactly" or "should be"; after "should
// be" the bound may be left out, which the empty one stands for.
func (p *parser) bound() Objective {
	var o Objective
	if !utf8.ValidString(p.text) {
		p.fail("somewhere", "it is not valid UTF-8 text: write it again")
	}
	o.Advisory = p.takes("should", "be")
	switch {
	case p.takes("at", "most"):
		o.Bound = AtMost
	case p.takes("at", "least"):
		o.Bound = AtLeast
	case !o.Advisory && p.takes("exactly"):
		o.Bound = Exactly
	case !o.Advisory:
		p.fail(p.next(), "a target begins with %q, %q, %q or \"should be\"", AtMost, AtLeast, Exactly)
	}
	return o
}

// number returns where the number stands, for errors about its sense.
func (p *parser) number(o *Objective) (where string) {
	where = p.next()
	switch {
	case p.err != nil:
	case len(p.tokens) == 0 || kindOf(firstRune(p.tokens[0].text)) != '0':
		p.fail(where, "a number belongs here, such as 250, 10,000 or 99.99")
	case !numberForm.MatchString(p.tokens[0].text):
		p.fail(where, "this is no number: write the decimal point as \".\" and separate thousands with \",\" or not at all, as in 10,000.5")
	default:
		// The form is checked, so that the only error is a number too large.
		n, err := strconv.ParseFloat(strings.ReplaceAll(p.tokens[0].text, ",", ""), 64)
		if err != nil || n > mostNumber {
			p.fail(where, "this is more than %s, the largest number a target may name: use a larger unit", grouped(plain(mostNumber)))
		}
		o.Number = n
		p.tokens = p.tokens[1:]
	}
	return where
}

func firstRune(text string) rune {
	r, _ := utf8.DecodeRuneInString(text)
	return r
}

// unit reads the rest: a unit, a comparison with the baseline, or nothing.
func (p *parser) unit(o *Objective) {
	start := p.tokens
	switch {
	case p.err != nil:
		return
	case p.takes("×", "baseline"), p.takes("x", "baseline"):
		o.Comparison, o.Unit = Times, Ratio
	case p.takes("%", "faster", "than", "baseline"):
		o.Comparison, o.Unit = Faster, Ratio
	case p.takes("%", "of", "baseline"):
		o.Comparison, o.Unit = Of, Ratio
	default:
		o.Unit = p.absoluteUnit(o)
	}
	if p.err != nil || len(p.tokens) == 0 {
		return
	}
	where := p.next()
	p.tokens = start
	p.fail(where, "a target ends before this: write a unit (%s), %q, %q or %q", unitList(), Faster, Times, Of)
}

// absoluteUnit takes the longest unit that comes next.
func (p *parser) absoluteUnit(o *Objective) string {
	if len(p.tokens) == 0 {
		return ""
	}
	for _, u := range units() {
		if u.name != "" && p.takes(strings.Fields(u.name)...) {
			return u.name
		}
	}
	if o.Number == 1 && p.takes("part", "per", "billion") {
		return "parts per billion"
	}
	p.fail(p.next(), "this is no unit: write one of %s, or compare with %q, %q or %q", unitList(), Faster, Times, Of)
	return ""
}

// sense refuses targets that read well and mean nothing.
func (p *parser) sense(o *Objective, number string) {
	switch {
	case p.err != nil:
	case o.Relative() && o.Bound == Exactly:
		p.fail("column 1, at \"exactly\"", "no measurement can show an exact ratio: write %q or %q", AtLeast, AtMost)
	case (o.Comparison == Times || o.Comparison == Of) && o.Number <= 0:
		p.fail(number, "a ratio to the baseline is more than 0: write one, such as 2 × baseline")
	case o.Bound != "":
	case o.Comparison == Faster || o.Comparison == Times:
		o.Bound = AtLeast
	default:
		p.fail(number, "a wish needs its direction: write \"should be %s\" or \"should be %s\"", AtMost, AtLeast)
	}
}

// quote marks outside text in a message.
func quote(s string) string { return strconv.Quote(s) }
