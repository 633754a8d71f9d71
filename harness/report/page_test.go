package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
	"github.com/signoff-dev/signoff/harness/report"
)

func trusted() report.Signer {
	return report.Signer{KeyID: "SHA256:IZdPqtCcQQhP5+g2wI/jnQoPCa0yoD0h3i6nYK1ycV8"}
}

func drawn(t testing.TB, run evidence.Run, signer report.Signer) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, report.Page(&b, run, signer, []report.File{{Name: "report.json", Content: []byte("{}")}}))
	return b.String()
}

func TestThePageNeedsNothingFromOutside(t *testing.T) {
	page := drawn(t, charted(), trusted()) + drawn(t, compared(), trusted())
	require.NotRegexp(t, `(?i)<script|<link|<img|<iframe|<object|<embed|<base|javascript:|@import|url\(|srcset|\son[a-z]+=`, page)
	require.NotRegexp(t, `\sstyle="`, page, "the policy forbids inline styles")
	for _, at := range regexp.MustCompile(`(?i)(href|src|action|xlink:href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		require.True(t, strings.HasPrefix(at[2], "#"), "%s leads outside", at[0])
	}
	for _, address := range regexp.MustCompile(`https?://[^\s"<]+`).FindAllString(page, -1) {
		require.Equal(t, "https://in-toto.io/attestation/test-result/v0.1", address, "only the name of a predicate")
	}
}

