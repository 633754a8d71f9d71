package seal_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/seal"
)

func privatePEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func publicPEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func p384(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	return key
}

func TestAKeyComesBackAsItWasSaved(t *testing.T) {
	key := newKey(t)
	private, public, err := key.Save(filepath.Join(t.TempDir(), "release"))
	require.NoError(t, err)

	info, err := os.Stat(private)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	again, err := seal.LoadKey(private)
	require.NoError(t, err)
	shown, err := seal.LoadPublicKey(public)
	require.NoError(t, err)
	require.True(t, again.Public().Equal(shown))
	require.Equal(t, key.Fingerprint(), shown.Fingerprint())
}

func TestTheFingerprintIsTheOneOfSSH(t *testing.T) {
	// The fingerprint was printed by: ssh-keygen -i -m PKCS8 -f this.pub | ssh-keygen -lf -
	const text = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtt9/hWZoY8gWFzczDr9f/GRsQTPm
05kt4klGZRTZh2y8dyoejIlkZWI/592HxgXCuw5c5nUWQDas1KHuk+tr8w==
-----END PUBLIC KEY-----
`
	key, err := seal.ParsePublicKey([]byte(text))
	require.NoError(t, err)
	require.Equal(t, "SHA256:3iQEZqjI96bEaZPo/vWhlfys2PgEUjaT61v9JtIBN2I", key.Fingerprint())
}

func TestASavedKeyIsNeverReplaced(t *testing.T) {
	for _, name := range []string{"release.key", "release.pub"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			taken := filepath.Join(dir, name)
			require.NoError(t, os.WriteFile(taken, []byte("precious"), 0o600))
			_, _, err := newKey(t).Save(filepath.Join(dir, "release"))
			require.ErrorContains(t, err, name+": it exists, and a key is never replaced: choose another --out")
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, entries, 1, "no half pair is left")
			text, err := os.ReadFile(taken)
			require.NoError(t, err)
			require.Equal(t, "precious", string(text))
		})
	}
	_, _, err := newKey(t).Save(filepath.Join(t.TempDir(), "absent", "release"))
	require.ErrorContains(t, err, "there is no directory")
}

func TestAPrivateKeyThatCannotSignIsNamed(t *testing.T) {
	good := newKey(t)
	text, err := good.PEM()
	require.NoError(t, err)
	shown, err := good.Public().PEM()
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	sec1, err := x509.MarshalECPrivateKey(p384(t))
	require.NoError(t, err)

	tests := map[string]struct{ text, says string }{
		"P-384":           {privatePEM(t, p384(t)), "it is ECDSA P-384, and only ECDSA P-256 signs here"},
		"RSA":             {privatePEM(t, rsaKey), "it is an RSA key"},
		"Ed25519":         {privatePEM(t, edKey), "it is an Ed25519 key"},
		"encrypted":       {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "it is encrypted"},
		"cosign's own":    {"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n", "it is encrypted"},
		"old encryption":  {"-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END PRIVATE KEY-----\n", "its PEM block has headers"},
		"SEC 1":           {string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})), "openssl pkcs8 -topk8 -nocrypt"},
		"the public half": {string(shown), "it is a public key"},
		"OpenSSH":         {"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", `it holds a "OPENSSH PRIVATE KEY"`},
		"no PEM":          {"hello", "it is not a PEM file"},
		"empty":           {"", "it is not a PEM file"},
		"cut short":       {string(text[:len(text)/2]), "it is not a PEM file"},
		"no key inside":   {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "it is not a readable PKCS #8 key"},
		"two keys":        {string(text) + string(text), "more than one PEM block"},
		"talk before":     {"hello\n" + string(text), "more than one PEM block"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ci.key")
			require.NoError(t, os.WriteFile(path, []byte(test.text), 0o600))
			_, err := seal.LoadKey(path)
			require.ErrorContains(t, err, "reading key "+path)
			require.ErrorContains(t, err, test.says)
			if !strings.Contains(test.says, "more than one") && !strings.Contains(test.says, "not a PEM") {
				require.ErrorContains(t, err, "signoff keygen --out PREFIX")
			}
		})
	}
}

func TestAKeyFileThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	_, err := seal.LoadKey(filepath.Join(dir, "absent.key"))
	require.ErrorContains(t, err, "there is no such file: make one with: signoff keygen --out PREFIX")
	_, err = seal.LoadKey(dir)
	require.ErrorContains(t, err, "it is a directory")
	_, err = seal.LoadPublicKey(filepath.Join(dir, "absent.pub"))
	require.ErrorContains(t, err, "ask the signer for the .pub file")

	private, _, err := newKey(t).Save(filepath.Join(dir, "ci"))
	require.NoError(t, err)
	for _, mode := range []os.FileMode{0o644, 0o640, 0o602} {
		require.NoError(t, os.Chmod(private, mode))
		_, err = seal.LoadKey(private)
		require.ErrorContains(t, err, "others may read it too")
	}
	require.NoError(t, os.Chmod(private, 0o400))
	_, err = seal.LoadKey(private)
	require.NoError(t, err)
}

func TestAPublicKeyThatCannotVerifyIsNamed(t *testing.T) {
	text, err := newKey(t).PEM()
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	edPublic, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	tests := map[string]struct{ text, says string }{
		"P-384":            {publicPEM(t, &p384(t).PublicKey), "it is ECDSA P-384"},
		"RSA":              {publicPEM(t, &rsaKey.PublicKey), "it is an RSA key"},
		"Ed25519":          {publicPEM(t, edPublic), "it is an Ed25519 key"},
		"the private half": {string(text), "it is a private key"},
		"a certificate":    {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", `it holds a "CERTIFICATE"`},
		"no key inside":    {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "it is not a readable PKIX key"},
		"no PEM":           {"ssh-ed25519 AAAA", "it is not a PEM file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ci.pub")
			require.NoError(t, os.WriteFile(path, []byte(test.text), 0o644))
			_, err := seal.LoadPublicKey(path)
			require.ErrorContains(t, err, "reading public key "+path+": "+test.says)
		})
	}
}

func TestAZeroKeyDoesNothing(t *testing.T) {
	dir, run := signed(t, newKey(t))
	require.ErrorContains(t, seal.Sign(dir, run, seal.Key{}), "there is no key")
	require.False(t, seal.Key{}.Usable())
	require.False(t, seal.PublicKey{}.Equal(seal.Key{}.Public()))
	e, err := seal.SealPayload([]byte("x"), newKey(t))
	require.NoError(t, err)
	require.False(t, e.SignedBy(seal.PublicKey{}))
	require.Empty(t, seal.PublicKey{}.Fingerprint())
}

func TestOpenSSLAgreesAboutTheKeys(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("there is no openssl on this machine")
	}
	dir := t.TempDir()
	private, public, err := newKey(t).Save(filepath.Join(dir, "ci"))
	require.NoError(t, err)
	derived, err := exec.Command(openssl, "pkey", "-in", private, "-pubout").Output()
	require.NoError(t, err)
	shown, err := os.ReadFile(public)
	require.NoError(t, err)
	require.Equal(t, string(shown), string(derived))
}
