package report_test

import (
	"html"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/report"
)

// with is a run of one scenario for each of the given objectives.
func with(profile string, scenarios ...evidence.Scenario) evidence.Run {
	return only(nil, profile, scenarios...)
}

// only is such a run that was limited to scenarios of the given ids.
func only(ids []string, profile string, scenarios ...evidence.Scenario) evidence.Run {
	run := sample()
	run.Profile, run.Only = profile, ids
	run.Features = []evidence.Feature{feature("one", "@one", "One", "", scenarios...)}
	return judged(run)
}

func share(id string, hits, of int64) evidence.Scenario {
	return scenario(id, "One", "Rule", measure.Value{Name: "lost", Share: &measure.Share{Hits: hits, Of: of}}).holds("lost", "exactly 0").done()
}

func TestThePageAnswersFirst(t *testing.T) {
	kept, broken, nothing := share("SLO-A-01", 0, 10), share("SLO-A-02", 1, 10), share("SLO-A-03", 0, 0)
	alsoKept := share("SLO-A-05", 0, 10)
	left := scenario("SLO-A-04", "Later", "Rule").holds("lost", "exactly 0").skipped("@nightly").done()
	stuck := scenario("SLO-A-06", "Stuck", "Rule").holds("lost", "exactly 0").broken("no database").done()
	noisy := experiment("ms", 80, 2.9, .05, 10, true)
	for i := range noisy.Fitness.B {
		noisy.Fitness.B[i] *= 1.25
	}
	unfit := scenario("SLO-A-07", "Noisy", "Rule", measure.Value{Name: "speed", Pairs: &noisy}).holds("speed", "at least 2 × baseline").done()
	dirty := with("pr", kept, alsoKept)
	dirty.Commit.Dirty = true
	two := []string{"SLO-A-01", "SLO-A-05"}
	local := report.Signer{KeyID: "SHA256:abc", Local: true}
	tests := map[string]struct {
		run     evidence.Run
		signer  report.Signer
		heading string
		caveat  string
	}{
		"all pass":                            {with("pr", kept, alsoKept), trusted(), "Ready: all 2 promises hold", ""},
		"the only one passes":                 {with("pr", kept), trusted(), "Ready: the one promise holds", ""},
		"all that ran pass":                   {with("pr", kept, alsoKept, left), trusted(), "Ready: all 2 promises that ran hold", ""},
		"a release leaves nothing out":        {only(two, "release", kept, alsoKept, left), trusted(), "Not ready: 1 of 3 promises was not run", "Preview only: the run was asked for only part of the promises"},
		"only a part was asked for":           {only(two, "pr", kept, alsoKept, left), trusted(), "Preview only: all 2 promises that ran hold", "The run was asked for only part of the promises (--only SLO-A-01,SLO-A-05)."},
		"one fails":                           {with("pr", kept, broken), trusted(), "Not ready: 1 of 2 promises is broken", ""},
		"one fails and one cannot run":        {with("pr", kept, broken, stuck), trusted(), "Not ready: 1 of 3 promises is broken, and 1 scenario could not be carried out", ""},
		"nothing fails, one cannot be told":   {with("pr", kept, nothing), trusted(), "No promise is broken, but 1 of 2 promises is undecided", ""},
		"the same in a release":               {with("release", kept, nothing), trusted(), "Not ready: 1 of 2 promises is undecided", ""},
		"an unfit machine":                    {with("nightly", kept, unfit), trusted(), "Not ready: 1 of 2 promises could not be judged on this machine", ""},
		"a scenario could not be carried out": {with("pr", kept, stuck), trusted(), "Not decided: 1 scenario could not be carried out", ""},
		"nothing was judged":                  {empty(), trusted(), "Not decided: no promise was judged", ""},
		"signed by nobody":                    {with("pr", kept, alsoKept), report.Signer{}, "Preview only: all 2 promises hold", "Nobody signed the report."},
		"signed with a local key":             {with("pr", kept, alsoKept), local, "Preview only: all 2 promises hold", "The report is signed with a key that was made on this machine"},
		"a failure under a local key":         {with("pr", broken), local, "Not ready: 1 of 1 promises is broken", "Preview only: the report is signed with a key that was made on this machine"},
		"a dirty work tree":                   {dirty, trusted(), "Preview only: all 2 promises hold", "The work tree had changes that no commit holds"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			page := html.UnescapeString(drawn(t, test.run, test.signer))
			heading := regexp.MustCompile(`<h1[^>]*>.*?<span>(.*)</span></h1>`).FindStringSubmatch(page)
			require.NotNil(t, heading)
			require.Equal(t, test.heading, plain(heading[1]))
			summary := plain(string(report.Summary(test.run, test.signer)))
			require.Contains(t, summary[:len(test.heading)+8], test.heading, "the summary begins with the same sentence")
			caveat := regexp.MustCompile(`<p class="caveat">(.*)</p>`).FindStringSubmatch(page)
			if test.caveat == "" {
				require.Nil(t, caveat)
				return
			}
			require.NotNil(t, caveat)
			require.Contains(t, plain(caveat[1]), test.caveat)
		})
	}
}

// plain takes the spaces that do not break for spaces.
func plain(text string) string {
	return regexp.MustCompile("\u00a0").ReplaceAllString(text, " ")
}
