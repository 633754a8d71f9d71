package seal

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/crypto/ssh"
)

// wayOut ends every error about a key that cannot be used.
const wayOut = "make one with: signoff keygen --out PREFIX"

// maxKeyFile is far above the 250 bytes of a P-256 key.
const maxKeyFile = 64 << 10

// Key is an ECDSA P-256 private key. The zero value signs nothing.
type Key struct {
	private *ecdsa.PrivateKey
}

// PublicKey is an ECDSA P-256 public key. The zero value verifies nothing.
type PublicKey struct {
	public *ecdsa.PublicKey
}

// GenerateKey makes a new key.
func GenerateKey() (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("making a key: %w", err)
	}
	return Key{private}, nil
}

// Usable reports whether k can sign.
func (k Key) Usable() bool { return k.private != nil }

// Public is the half that may be shown to anyone.
func (k Key) Public() PublicKey {
	if k.private == nil {
		return PublicKey{}
	}
	return PublicKey{&k.private.PublicKey}
}

// Fingerprint is the SSH fingerprint of the public half, such as "SHA256:IZdP…".
func (k Key) Fingerprint() string { return k.Public().Fingerprint() }

// Fingerprint is the SSH fingerprint of p, such as "SHA256:IZdP…": what
// ssh-keygen -lf prints for the same key.
func (p PublicKey) Fingerprint() string {
	if p.public == nil {
		return ""
	}
	wire, err := ssh.NewPublicKey(p.public)
	if err != nil {
		return ""
	}
	return ssh.FingerprintSHA256(wire)
}

// Equal reports whether p and other are the same key.
func (p PublicKey) Equal(other PublicKey) bool {
	return p.public != nil && other.public != nil && p.public.Equal(other.public)
}

// sign signs message with ECDSA over SHA-256, in ASN.1 DER.
func (k Key) sign(message []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errors.New("there is no key to sign with: " + wayOut)
	}
	digest := sha256.Sum256(message)
	return k.private.Sign(rand.Reader, digest[:], crypto.SHA256)
}

// verifies reports whether signature is p's signature of message.
func (p PublicKey) verifies(message, signature []byte) bool {
	digest := sha256.Sum256(message)
	return p.public != nil && ecdsa.VerifyASN1(p.public, digest[:], signature)
}

// PEM is k in PKCS #8, unencrypted: keep it to yourself.
func (k Key) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("encoding a private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// PEM is p in PKIX, the form that cosign and openssl read.
func (p PublicKey) PEM() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(p.public)
	if err != nil {
		return nil, fmt.Errorf("encoding a public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// LoadKey reads a private key that nobody but its owner may read.
func LoadKey(path string) (Key, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Key{}, fmt.Errorf("reading key %s: there is no such file: %s", path, wayOut)
	}
	if err != nil {
		return Key{}, fmt.Errorf("reading key %s: %w", path, reason(err))
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("reading key %s: others may read it too (mode %04o): run chmod 600 on it, or if anyone else could have copied it, %s", path, info.Mode().Perm(), wayOut)
	}
	text, err := readFile(path, maxKeyFile)
	if err != nil {
		return Key{}, fmt.Errorf("reading key %s: %w", path, reason(err))
	}
	key, err := ParseKey(text)
	if err != nil {
		return Key{}, fmt.Errorf("reading key %s: %w", path, err)
	}
	return key, nil
}

// LoadPublicKey reads a public key.
func LoadPublicKey(path string) (PublicKey, error) {
	text, err := readFile(path, maxKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return PublicKey{}, fmt.Errorf("reading public key %s: there is no such file: ask the signer for the .pub file that signoff keygen made", path)
	}
	if err != nil {
		return PublicKey{}, fmt.Errorf("reading public key %s: %w", path, reason(err))
	}
	key, err := ParsePublicKey(text)
	if err != nil {
		return PublicKey{}, fmt.Errorf("reading public key %s: %w", path, err)
	}
	return key, nil
}
