package evidence

import (
	"fmt"

	"github.com/signoff-dev/signoff/harness/measure"
)

// The measures that an account of losses yields.
const (
	lostMeasure       = "acknowledged prices lost"
	duplicatedMeasure = "prices stored twice"
	unexpectedMeasure = "prices from nowhere"
	wrongMeasure      = "prices stored wrong"
)

// wrongAccounts finds the accounts that name no scenario that ran, or say
// something else than the measures that were judged.
func wrongAccounts(run *Run) []error {
	scenarios := scenariosOf(run)
	var found []error
	seen := make(map[string]bool, len(run.Accounts))
	for _, a := range run.Accounts {
		s, known := scenarios[a.Scenario]
		switch {
		case !known:
			found = append(found, fmt.Errorf("an account is recorded for %q, and there is no such scenario", a.Scenario))
		case s.Skipped != "":
			found = append(found, fmt.Errorf("an account is recorded for %s, which was skipped", a.Scenario))
		case s.Broken != "": // it may have broken before its measures were taken
		case seen[a.Scenario]:
			found = append(found, fmt.Errorf("two accounts are recorded for %s", a.Scenario))
		default:
			found = append(found, a.against(s.Measures)...)
		}
		seen[a.Scenario] = true
	}
	return found
}

// scenariosOf are the scenarios of run by their ids.
func scenariosOf(run *Run) map[string]*Scenario {
	scenarios := make(map[string]*Scenario)
	for _, feature := range run.Features {
		for i := range feature.Scenarios {
			scenarios[feature.Scenarios[i].ID] = &feature.Scenarios[i]
		}
	}
	return scenarios
}

// against compares the account with the shares that it was judged by.
func (a Account) against(measures []measure.Value) []error {
	var found []error
	for _, stated := range []struct {
		name string
		hits int64
	}{{lostMeasure, a.Lost}, {duplicatedMeasure, a.Duplicated}, {unexpectedMeasure, a.Unexpected}, {wrongMeasure, a.Wrong}} {
		share := shareOf(measures, stated.name)
		switch {
		case share == nil:
			found = append(found, fmt.Errorf("the account of %s has no measure %q beside it", a.Scenario, stated.name))
		case share.Hits != stated.hits || share.Of != a.Acknowledged:
			found = append(found, fmt.Errorf("the account of %s has %d of %d %s, its measure %d of %d", a.Scenario, stated.hits, a.Acknowledged, stated.name, share.Hits, share.Of))
		}
	}
	return found
}

func shareOf(measures []measure.Value, name string) *measure.Share {
	for _, v := range measures {
		if v.Name == name {
			return v.Share
		}
	}
	return nil
}
