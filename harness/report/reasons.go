package report

import (
	"fmt"
	"strings"
)

// reasons collects what is said of measures, so that what is said of many is
// said once.
type reasons struct {
	order []string
	names map[string][]string
}

func (r *reasons) add(name, reason string) {
	if r.names == nil {
		r.names = map[string][]string{}
	}
	if r.names[reason] == nil {
		r.order = append(r.order, reason)
	}
	r.names[reason] = append(r.names[reason], name)
}

// mostNamed is how many measures with one and the same reason are named.
const mostNamed = 2

// said are the reasons in the order in which they came up, each behind what it
// is said of.
func (r *reasons) said() []string {
	var said []string
	for _, reason := range r.order {
		names := r.names[reason]
		if more := len(names) - mostNamed; more > 0 {
			names = append(names[:mostNamed:mostNamed], fmt.Sprintf("and %d more", more))
		}
		said = append(said, strings.Join(names, ", ")+": "+reason)
	}
	return said
}
