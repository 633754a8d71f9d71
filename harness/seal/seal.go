// Package seal signs the record of a run and checks such a signature without
// trusting who sent it. Sign digests the files of a run, states them and the
// result in an in-toto Statement, and signs that with ECDSA P-256 in a Sigstore
// bundle that stock cosign verifies. Verify takes the directory and what the
// verifier already knows (a key, a commit), checks signature, digests and
// statement, judges every objective again from the evidence, and answers with
// every reason it found.
//
// The package refuses to know how anything was measured, judged or drawn,
// where a user keeps keys, and the environment: paths and keys come in as
// values. It trusts nothing that it reads: unknown, repeated or differently
// spelt JSON names, loose base64 and second signatures are refused.
package seal

import "github.com/signoff-dev/signoff/harness/report"

// BundleName is the file that holds the signature, inside the run's directory.
const BundleName = "validation.sigstore.json"

// SignerName is the file that holds the signer's public key, inside the run's
// directory. It lets anyone check integrity; it proves nobody's identity.
const SignerName = "signer.pub"

// Subjects are the files that a signature covers, in the order of the
// statement: the record first, then what was drawn from it.
func Subjects() []string {
	return []string{report.RecordFile, report.JUnitFile, report.CucumberFile, report.SummaryFile, report.PageFile}
}
