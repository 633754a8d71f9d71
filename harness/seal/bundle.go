package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// The types of a Sigstore bundle around a DSSE envelope. Sources:
// https://github.com/sigstore/protobuf-specs (bundle v0.3) and
// https://github.com/secure-systems-lab/dsse
const (
	BundleType  = "application/vnd.dev.sigstore.bundle.v0.3+json"
	PayloadType = "application/vnd.in-toto+json"
)

// Envelope is a signed payload: what was signed, by which key, and the
// signature of the payload's pre-authentication encoding.
type Envelope struct {
	KeyID     string // SSH fingerprint of the key, as claimed
	Payload   []byte
	Signature []byte // ECDSA in ASN.1 DER
}

// bundle is the JSON of a Sigstore bundle with a public-key hint, and no more.
type bundle struct {
	MediaType            string   `json:"mediaType"`
	VerificationMaterial material `json:"verificationMaterial"`
	Envelope             dsse     `json:"dsseEnvelope"`
}

type material struct {
	PublicKey hint `json:"publicKey"`
}

type hint struct {
	Hint string `json:"hint"`
}

type dsse struct {
	Payload     string      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// preAuthentication is the DSSE encoding that is signed instead of the
// payload, so that the type cannot be swapped under a signature.
func preAuthentication(payloadType string, payload []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "DSSEv1 %d %s %d ", len(payloadType), payloadType, len(payload))
	b.Write(payload)
	return b.Bytes()
}

// seal signs payload with key.
func seal(payload []byte, key Key) (Envelope, error) {
	sig, err := key.sign(preAuthentication(PayloadType, payload))
	if err != nil {
		return Envelope{}, fmt.Errorf("signing: %w", err)
	}
	return Envelope{KeyID: key.Fingerprint(), Payload: payload, Signature: sig}, nil
}

// SignedBy reports whether the envelope was signed with key.
func (e Envelope) SignedBy(key PublicKey) bool {
	return key.verifies(preAuthentication(PayloadType, e.Payload), e.Signature)
}

// Bundle is e as the JSON of a Sigstore bundle v0.3.
func (e Envelope) Bundle() ([]byte, error) {
	text, err := json.MarshalIndent(bundle{
		MediaType:            BundleType,
		VerificationMaterial: material{hint{e.KeyID}},
		Envelope: dsse{
			Payload:     base64.StdEncoding.EncodeToString(e.Payload),
			PayloadType: PayloadType,
			Signatures: []signature{{
				KeyID: e.KeyID,
				Sig:   base64.StdEncoding.EncodeToString(e.Signature),
			}},
		},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding a bundle: %w", err)
	}
	return append(text, '\n'), nil
}

// ParseBundle reads a Sigstore bundle strictly: version 0.3 with a public-key
// hint and a DSSE envelope with exactly one signature by the same key id. It
// checks the form only; SignedBy checks the signature.
func ParseBundle(text []byte) (Envelope, error) {
	var b bundle
	if err := decode(text, &b); err != nil {
		return Envelope{}, err
	}
	var problems []error
	if b.MediaType != BundleType {
		problems = append(problems, fmt.Errorf("mediaType is %q, not %q", b.MediaType, BundleType))
	}
	if b.Envelope.PayloadType != PayloadType {
		problems = append(problems, fmt.Errorf("payloadType is %q, not %q", b.Envelope.PayloadType, PayloadType))
	}
	payload, err := decodeBase64(b.Envelope.Payload)
	if err != nil {
		problems = append(problems, fmt.Errorf("payload: %w", err))
	}
	if n := len(b.Envelope.Signatures); n != 1 {
		problems = append(problems, fmt.Errorf("it has %d signatures, not one", n))
		return Envelope{}, errors.Join(problems...)
	}
	sig := b.Envelope.Signatures[0]
	content, err := decodeBase64(sig.Sig)
	if err != nil {
		problems = append(problems, fmt.Errorf("sig: %w", err))
	}
	if sig.KeyID == "" || sig.KeyID != b.VerificationMaterial.PublicKey.Hint {
		problems = append(problems, fmt.Errorf("keyid %q and hint %q are not one key", sig.KeyID, b.VerificationMaterial.PublicKey.Hint))
	}
	if err := errors.Join(problems...); err != nil {
		return Envelope{}, err
	}
	return Envelope{KeyID: sig.KeyID, Payload: payload, Signature: content}, nil
}
