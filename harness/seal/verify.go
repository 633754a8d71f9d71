package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
)

// maxBundle is how large a bundle may be, in bytes.
const maxBundle = 4 << 20

var fullCommit = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// VerifyOptions is what the verifier knows from elsewhere. Nothing in it ever
// comes from the directory that is verified.
type VerifyOptions struct {
	// Key is the key that must have signed. Nil pins nothing: the signature
	// is then checked with Local or with the key stored beside the report,
	// and proves integrity only.
	Key *PublicKey
	// Local is the public half of this user's own preview key, if there is
	// one; see LocalPublicKey.
	Local *PublicKey
	// Commit is the full commit that must have been tested; empty asks for none.
	Commit string
	// Features is a directory whose feature files must be those that were
	// tested; empty asks for none.
	Features string
	// Tool is the version of the program that verifies. What people read is
	// drawn again and compared if the same version drew it; with an empty
	// Tool it is not.
	Tool string
}

// contents are the files of a run's directory, read once.
type contents struct {
	files  map[string][]byte // by name, those that could be read
	faults map[string]error  // why the others could not
	extra  []string          // entries that no signature covers
}

// Verify checks the report in dir and answers with every reason against it. It
// fails only if it cannot check at all: no such directory, no features to compare
// with, or a commit that is not a full one.
func Verify(dir string, o VerifyOptions) (Verification, error) {
	o.Commit = strings.ToLower(o.Commit)
	if o.Commit != "" && !fullCommit.MatchString(o.Commit) {
		return Verification{}, fmt.Errorf("verifying %s: commit %q is not a full one of 40 digits, and a short one proves nothing: use git rev-parse COMMIT", dir, o.Commit)
	}
	features, err := readFeatures(o.Features)
	if err != nil {
		return Verification{}, fmt.Errorf("verifying %s: %w", dir, err)
	}
	found, err := open(dir)
	if err != nil {
		return Verification{}, fmt.Errorf("verifying %s: %w", dir, err)
	}
	v := Verification{Reasons: []Reason{}, Notes: []Reason{}}
	statement := v.checkSignature(found, o)
	v.checkDigests(found, statement)
	run := v.checkReport(found, statement)
	v.checkCommit(o.Commit, run, statement)
	if run != nil {
		v.checkProgram(o.Commit, *run)
		v.checkFeatures(features, *run)
		v.checkEvidence(*run)
		v.checkOutcome(*run)
		v.checkPage(o.Tool, found, *run)
	}
	v.checkTrust(o, run)
	for _, name := range found.extra {
		v.note(FileUnsigned, name, "lies beside the report and is covered by no signature")
	}
	v.Allow = len(v.Reasons) == 0 && v.Signer != "" && v.Of > 0 && v.Recomputed == v.Of
	return v, nil
}

// open reads the files of a run that dir holds.
func open(dir string) (contents, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return contents{}, errors.New("there is no such directory: name one that signoff run made, such as out/latest")
	}
	if err != nil {
		return contents{}, reason(err)
	}
	c := contents{files: make(map[string][]byte), faults: make(map[string]error)}
	for _, name := range append(Subjects(), BundleName, SignerName) {
		limit := int64(maxFile)
		if name == BundleName || name == SignerName {
			limit = maxBundle
		}
		content, err := readFile(filepath.Join(dir, name), limit)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			c.faults[name] = errors.New("it is not there")
		case err != nil:
			c.faults[name] = reason(err)
		default:
			c.files[name] = content
		}
	}
	for _, entry := range entries {
		name := entry.Name()
		if !slices.Contains(Subjects(), name) && name != BundleName && name != SignerName {
			c.extra = append(c.extra, name)
		}
	}
	return c, nil
}

// checkSignature reads the bundle, chooses the key and checks the signature.
// It returns the statement if there is a readable one, signed well or not, so
// that the rest can be compared with it.
func (v *Verification) checkSignature(c contents, o VerifyOptions) *Statement {
	text, there := c.files[BundleName]
	if !there {
		v.deny(Unsigned, BundleName, fmt.Sprintf("%v, so nobody vouches for this report", c.faults[BundleName]))
		return nil
	}
	envelope, err := ParseBundle(text)
	if err != nil {
		v.deny(BundleUnreadable, BundleName, oneLine(err))
		return nil
	}
	v.checkSigner(c, o, envelope)
	statement, err := ParseStatement(envelope.Payload)
	if err != nil {
		v.deny(StatementUnreadable, BundleName, oneLine(err))
		return nil
	}
	return &statement
}

