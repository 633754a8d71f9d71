package report

import (
	"fmt"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// summaryLimit is what GitHub shows of one step's summary, in bytes.
const summaryLimit = 1 << 20

// Summary tells run in GitHub-flavoured Markdown of at most 1 MiB: the verdict,
// what needs attention, then every promise.
func Summary(run evidence.Run, signer Signer) []byte {
	run = pertinent(run)
	parts := append(summaryHead(run, signer), summaryAgainst(run)...)
	parts = append(parts, summaryAttention(run)...)
	parts = append(parts, summaryProofs(run)...)
	for _, f := range run.Features {
		parts = append(parts, summaryFeature(f))
	}
	parts = append(parts, summaryCharts(run)...)
	parts = append(parts, summaryQueries(run)...)
	parts = append(parts, summaryPassages(run)...)
	parts = append(parts, summaryFoot(run))
	const cut = "\n*The rest did not fit here; report.html has all of it.*\n"
	var out strings.Builder
	for _, p := range parts {
		if out.Len()+len(p)+len(cut) > summaryLimit {
			out.WriteString(cut)
			break
		}
		out.WriteString(p)
	}
	return []byte(out.String())
}

func summaryHead(run evidence.Run, signer Signer) []string {
	h := headlineOf(run, signer)
	t := tallyOf(run)
	head := []string{fmt.Sprintf("# %s %s\n\n", sign(h.verdict), cell(h.sentence))}
	if c := caveat(run, signer); c != "" {
		head = append(head, "> "+cell(c)+"\n\n")
	}
	if run.Result.Reason != "" {
		head = append(head, cell(run.Result.Reason)+"\n\n")
	}
	var counts []string
	for _, v := range verdicts() {
		counts = append(counts, fmt.Sprintf("%s %d %s", sign(v), t.of[v], v))
	}
	head = append(head, strings.Join(counts, " · ")+"\n\n")
	line := fmt.Sprintf("`%s` of %s, profile %s, %s", short(run.Commit.SHA), cell(run.Service), cell(run.Profile), moment(run.Started))
	if with := comparedWith(run); with != "" {
		line += ", compared with " + cell(with)
	}
	return append(head, line+", "+span(run.Ended.Sub(run.Started).Seconds())+".\n\n")
}

func summaryAttention(run evidence.Run) []string {
	var parts []string
	for _, item := range attention(run) {
		if len(parts) == 0 {
			parts = append(parts, "## What needs attention\n\n")
		}
		p := fmt.Sprintf("- %s **%s** %s (%s)  \n  %s", sign(item.verdict), item.word(), cell(item.title), cell(item.scenario.ID), cell(item.reason))
		if item.objective != nil {
			t := tell(item.scenario, *item.objective, valueFor(item.scenario, *item.objective))
			p += fmt.Sprintf("  \n  Target: %s. Measured: %s", cell(item.objective.Target), cell(t.figure()))
		}
		parts = append(parts, p+"\n")
	}
	if len(parts) > 0 {
		parts = append(parts, "\n")
	}
	return parts
}

func summaryFeature(f evidence.Feature) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n| verdict | measure | target | measured | against the limit | samples |\n|---|---|---|---|---|--:|\n", cell(f.Title))
	for _, s := range f.Scenarios {
		for _, o := range s.Objectives {
			t := tell(s, o, valueFor(s, o))
			advisory := ""
			if !o.Gating {
				advisory = " (does not gate)"
			}
			fmt.Fprintf(&b, "| %s %s | %s<br>%s | %s%s | %s | %s | %s |\n", sign(verdictOf(o)), verdictOf(o), cell(o.Measure), cell(s.ID),
				cell(o.Target), advisory, cell(t.figure()), cell(t.Headroom), cell(t.Samples))
		}
		if len(s.Objectives) == 0 {
			fmt.Fprintf(&b, "| %s | %s<br>%s |  |  | %s |  |\n", carried(s), cell(s.Title), cell(s.ID), cell(s.Broken+s.Skipped))
		}
	}
	b.WriteString("\n")
	return b.String()
}

// carried says how a scenario without objectives went.
func carried(s evidence.Scenario) string {
	switch {
	case s.Broken != "":
		return "broken"
	case s.Skipped != "":
		return sign(objective.NotRun) + " not run"
	default:
		return "carried out"
	}
}

func summaryPassages(run evidence.Run) []string {
	var parts []string
	for _, p := range run.Passages {
		if len(p.Steps) == 0 {
			continue
		}
		if len(parts) == 0 {
			parts = append(parts, "## The way there and back\n\n")
		}
		t := togetherOf(p)
		line := fmt.Sprintf("- **%s** (%s): %s", cell(p.Title), cell(p.Scenario), strings.Join([]string{
			cell(t.course()), t.pauses(), t.stored(),
		}, "; "))
		if t.killed > 0 || t.lost > 0 {
			line += "; " + cell(t.kills())
		}
		parts = append(parts, line+".\n")
	}
	if len(parts) > 0 {
		parts = append(parts, "\n")
	}
	return parts
}

func summaryFoot(run evidence.Run) string {
	e := run.Environment
	return fmt.Sprintf("%d cores, %s, PostgreSQL %s (%s). `signoff verify` judges every promise again from report.json.\n",
		e.Host.Cores, cell(e.Host.OS+"/"+e.Host.Arch), cell(e.Server.Version), cell(e.Server.Provider))
}

// sign is the mark of a verdict where only text can be shown.
func sign(v objective.Verdict) string {
	switch v {
	case objective.Pass:
		return "✓"
	case objective.Fail:
		return "✗"
	case objective.Inconclusive:
		return "◐"
	case objective.Unfit:
		return "⊘"
	default:
		return "◌"
	}
}

// cell makes text from the record harmless inside a Markdown table: one line,
// no column marks, no HTML, no link and no emphasis of its own.
func cell(text string) string {
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, nbsp, "\x00")), " ")
	return strings.NewReplacer(
		"\x00", nbsp, "&", "&amp;", "<", "&lt;", ">", "&gt;", `\`, `\\`, "|", `\|`, "`", "\\`",
		"*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`, "#", `\#`, "@", "@\u200b",
	).Replace(text)
}
