package report

import "time"

// What the tests of this package look at from outside.

func Number(x float64) string                { return number(x) }
func Count(n int64) string                   { return count(n) }
func Percent(x float64) string               { return percent(x) }
func Alike(u string, xs ...float64) []string { return alike(u, xs...) }
func Rounded(fraction float64) string        { return rounded(fraction) }
func Span(seconds float64) string            { return span(seconds) }
func Size(bytes int64) string                { return size(bytes) }
func Moment(t time.Time) string              { return moment(t) }
func CSSString(text string) string           { return cssString(text) }
func WayOut(err error) string                { return wayOut(err) }
func Ticks(highest float64, n int) []float64 { return axisFor(highest, n).ticks }
