package seal

import "github.com/signoff-dev/signoff/harness/evidence"

// SignAsForger signs whatever lies in dir with a statement that fits run, as
// somebody would who holds the key and does not care what the evidence says.
func SignAsForger(dir string, run evidence.Run, key Key) error {
	return signFiles(dir, predicateOf(run), key)
}

// SignPredicate signs the files in dir with a predicate of the caller's.
func SignPredicate(dir string, p Predicate, key Key) error { return signFiles(dir, p, key) }

// PredicateOf is what an honest statement says about run.
func PredicateOf(run evidence.Run) Predicate { return predicateOf(run) }

// SealPayload signs any payload.
func SealPayload(payload []byte, key Key) (Envelope, error) { return seal(payload, key) }

// PreAuthentication is the text that is signed.
func PreAuthentication(payloadType string, payload []byte) []byte {
	return preAuthentication(payloadType, payload)
}
