package seal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/objective"
	"github.com/signoff-dev/signoff/harness/seal"
)

func TestASignatureOfSomethingElseIsDenied(t *testing.T) {
	key, stranger := newKey(t), newKey(t)
	tests := map[string]func(e *seal.Envelope){
		"the payload says something else": func(e *seal.Envelope) {
			e.Payload = bytes.Replace(e.Payload, []byte("at most 250 ms"), []byte("at most 350 ms"), 1)
		},
		"a stranger signed and claims our key": func(e *seal.Envelope) {
			forged, err := seal.SealPayload(e.Payload, stranger)
			require.NoError(t, err)
			e.Signature = forged.Signature
		},
		"the signature is empty": func(e *seal.Envelope) { e.Signature = []byte{} },
	}
	for name, forge := range tests {
		t.Run(name, func(t *testing.T) {
			dir, _ := signed(t, key)
			edit(t, dir, seal.BundleName, func(text []byte) []byte {
				e, err := seal.ParseBundle(text)
				require.NoError(t, err)
				forge(&e)
				text, err = e.Bundle()
				require.NoError(t, err)
				return text
			})
			for _, o := range []seal.VerifyOptions{pinned(key), {}} {
				v := verify(t, dir, o)
				require.Equal(t, seal.SignatureInvalid, v.Reasons[0].Code, "%v", v.Reasons)
				require.Empty(t, v.Signer)
			}
		})
	}
}

func TestAForgedReportIsDenied(t *testing.T) {
	key, stranger := newKey(t), newKey(t)
	sample := func(r *evidence.Run) { scenarioOf(r).Measures[1].Amount.Value = 12 }
	tests := map[string]struct {
		forge  func(*evidence.Run)
		signer seal.Key
		codes  []seal.Code
	}{
		"a sample changed and signed with another key": {sample, stranger,
			[]seal.Code{seal.KeyMismatch, seal.VerdictDiffers}},
		"a sample changed and signed with the same key": {sample, key,
			[]seal.Code{seal.VerdictDiffers}},
		"a fail called a pass": {func(r *evidence.Run) {
			scenarioOf(r).Measures[0].Share.Hits = 3
		}, key, []seal.Code{seal.VerdictDiffers}},
		"a result without its verdicts": {func(r *evidence.Run) {
			r.Result.Counts = nil
		}, key, []seal.Code{seal.VerdictDiffers}},
		"an easier target than the text's": {func(r *evidence.Run) {
			scenarioOf(r).Objectives[0].Target = "at most 100"
		}, key, []seal.Code{seal.NotJudgeable}},
		"a failing scenario called skipped": {func(r *evidence.Run) {
			s := scenarioOf(r)
			s.Skipped, s.Steps, s.Measures = "runs in profile release", nil, nil
		}, key, []seal.Code{seal.NotJudgeable, seal.NothingJudged}},
		"a run without a step": {func(r *evidence.Run) {
			scenarioOf(r).Steps = nil
		}, key, []seal.Code{seal.NotJudgeable}},
		"an account of its own": {func(r *evidence.Run) {
			r.Accounts = []evidence.Account{{Scenario: "SLO-INGEST-01", Acknowledged: 12000}}
		}, key, []seal.Code{seal.NotJudgeable}},
		"a measure taken out and called open": {func(r *evidence.Run) {
			s := scenarioOf(r)
			s.Measures = s.Measures[:1]
			s.Objectives[1].Judgement = objective.Judgement{Verdict: objective.NotRun}
			r.Result.Outcome = evidence.Warned
		}, key, []seal.Code{seal.VerdictDiffers, seal.RunBroken}},
		"a target nobody can read": {func(r *evidence.Run) {
			scenarioOf(r).Objectives[0].Target = "splendid"
		}, key, []seal.Code{seal.NotJudgeable}},
		"a broken scenario called passed": {func(r *evidence.Run) {
			scenarioOf(r).Broken = "connection refused"
		}, key, []seal.Code{seal.VerdictDiffers, seal.RunBroken}},
		"nothing judged and called passed": {func(r *evidence.Run) {
			r.Features = nil
			r.Result.Counts = nil
		}, key, []seal.Code{seal.VerdictDiffers, seal.NothingJudged}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run := record()
			require.NoError(t, evidence.Judge(&run))
			require.Equal(t, evidence.Passed, run.Result.Outcome)
			test.forge(&run)
			dir := written(t, run)
			require.Error(t, seal.Sign(dir, run, test.signer), "an honest signer refuses")
			require.NoFileExists(t, filepath.Join(dir, seal.BundleName))

			require.NoError(t, seal.SignAsForger(dir, run, test.signer))
			v := verify(t, dir, pinned(key))
			require.False(t, v.Allow)
			require.Equal(t, test.codes, slices.Compact(codes(v.Reasons)), "%v", v.Reasons)
		})
	}
}

func TestTheStatementMustFitTheReport(t *testing.T) {
	key := newKey(t)
	tests := map[string]struct {
		change func(*seal.Predicate)
		codes  []seal.Code
	}{
		"another result":    {func(p *seal.Predicate) { p.Result = seal.ResultFailed }, []seal.Code{seal.ResultMismatch}},
		"another commit":    {func(p *seal.Predicate) { p.Configuration[0].Digest["gitCommit"] = otherCommit }, []seal.Code{seal.StatementMismatch}},
		"another feature":   {func(p *seal.Predicate) { p.Configuration[1].Digest["sha256"] = "00" }, []seal.Code{seal.StatementMismatch}},
		"a test too many":   {func(p *seal.Predicate) { p.PassedTests = append(p.PassedTests, "SLO-NEVER-01") }, []seal.Code{seal.StatementMismatch}},
		"a wish left out":   {func(p *seal.Predicate) { p.WarnedTests = nil }, []seal.Code{seal.StatementMismatch}},
		"an unknown result": {func(p *seal.Predicate) { p.Result = "SPLENDID" }, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir, run := signed(t, key)
			p := seal.PredicateOf(run)
			test.change(&p)
			err := seal.SignPredicate(dir, p, key)
			if test.codes == nil {
				require.ErrorContains(t, err, `predicate.result is "SPLENDID"`)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.codes, codes(verify(t, dir, pinned(key)).Reasons))
		})
	}
}

func TestABundleOfAnotherRunIsDenied(t *testing.T) {
	key := newKey(t)
	dir, _ := signed(t, key)
	other, _ := signed(t, key, func(r *evidence.Run) {
		r.ID = "20261123T020000Z-9f3c2ab"
		scenarioOf(r).Measures[1] = measure.Value{Name: "worst lag", Unit: "ms", Amount: &measure.Amount{Value: 4, Of: 5000}}
	})
	text, err := os.ReadFile(filepath.Join(other, seal.BundleName))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, seal.BundleName), text, 0o644))
	v := verify(t, dir, pinned(key))
	require.False(t, v.Allow)
	require.Contains(t, codes(v.Reasons), seal.DigestMismatch)
	require.Len(t, v.Reasons, len(seal.Subjects())+1, "every file differs, and so does what was stated: %v", v.Reasons)
}
