package baseline

import "fmt"

// leftOut counts the runs of other profiles and environments, and those that
// compared with something else.
func leftOut(entries []Entry, newest Entry) []string {
	type place struct{ profile, environment, service, ref string }
	of := map[place][]Entry{}
	var order []place
	for _, e := range entries {
		if e.Profile == newest.Profile && e.Environment.ID == newest.Environment.ID && e.Service == newest.Service && e.comparesLike(newest) {
			continue
		}
		p := place{profile: e.Profile, environment: e.Environment.ID, service: e.Service}
		if e.Against != nil {
			p.ref = e.Against.Ref
		}
		if of[p] == nil {
			order = append(order, p)
		}
		of[p] = append(of[p], e)
	}
	var said []string
	for _, p := range order {
		n, last := len(of[p]), of[p][len(of[p])-1]
		if p.service != newest.Service {
			said = append(said, fmt.Sprintf("Not shown: %s of another service, %s.", runs(n), p.service))
			continue
		}
		compared, flag := "", ""
		if last.Against != nil {
			compared, flag = " that compared with "+bases(of[p]), fmt.Sprintf(" --against %.7s", last.base())
		}
		said = append(said, fmt.Sprintf("Not shown, as not comparable: %s of profile %s in environment %s (%s)%s; see them with --profile %s --environment %s%s.",
			runs(n), p.profile, p.environment, last.Environment.Says, compared, p.profile, p.environment, flag))
	}
	return said
}

// bases says what runs against one name compared with: it may have moved.
func bases(entries []Entry) string {
	distinct := map[string]bool{}
	for _, e := range entries {
		distinct[e.base()] = true
	}
	last := entries[len(entries)-1]
	if len(distinct) == 1 {
		return last.Against.String()
	}
	return fmt.Sprintf("%s at %d commits, the newest %.7s", last.Against.Ref, len(distinct), last.base())
}
