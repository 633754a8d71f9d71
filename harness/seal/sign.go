package seal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/report"
)

// maxFile is how large a file of a run may be, in bytes.
const maxFile = 256 << 20

// Sign signs the report of run that lies in dir. It writes the bundle and the
// signer's public key, each in one step. It refuses to sign what would not
// verify: a report of another run, a missing file, a verdict that the evidence
// does not give.
func Sign(dir string, run evidence.Run, key Key) error {
	if !key.Usable() {
		return errors.New("signing: there is no key: " + wayOut)
	}
	text, err := readFile(filepath.Join(dir, report.RecordFile), maxFile)
	if err != nil {
		return fmt.Errorf("signing %s: reading %s: %w", dir, report.RecordFile, reason(err))
	}
	recorded, err := report.Decode(text)
	if err != nil {
		return fmt.Errorf("signing %s: %w", dir, err)
	}
	if recorded.ID != run.ID {
		return fmt.Errorf("signing %s: it holds the report of run %q, not of %q", dir, recorded.ID, run.ID)
	}
	differences, err := evidence.Rejudge(recorded)
	if err != nil {
		return fmt.Errorf("signing %s: judging again: %w", dir, err)
	}
	if len(differences) > 0 {
		d := differences[0]
		return fmt.Errorf("signing %s: %s of %s is recorded as %s and judged again as %s", dir, d.Field, place(d), d.Stored, d.Computed)
	}
	return signFiles(dir, predicateOf(recorded), key)
}

// signFiles states the digests of the files in dir and the predicate, and
// signs both.
func signFiles(dir string, predicate Predicate, key Key) error {
	statement := Statement{Type: StatementType, PredicateType: PredicateType, Predicate: predicate}
	for _, name := range Subjects() {
		content, err := readFile(filepath.Join(dir, name), maxFile)
		if err != nil {
			return fmt.Errorf("signing %s: reading %s: %w", dir, name, reason(err))
		}
		statement.Subject = append(statement.Subject, Resource{Name: name, Digest: map[string]string{"sha256": digest(content)}})
	}
	payload, err := json.Marshal(statement)
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	if _, err := ParseStatement(payload); err != nil {
		return fmt.Errorf("signing: the statement would not be accepted: %w", err)
	}
	envelope, err := seal(payload, key)
	if err != nil {
		return err
	}
	text, err := envelope.Bundle()
	if err != nil {
		return err
	}
	public, err := key.Public().PEM()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, SignerName), public, 0o644); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, BundleName), text, 0o644)
}

// digest is the SHA-256 of content in hexadecimal.
func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