func (v *Verification) checkSigner(c contents, o VerifyOptions, e Envelope) {
	key := o.Key
	if key == nil && o.Local != nil && o.Local.Fingerprint() == e.KeyID {
		key = o.Local
	}
	if key == nil {
		beside, err := ParsePublicKey(c.files[SignerName])
		if err != nil {
			v.deny(KeyMissing, SignerName, fmt.Sprintf("signed by %s, and there is no key to check that with: give it with --key", e.KeyID))
			return
		}
		key = &beside
	}
	if key.Fingerprint() != e.KeyID {
		v.deny(KeyMismatch, BundleName, fmt.Sprintf("signed by %s, not by %s", e.KeyID, key.Fingerprint()))
		return
	}
	if !e.SignedBy(*key) {
		v.deny(SignatureInvalid, BundleName, fmt.Sprintf("this is not a signature of %s over this statement", e.KeyID))
		return
	}
	v.Signer = e.KeyID
}

func (v *Verification) checkDigests(c contents, s *Statement) {
	for _, name := range Subjects() {
		content, there := c.files[name]
		switch {
		case !there:
			v.deny(FileMissing, name, c.faults[name].Error())
		case s != nil && digest(content) != s.digestOf(name):
			v.deny(DigestMismatch, name, fmt.Sprintf("was changed after it was signed: SHA-256 is %s, signed was %s", digest(content), s.digestOf(name)))
		}
	}
}

// checkReport reads the report and compares it with what was stated about it.
func (v *Verification) checkReport(c contents, s *Statement) *evidence.Run {
	text, there := c.files[report.RecordFile]
	if !there {
		return nil // already denied as missing
	}
	run, err := report.Decode(text)
	if err != nil {
		v.deny(ReportUnreadable, report.RecordFile, oneLine(err))
		return nil
	}
	v.Run, v.Commit, v.Outcome = run.ID, run.Commit.SHA, run.Result.Outcome
	if s == nil {
		return &run
	}
	expected := predicateOf(run)
	if expected.Result != s.Predicate.Result {
		v.deny(ResultMismatch, "result", fmt.Sprintf("the signature states %s, the report comes to %s (%s, exit code %d)", s.Predicate.Result, expected.Result, run.Result.Outcome, run.Result.ExitCode))
	}
	expected.Result = s.Predicate.Result
	if !expected.sameAs(s.Predicate) {
		v.deny(StatementMismatch, BundleName, "the signature states another commit, other features, another selection or other objectives than the report")
	}
	return &run
}

func (v *Verification) checkCommit(wanted string, run *evidence.Run, s *Statement) {
	if wanted == "" {
		return
	}
	var (
		tested string
		dirty  bool
	)
	switch {
	case run != nil:
		tested, dirty = run.Commit.SHA, run.Commit.Dirty
	case s != nil:
		tested = s.Predicate.commit()
	default:
		return // nothing to compare, and already denied
	}
	switch {
	case tested == "":
		v.deny(CommitMismatch, "commit", fmt.Sprintf("the report names no commit, %s is asked for", wanted))
	case tested != wanted:
		v.deny(CommitMismatch, "commit", fmt.Sprintf("%s was tested, %s is asked for", tested, wanted))
	case dirty:
		v.deny(CommitDirty, "commit", "the work tree held changes that are not in "+tested)
	}
}

// checkProgram compares the commit that is asked for with the one that the
// tested program says it was built from.
func (v *Verification) checkProgram(wanted string, run evidence.Run) {
	switch p := run.Program; {
	case wanted == "":
	case p.Revision == "":
		v.note(ProgramUnstamped, "program", "the tested program does not say which commit it was built from")
	case p.Revision != wanted:
		v.deny(ProgramDiffers, "program", fmt.Sprintf("%s was built from %s, %s is asked for", p.Name, p.Revision, wanted))
	case p.Modified && !run.Commit.Dirty:
		v.deny(ProgramDiffers, "program", fmt.Sprintf("%s was built from a work tree with changes that are not in %s", p.Name, p.Revision))
	}
}

// checkTrust says what the signature is worth to somebody else.
func (v *Verification) checkTrust(o VerifyOptions, run *evidence.Run) {
	if o.Key != nil || v.Signer == "" {
		return
	}
	if o.Local != nil && o.Local.Fingerprint() == v.Signer {
		v.note(LocalKeyUsed, "signature", "local key, preview only: it proves to this user that nothing was changed, and nothing to anyone else")
	} else {
		v.note(KeyNotPinned, "signature", "key not pinned, preview only: checked with the key stored beside the report, which proves that nothing was changed and not who signed")
	}
	if run != nil && run.Profile == "release" {
		v.deny(KeyNotPinned, "signature", "a release needs to know who signed: name the signer's key with --key")
	}
}

// oneLine joins the lines of an error that holds several.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