func TestThePolicyAllowsOnlyItsOwnStyle(t *testing.T) {
	page := drawn(t, sample(), trusted())
	css := page[strings.Index(page, "<style>")+len("<style>") : strings.Index(page, "</style>")]
	sum := sha256.Sum256([]byte(css))
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	require.NotNil(t, policy)
	require.Contains(t, html.UnescapeString(policy[1]), "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	require.Less(t, strings.Index(page, "Content-Security-Policy"), strings.Index(page, "<style>"), "the policy comes first")
}

func TestEveryPlaceThatIsLinkedExistsOnce(t *testing.T) {
	for name, run := range map[string]evidence.Run{"a rich run": sample(), "a passing run": passing(), "an empty run": empty(), "with charts": charted(), "a comparison": compared()} {
		t.Run(name, func(t *testing.T) {
			page := drawn(t, run, trusted())
			ids := map[string]int{}
			for _, at := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(page, -1) {
				ids[at[1]]++
				require.Equal(t, 1, ids[at[1]], "id %s is taken twice", at[1])
			}
			for _, at := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(page, -1) {
				require.Equal(t, 1, ids[at[1]], "nothing has the id %s", at[1])
			}
			for _, at := range regexp.MustCompile(`aria-labelledby="([^"]*)"`).FindAllStringSubmatch(page, -1) {
				for _, id := range strings.Fields(at[1]) {
					require.Equal(t, 1, ids[id], "nothing has the id %s", id)
				}
			}
		})
	}
}

func TestEveryPromiseStandsOnThePage(t *testing.T) {
	run := sample()
	page := html.UnescapeString(drawn(t, run, trusted()))
	rows := regexp.MustCompile(`(?s)<tr class="p[^>]*>.*?</tr>`).FindAllString(page, -1)
	next := 0
	for _, f := range run.Features {
		require.Contains(t, page, f.Title)
		for _, s := range f.Scenarios {
			for _, o := range s.Objectives {
				row := rows[next]
				next++
				require.Contains(t, row, o.Measure)
				require.Contains(t, row, o.Target)
				require.Contains(t, row, s.ID)
				require.Contains(t, row, "</svg>"+string(o.Verdict)+"</span>", "a verdict is a mark and a word")
				require.Contains(t, row, `class="b b-`, "every promise has its picture")
			}
		}
	}
	require.Len(t, rows, next)
}

func TestACapabilityOfSeveralFilesHasOneStrip(t *testing.T) {
	run := sample()
	strips := func() (strips, marks int) {
		page := drawn(t, run, trusted())
		part := page[strings.Index(page, `class="strip"`):strings.Index(page, `id="attention"`)]
		return strings.Count(part, `<p class="sh">`), strings.Count(part, `<li`)
	}
	before, marks := strips()
	run.Features[1].Tag = run.Features[0].Tag
	after, same := strips()
	require.Equal(t, before-1, after)
	require.Equal(t, marks, same)
}

func TestEveryVerdictHasAMarkAndAWord(t *testing.T) {
	page := drawn(t, sample(), trusted())
	for verdict, mark := range map[objective.Verdict]string{
		objective.Pass: "pass", objective.Fail: "fail", objective.Inconclusive: "inconclusive", objective.Unfit: "unfit", objective.NotRun: "notrun",
	} {
		require.Contains(t, page, `<svg class="m" aria-hidden="true"><use href="#m-`+mark+`"/></svg>`+string(verdict)+"</span>")
		require.Contains(t, page, `<use href="#s-`+mark+`"/></svg><span class="vh">`, "the strip lacks %q", verdict)
	}
}

func TestWhatNeedsAttentionIsToldInFull(t *testing.T) {
	page := html.UnescapeString(drawn(t, sample(), trusted()))
	part := page[strings.Index(page, `id="attention"`):strings.Index(page, `id="promises"`)]
	for _, want := range []string{"at most 150 ms", "over by at least", "signoff run --profile pr --tags @SLO-STREAM-02"} {
		require.Contains(t, part, want)
	}
	require.Regexp(t, `<span class="i6 mark">\| delivery lag, p99 +\| at most 150 ms`, part, "the failing row is marked in the promise as written")
	require.Contains(t, part, "connect: connection refused", "a broken scenario shows its error")
	require.Contains(t, part, "The hypervisor took up to 6 %", "findings are shown")
	require.Contains(t, part, "the limit lies inside the interval")
	require.Contains(t, part, "excludes 1", "an unfit machine shows its check")
	require.NotContains(t, part, "SLO-ROLL-02", "what was not meant to run is no concern")
	require.Less(t, strings.Index(part, "SLO-ROLL-01"), strings.Index(part, "SLO-STREAM-03"), "broken promises come first")
}

func TestHostileTextStaysText(t *testing.T) {
	const evil = `"'><script>alert(1)</script><svg onload=alert(1)>{{.}}</style>&lt;b`
	run := charted()
	run.Against = &evidence.Against{Ref: evil, Commit: evidence.Commit{SHA: evil, Subject: evil}}
	spoil(&run, evil)
	run.Service, run.ID, run.Profile, run.Tags = evil, evil, evil, evil
	run.Commit.Subject, run.Commit.Branch, run.Commit.SHA = evil, evil, evil
	run.Environment.Host.CPU, run.Environment.Server.Settings[evil], run.Environment.Server.Why = evil, evil, evil
	run.Result.Reason = evil
	run.Facts = append(run.Facts, evidence.Fact{Name: evil, Value: evil})
	run.Accounts[0].Title, run.SelfTests[0].Said = evil, evil
	for i := range run.Passages {
		p := &run.Passages[i]
		p.Title, p.Scenario, p.Steps[0].Name, p.Steps[0].Killed = evil, evil, evil, evil
	}
	for i := range run.Features {
		f := &run.Features[i]
		f.Title, f.Narrative, f.Tag, f.URI = evil, evil, evil, evil
		for j := range f.Scenarios {
			s := &f.Scenarios[j]
			s.Title, s.Rule, s.ID, s.Gherkin = evil, evil, evil, "Scenario: "+evil+"\n  | "+evil+" |"
			s.Notes = []string{evil}
			if s.Broken != "" {
				s.Broken, s.Steps[1].Error, s.Steps[1].Text = evil, evil, evil
			}
			for k := range s.Measures {
				s.Measures[k].Name += evil
				if p := s.Measures[k].Pairs; p != nil {
					p.Unit, p.BaselineArm.Text, p.CurrentArm.Name = evil, evil, evil
				}
			}
			for k := range s.Objectives {
				o := &s.Objectives[k]
				o.Reason, o.SampleUnit, o.Unit = evil, evil, evil
				o.Measure += evil
			}
		}
	}
	page := drawn(t, run, report.Signer{KeyID: evil})
	require.NotContains(t, page, "<script")
	require.NotContains(t, page, "<svg onload")
	require.Equal(t, 1, strings.Count(page, "</style>"))
	tags := regexp.MustCompile(`="[^"]*"`).ReplaceAllString(page, `=""`)
	require.Empty(t, regexp.MustCompile(`<[a-z][^>]*\son[a-z]+=`).FindAllString(tags, -1), "an element listens")
	summary := string(report.Summary(run, report.Signer{KeyID: evil}))
	require.NotContains(t, summary, "<script")
}

func TestTheSamePageTwice(t *testing.T) {
	for _, run := range []func() evidence.Run{sample, charted, compared} {
		first := drawn(t, run(), trusted())
		require.Equal(t, first, drawn(t, run(), trusted()))
	}
}

func TestSectionsWithoutDataVanish(t *testing.T) {
	page := drawn(t, empty(), report.Signer{})
	for _, id := range []string{"attention", "promises", "experiments", "latency", "loss", "passages", "not-run"} {
		require.NotContains(t, page, `id="`+id+`"`)
	}
	require.Contains(t, page, `id="verify"`)
	require.NotContains(t, page, "0001", "an unknown time is not shown")
}

func TestALossIsNotTitledNothingLost(t *testing.T) {
	require.Contains(t, drawn(t, sample(), trusted()), ">Nothing lost</h2>")
	run := sample()
	run.Accounts[0].Lost = 1
	page := drawn(t, run, trusted())
	require.NotContains(t, page, "Nothing lost")
	require.Contains(t, page, `<td class="r v-fail" role="cell" data-l="Lost">1</td>`)
}

func TestAWrongPriceIsNotTitledNothingLost(t *testing.T) {
	run := sample()
	run.Accounts[1].Wrong = 3
	page := drawn(t, run, trusted())
	require.NotContains(t, page, "Nothing lost")
	require.Contains(t, page, ">32,050 acknowledged, 32,051 found, 0 lost, 0 duplicated, 3 wrong<")
	require.Equal(t, 2, strings.Count(page, `<td class="r v-fail" role="cell" data-l="Wrong">3</td>`), "its own line and the sum")
}

func TestEveryChartHasItsFiguresAsATable(t *testing.T) {
	page := drawn(t, charted(), trusted())
	for _, part := range regexp.MustCompile(`(?s)<p class="ch-t">.*?</details>`).FindAllString(page, -1) {
		require.Contains(t, part, "<title")
		require.Contains(t, part, "<desc")
		require.Contains(t, part, "Show as table")
	}
	require.Equal(t, strings.Count(page, `<p class="ch-t">`)+1, strings.Count(page, "Show as table"), "all charts, and the pairs of the undecided one")
	require.Contains(t, page, "<td>11,976</td>", "a window")
}
