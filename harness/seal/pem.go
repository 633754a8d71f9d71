package seal

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ParseKey reads the text of a private key file: exactly one PEM block, PKCS #8,
// unencrypted, ECDSA P-256. Every other kind of key is refused by its name.
func ParseKey(text []byte) (Key, error) {
	block, err := onlyBlock(text)
	if err != nil {
		return Key{}, err
	}
	switch block.Type {
	case "PRIVATE KEY":
	case "ENCRYPTED PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY":
		return Key{}, errors.New("it is encrypted, and a run cannot ask for a password: " + wayOut)
	case "EC PRIVATE KEY":
		return Key{}, errors.New("it is in the older SEC 1 form: convert it with openssl pkcs8 -topk8 -nocrypt, or " + wayOut)
	case "PUBLIC KEY":
		return Key{}, errors.New("it is a public key, and signing needs the private one: " + wayOut)
	default:
		return Key{}, fmt.Errorf("it holds a %q, not a PKCS #8 \"PRIVATE KEY\": %s", block.Type, wayOut)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return Key{}, fmt.Errorf("it is not a readable PKCS #8 key: %s", wayOut)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return Key{}, fmt.Errorf("it is %s, and only ECDSA P-256 signs here: %s", kind(parsed), wayOut)
	}
	if private.Curve != elliptic.P256() {
		return Key{}, fmt.Errorf("it is ECDSA %s, and only ECDSA P-256 signs here: %s", private.Curve.Params().Name, wayOut)
	}
	return Key{private}, nil
}

// ParsePublicKey reads the text of a public key file: exactly one PEM block,
// PKIX, ECDSA P-256.
func ParsePublicKey(text []byte) (PublicKey, error) {
	block, err := onlyBlock(text)
	if err != nil {
		return PublicKey{}, err
	}
	switch block.Type {
	case "PUBLIC KEY":
	case "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return PublicKey{}, errors.New("it is a private key; verifying takes the public one, and the private one should never travel")
	default:
		return PublicKey{}, fmt.Errorf("it holds a %q, not a PKIX \"PUBLIC KEY\"", block.Type)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return PublicKey{}, errors.New("it is not a readable PKIX key")
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return PublicKey{}, fmt.Errorf("it is %s, and signatures here are ECDSA P-256", kind(parsed))
	}
	if public.Curve != elliptic.P256() {
		return PublicKey{}, fmt.Errorf("it is ECDSA %s, and signatures here are ECDSA P-256", public.Curve.Params().Name)
	}
	return PublicKey{public}, nil
}

// onlyBlock returns the one PEM block that text consists of.
func onlyBlock(text []byte) (*pem.Block, error) {
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it is not a PEM file (-----BEGIN …)")
	}
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("-----BEGIN ")) || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("it holds more than one PEM block, so it is unclear which is meant")
	}
	if len(block.Headers) > 0 {
		return nil, errors.New("its PEM block has headers, as older encrypted keys do: " + wayOut)
	}
	return block, nil
}

// kind names the type of a key for people.
func kind(key any) string {
	switch name := fmt.Sprintf("%T", key); name {
	case "*rsa.PrivateKey", "*rsa.PublicKey":
		return "an RSA key"
	case "ed25519.PrivateKey", "ed25519.PublicKey":
		return "an Ed25519 key"
	default:
		return "a key of type " + name
	}
}
