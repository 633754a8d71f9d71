package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// lossPart compares what was acknowledged with what was found.
type lossPart struct {
	Title    string
	Says     string
	Accounts []evidence.Account
	Together *evidence.Account // nil for a single account
}

func lossOf(run evidence.Run) *lossPart {
	if len(run.Accounts) == 0 {
		return nil
	}
	var sum evidence.Account
	for _, a := range run.Accounts {
		sum.Offered += a.Offered
		sum.Refused += a.Refused
		sum.Acknowledged += a.Acknowledged
		sum.Found += a.Found
		sum.Lost += a.Lost
		sum.Duplicated += a.Duplicated
		sum.Unexpected += a.Unexpected
		sum.Wrong += a.Wrong
		sum.Indeterminate += a.Indeterminate
	}
	l := &lossPart{Title: "Nothing lost", Accounts: run.Accounts}
	l.Says = fmt.Sprintf("%s acknowledged, %s found, %s lost, %s duplicated, %s wrong",
		count(sum.Acknowledged), count(sum.Found), count(sum.Lost), count(sum.Duplicated), count(sum.Wrong))
	if sum.Lost+sum.Duplicated+sum.Unexpected+sum.Wrong > 0 {
		l.Title = "Lost and found"
	}
	if len(run.Accounts) > 1 {
		l.Together = &sum
	}
	return l
}

func machineOf(run evidence.Run) []pairOfWords {
	h := run.Environment.Host
	facts := []pairOfWords{
		{Name: "signoff, Go", Value: joined(run.Tool.Version, run.Tool.Go)},
		{Name: "Tested program", Value: run.Program.Name, Note: builtFrom(run.Program)},
		{Name: "Seed", Value: fmt.Sprint(run.Seed)},
	}
	if h.Cores > 0 {
		virtual := ""
		if h.Virtual {
			virtual = "virtual"
		}
		facts = append([]pairOfWords{
			{Name: "Processor", Value: joined(plural(h.Cores, "core", "cores"), h.Arch, virtual), Note: h.CPU},
			{Name: "Taken by the host", Value: fmt.Sprintf("%s%s%% median, %s%s%% at most", number(h.StealMedian), nbsp, number(h.StealMax), nbsp)},
			{Name: "Memory", Value: size(h.Memory)},
			{Name: "Kernel, clock", Value: joined(strings.TrimSpace(h.OS+" "+h.Kernel), h.Clock)},
			{Name: "Disk, one fsync", Value: quantity(number(h.FsyncMS), "ms") + " median"},
		}, facts...)
	}
	for _, f := range run.Facts {
		facts = append(facts, pairOfWords{Name: f.Name, Value: f.Value})
	}
	return known(facts)
}

// builtFrom says which commit a program says it was built from.
func builtFrom(p evidence.Program) string {
	switch {
	case p.Revision == "":
		return ""
	case p.Modified:
		return "built from " + p.Revision + " with changes"
	default:
		return "built from " + p.Revision
	}
}

// joined puts commas between the parts that there are.
func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

func databaseOf(run evidence.Run) []pairOfWords {
	s := run.Environment.Server
	facts := []pairOfWords{{Name: "PostgreSQL", Value: joined(s.Version, s.Provider), Note: s.Image}}
	facts = append(facts, pairOfWords{Name: "Why " + s.Provider, Value: s.Why})
	for _, name := range slices.Sorted(maps.Keys(s.Settings)) {
		facts = append(facts, pairOfWords{Name: name, Value: s.Settings[name], Code: true})
	}
	return known(facts)
}

// notRunRow is a promise about which nothing is claimed, and why.
type notRunRow struct{ Promise, ScenarioID, Why, When string }

func notRunOf(run evidence.Run) []notRunRow {
	var rows []notRunRow
	for _, f := range run.Features {
		for _, s := range f.Scenarios {
			why := s.Skipped
			if why == "" {
				why = s.Broken
			}
			names := 0
			for _, o := range s.Objectives {
				if verdictOf(o) == objective.NotRun {
					reason := why
					if reason == "" {
						reason = o.Reason
					}
					rows = append(rows, notRunRow{capital(o.Measure), s.ID, reason, runsIn(s, run.Profile)})
					names++
				}
			}
			if names == 0 && s.Skipped != "" {
				rows = append(rows, notRunRow{s.Title, s.ID, why, runsIn(s, run.Profile)})
			}
		}
	}
	return rows
}

// runsIn names the profile that a scenario is tagged for.
func runsIn(s evidence.Scenario, profile string) string {
	for _, p := range []string{"pr", "nightly", "release"} {
		if slices.Contains(s.Tags, "@"+p) {
			if p == profile {
				return "profile " + p + ", this one"
			}
			return "profile " + p
		}
	}
	return "any profile"
}

// checkPart tells a stranger how to check the report.
type checkPart struct {
	Signed  bool
	Verify  string // a command
	Cosign  string // a command
	Digests []pairOfWords
}

func checkOf(run evidence.Run, signer Signer, files []File) checkPart {
	c := checkPart{Signed: signer.KeyID != "", Verify: "signoff verify"}
	if run.Commit.SHA != "" {
		c.Verify += " --commit " + run.Commit.SHA
	}
	if c.Signed && !signer.Local {
		c.Verify += " --key signer.pub"
	}
	if c.Verify += " out/latest"; run.ID != "" {
		c.Verify = strings.TrimSuffix(c.Verify, "latest") + run.ID
	}
	c.Cosign = "cosign verify-blob-attestation --key signer.pub --insecure-ignore-tlog \\\n" +
		"    --type https://in-toto.io/attestation/test-result/v0.1 \\\n" +
		"    --bundle validation.sigstore.json " + RecordFile
	for _, f := range files {
		c.Digests = append(c.Digests, pairOfWords{Name: f.Name, Value: f.Digest(), Mono: true})
	}
	for _, f := range run.Features {
		if f.SHA256 != "" {
			c.Digests = append(c.Digests, pairOfWords{Name: base(f.URI), Value: f.SHA256, Mono: true})
		}
	}
	if p := run.Program; p.SHA256 != "" {
		c.Digests = append(c.Digests, pairOfWords{Name: p.Name, Value: p.SHA256, Mono: true})
	}
	if d := run.Environment.Server.ImageDigest; d != "" {
		c.Digests = append(c.Digests, pairOfWords{Name: "Container image", Value: strings.TrimPrefix(d, "sha256:"), Mono: true})
	}
	if signer.KeyID != "" {
		c.Digests = append(c.Digests, pairOfWords{Name: "Signing key", Value: signer.KeyID, Mono: true})
	}
	return c
}
