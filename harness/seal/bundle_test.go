package seal_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
	"github.com/signoff-dev/signoff/harness/seal"
)

func TestTheTextThatIsSigned(t *testing.T) {
	// The example of the DSSE protocol, and one with an empty payload.
	require.Equal(t, "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
		string(seal.PreAuthentication("http://example.com/HelloWorld", []byte("hello world"))))
	require.Equal(t, "DSSEv1 0  0 ", string(seal.PreAuthentication("", nil)))
}

func TestABundleHasTheLayoutOfSigstore(t *testing.T) {
	key := newKey(t)
	e, err := seal.SealPayload([]byte(`{"hello":"world"}`), key)
	require.NoError(t, err)
	text, err := e.Bundle()
	require.NoError(t, err)

	var b map[string]any
	require.NoError(t, json.Unmarshal(text, &b))
	sig := base64.StdEncoding.EncodeToString(e.Signature)
	require.Equal(t, map[string]any{
		"mediaType":            "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": map[string]any{"publicKey": map[string]any{"hint": key.Fingerprint()}},
		"dsseEnvelope": map[string]any{
			"payload":     "eyJoZWxsbyI6IndvcmxkIn0=",
			"payloadType": "application/vnd.in-toto+json",
			"signatures":  []any{map[string]any{"keyid": key.Fingerprint(), "sig": sig}},
		},
	}, b)

	again, err := seal.ParseBundle(text)
	require.NoError(t, err)
	require.Equal(t, e, again)
	require.True(t, again.SignedBy(key.Public()))
	require.False(t, again.SignedBy(newKey(t).Public()))
	again.Payload = []byte(`{"hello":"World"}`)
	require.False(t, again.SignedBy(key.Public()))
}

func TestOpenSSLAcceptsTheSignature(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("there is no openssl on this machine")
	}
	key, dir := newKey(t), t.TempDir()
	_, public, err := key.Save(filepath.Join(dir, "ci"))
	require.NoError(t, err)
	e, err := seal.SealPayload([]byte("{}"), key)
	require.NoError(t, err)
	message, sig := filepath.Join(dir, "message"), filepath.Join(dir, "sig")
	require.NoError(t, os.WriteFile(message, seal.PreAuthentication(seal.PayloadType, e.Payload), 0o600))
	require.NoError(t, os.WriteFile(sig, e.Signature, 0o600))
	said, err := exec.Command(openssl, "dgst", "-sha256", "-verify", public, "-signature", sig, message).CombinedOutput()
	require.NoError(t, err, "%s", said)
}

// bundleWith is a sound bundle in which one text was replaced.
func bundleWith(t testing.TB, was, is string) []byte {
	t.Helper()
	key, err := seal.GenerateKey()
	require.NoError(t, err)
	e, err := seal.SealPayload([]byte(`{"a":1}`), key)
	require.NoError(t, err)
	text, err := e.Bundle()
	require.NoError(t, err)
	if was == "" {
		return text
	}
	require.Contains(t, string(text), was)
	return []byte(strings.Replace(string(text), was, is, 1))
}

func TestABundleIsReadStrictly(t *testing.T) {
	const payload = `"eyJhIjoxfQ=="`
	tests := map[string]struct{ was, is, says string }{
		"another version":          {"v0.3+json", "v0.2+json", "mediaType is"},
		"another payload type":     {"vnd.in-toto+json", "vnd.other+json", "payloadType is"},
		"payload type in caps":     {"vnd.in-toto+json", "vnd.In-Toto+json", "payloadType is"},
		"an unknown member":        {`"mediaType"`, `"tlog": 1, "mediaType"`, "unknown"},
		"a member twice":           {`"payload":`, `"payload": "", "payload":`, "duplicate"},
		"a member in another case": {`"payloadType"`, `"PayloadType"`, "PayloadType"},
		"no signature":             {`"signatures": [`, `"signatures": [], "x": [`, "x"},
		"signatures are null":      {`"signatures"`, `"signatures": null, "signatures"`, "duplicate"},
		"url-safe base64":          {payload, `"e_8-"`, "payload: reading base64"},
		"base64 without padding":   {payload, `"eyJhIjoxfQ"`, "payload: reading base64"},
		"base64 with spare bits":   {payload, `"eyJhIjoxfR=="`, "payload: reading base64"},
		"base64 with a line break": {payload, `"eyJh\nIjoxfQ=="`, "payload: reading base64: it has line breaks or spare bits"},
		"another key id":           {`"keyid": "SHA256:`, `"keyid": "SHA256:x`, "are not one key"},
		"the hint is not a text":   {`"hint": "`, `"hint": 1, "x": "`, "hint"},
		"it is a list":             {"{", "[{", "array"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := bundleWith(t, test.was, test.is)
			_, err := seal.ParseBundle(text)
			require.ErrorContains(t, err, test.says)
		})
	}
	_, err := seal.ParseBundle(bundleWith(t, "", ""))
	require.NoError(t, err)
	_, err = seal.ParseBundle(append(bundleWith(t, "", ""), "{}"...))
	require.ErrorContains(t, err, "after top-level value")
}

