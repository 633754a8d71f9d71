package seal

// Code names a reason. Codes are stable: scripts may branch on them.
type Code string

// What denies a report.
const (
	// Unsigned: there is no bundle.
	Unsigned Code = "unsigned"
	// BundleUnreadable: the bundle is cut short, or not strictly a Sigstore
	// bundle v0.3 with one signature.
	BundleUnreadable Code = "bundle-unreadable"
	// StatementUnreadable: the signed payload is not strictly a statement
	// about a test run.
	StatementUnreadable Code = "statement-unreadable"
	// KeyMismatch: the bundle names another key than the verifier's.
	KeyMismatch Code = "key-mismatch"
	// KeyMissing: no key was given and none was found to check with.
	KeyMissing Code = "key-missing"
	// SignatureInvalid: the signature is not that key's signature of this
	// payload.
	SignatureInvalid Code = "signature-invalid"
	// DigestMismatch: a file is not the one that was signed.
	DigestMismatch Code = "digest-mismatch"
	// FileMissing: a signed file is not there, or cannot be read.
	FileMissing Code = "file-missing"
	// ReportUnreadable: report.json is not strictly a report.
	ReportUnreadable Code = "report-unreadable"
	// CommitMismatch: another commit was tested than the verifier asks for.
	CommitMismatch Code = "commit-mismatch"
	// CommitDirty: the verifier asks for a commit, and the tested work tree
	// held changes that are in no commit.
	CommitDirty Code = "commit-dirty"
	// ResultMismatch: the signed result is not the result of the report.
	ResultMismatch Code = "result-mismatch"
	// StatementMismatch: the statement says something else about the run
	// than the report does: its commit, its features or its objectives.
	StatementMismatch Code = "statement-mismatch"
	// NotJudgeable: the evidence cannot be judged again at all.
	NotJudgeable Code = "not-judgeable"
	// VerdictDiffers: the evidence gives another verdict, figure, count or
	// outcome than the report states.
	VerdictDiffers Code = "verdict-differs"
	// ObjectiveFailed: a gating objective failed.
	ObjectiveFailed Code = "objective-failed"
	// ObjectiveOpen: a gating objective is inconclusive or unfit, or was left
	// out, in a profile that does not let this through.
	ObjectiveOpen Code = "objective-open"
	// RunBroken: a scenario could not be carried out or did not measure what
	// it promises, or a self-test noticed nothing.
	RunBroken Code = "run-broken"
	// NothingJudged: no gating objective passed or failed.
	NothingJudged Code = "nothing-judged"
	// PageDiffers: what people read is not what this version of the program
	// draws from the record.
	PageDiffers Code = "page-differs"
	// FeaturesDiffer: other features were tested than the verifier has.
	FeaturesDiffer Code = "features-differ"
	// ProgramDiffers: the verifier asks for a commit, and the tested program
	// was built from another one or from a changed work tree.
	ProgramDiffers Code = "program-differs"
)

// What is worth knowing. KeyNotPinned denies a run of profile release, where
// who signed matters as much as what; elsewhere it is a note, as the others are.
const (
	// KeyNotPinned: the verifier named no key, so the signature proves that
	// the files are unchanged and not who signed them.
	KeyNotPinned Code = "key-not-pinned"
	// LocalKeyUsed: signed with the key that this user's machine made on
	// first use.
	LocalKeyUsed Code = "local-key"
	// LeftOpen: something stayed open and the profile lets it through.
	LeftOpen Code = "left-open"
	// LeftOut: objectives were not meant to run.
	LeftOut Code = "left-out"
	// Narrowed: the run was asked for a part of its profile.
	Narrowed Code = "narrowed"
	// Compared: the run compared the tested program with that of another
	// version, and did nothing else.
	Compared Code = "compared"
	// SameProgram: the two programs that the run compared are one and the same.
	SameProgram Code = "same-program"
	// NotRedrawn: the page was drawn by another version of the program, so
	// that it was not compared with the record.
	NotRedrawn Code = "not-redrawn"
	// ProgramUnstamped: the tested program does not say which commit it was
	// built from.
	ProgramUnstamped Code = "program-unstamped"
	// FileUnsigned: a file lies in the directory that no signature covers.
	FileUnsigned Code = "file-unsigned"
)

// Reason is one finding: a stable code, the file, scenario or part it is
// about, and one sentence for people.
type Reason struct {
	Code   Code   `json:"code"`
	Where  string `json:"where"`
	Detail string `json:"detail"`
}

// Verification is the answer of Verify.
type Verification struct {
	// Allow says that nothing denies the report: signature, digests,
	// statement, commit and every verdict hold, and the run itself passed.
	Allow bool `json:"allow"`
	// Reasons deny, all of them. They are empty exactly if Allow is true.
	Reasons []Reason `json:"reasons"`
	// Notes are worth knowing and deny nothing.
	Notes []Reason `json:"notes"`

	Run     string `json:"run,omitempty"`     // id of the run
	Commit  string `json:"commit,omitempty"`  // tested commit
	Outcome string `json:"outcome,omitempty"` // PASSED, WARNED, FAILED, BROKEN
	// Signer is the fingerprint of the key whose signature was found good.
	Signer string `json:"signer,omitempty"`
	// Recomputed of Of verdicts came out equal, with all their figures.
	Recomputed int `json:"recomputed"`
	Of         int `json:"of"`
}

func (v *Verification) deny(code Code, where, detail string) {
	v.Reasons = append(v.Reasons, Reason{code, where, detail})
}

func (v *Verification) note(code Code, where, detail string) {
	v.Notes = append(v.Notes, Reason{code, where, detail})
}