func TestExactlyOneSignatureCounts(t *testing.T) {
	text := string(bundleWith(t, "", ""))
	start := strings.Index(text, `"signatures": [`) + len(`"signatures": [`)
	end := strings.LastIndex(text, "]")
	for _, list := range []string{"", text[start:end] + "," + text[start:end]} {
		_, err := seal.ParseBundle([]byte(text[:start] + list + text[end:]))
		require.ErrorContains(t, err, "signatures, not one")
	}
}

func TestAStatementIsReadStrictly(t *testing.T) {
	dir, _ := signed(t, newKey(t))
	text, err := os.ReadFile(filepath.Join(dir, seal.BundleName))
	require.NoError(t, err)
	e, err := seal.ParseBundle(text)
	require.NoError(t, err)
	s, err := seal.ParseStatement(e.Payload)
	require.NoError(t, err)
	require.Len(t, s.Subject, 5)
	require.Equal(t, report.RecordFile, s.Subject[0].Name)

	tests := map[string]struct{ was, is, says string }{
		"a hidden second result": {`"result":"PASSED"`, `"result":"FAILED","Result":"PASSED"`, "Result"},
		"the result twice":       {`"result":"PASSED"`, `"result":"FAILED","result":"PASSED"`, "duplicate"},
		"an unknown result":      {`"result":"PASSED"`, `"result":"passed"`, "predicate.result is"},
		"no result":              {`"result":"PASSED",`, ``, "predicate.result is"},
		"another statement type": {`Statement/v1`, `Statement/v0.1`, "_type is"},
		"another predicate type": {`test-result/v0.1`, `test-result/v0.2`, "predicateType is"},
		"a foreign subject":      {`"name":"junit.xml"`, `"name":"../junit.xml"`, `subject "../junit.xml" is not a file of a run`},
		"a subject is missing":   {`"name":"junit.xml"`, `"name":"report.json"`, `subject "junit.xml" is missing`},
		"a subject twice":        {`"name":"junit.xml"`, `"name":"report.json"`, `subject "report.json" stands twice`},
		"a weaker digest":        {`"sha256":`, `"sha1":`, "has no single SHA-256 digest"},
		"a second digest":        {`"sha256":`, `"md5":"00","sha256":`, "has no single SHA-256 digest"},
		"an unknown member":      {`"_type"`, `"note":1,"_type"`, "note"},
		"no text at all":         {string(e.Payload), "", "reading JSON strictly"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(e.Payload), test.was)
			_, err := seal.ParseStatement([]byte(strings.Replace(string(e.Payload), test.was, test.is, 1)))
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestWhatAStatementSaysAboutARun(t *testing.T) {
	tests := map[string]struct {
		change func(*evidence.Run)
		result string
	}{
		"passed":                {func(*evidence.Run) {}, seal.ResultPassed},
		"a fail":                {func(r *evidence.Run) { scenarioOf(r).Measures[0].Share.Hits = 1 }, seal.ResultFailed},
		"open, let through":     {func(r *evidence.Run) { scenarioOf(r).Measures[0].Share.Of = 0 }, seal.ResultWarned},
		"open, not let through": {func(r *evidence.Run) { r.Profile = "nightly"; scenarioOf(r).Measures[0].Share.Of = 0 }, seal.ResultFailed},
		"broken":                {func(r *evidence.Run) { scenarioOf(r).Broken = "power cut" }, seal.ResultFailed},
		"nothing judged":        {func(r *evidence.Run) { r.Features = nil }, seal.ResultFailed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run := record()
			test.change(&run)
			require.NoError(t, evidence.Judge(&run))
			require.Equal(t, test.result, seal.PredicateOf(run).Result)
		})
	}
	run := record()
	run.Commit.Dirty = true
	require.NoError(t, evidence.Judge(&run))
	p := seal.PredicateOf(run)
	require.Equal(t, []string{"SLO-INGEST-01: inserts lost exactly 0", "SLO-INGEST-01: worst lag at most 250 ms"}, p.PassedTests)
	require.Equal(t, []string{"SLO-INGEST-01: worst lag should be at most 10 ms"}, p.WarnedTests)
	require.Empty(t, p.FailedTests)
	require.Equal(t, []seal.Resource{
		{Name: "source", Digest: map[string]string{"gitCommit": testedCommit}, Annotations: map[string]string{"workTree": "changed since the commit"}},
		{Name: "features/ingest.feature", Digest: map[string]string{"sha256": "ab34"}},
		{Name: "selection", Annotations: map[string]string{"profile": "pr"}},
	}, p.Configuration)
	require.Equal(t, seal.ResultFailed, seal.PredicateOf(evidence.Run{}).Result, "an empty record has passed nothing")
}
