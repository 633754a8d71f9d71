package seal_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/seal"
)

func TestTheLocalKeyIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config", "signoff")
	require.Nil(t, seal.LocalPublicKey(dir))
	first, note, err := seal.LocalKey(dir)
	require.NoError(t, err)
	require.Empty(t, note)
	again, note, err := seal.LocalKey(dir)
	require.NoError(t, err)
	require.Empty(t, note)
	require.Equal(t, first.Fingerprint(), again.Fingerprint())

	public := seal.LocalPublicKey(dir)
	require.NotNil(t, public)
	require.Equal(t, first.Fingerprint(), public.Fingerprint())
	info, err := os.Stat(filepath.Join(dir, "local.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "nothing temporary is left")
}

func TestRunsThatStartTogetherAgreeOnOneLocalKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "signoff")
	prints := make([]string, 16)
	var wg sync.WaitGroup
	for i := range prints {
		wg.Go(func() {
			key, note, err := seal.LocalKey(dir)
			if err == nil && note == "" {
				prints[i] = key.Fingerprint()
			}
		})
	}
	wg.Wait()
	for _, fingerprint := range prints {
		require.NotEmpty(t, fingerprint)
		require.Equal(t, prints[0], fingerprint)
	}
	require.Equal(t, prints[0], seal.LocalPublicKey(dir).Fingerprint())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2)
}

func TestAPublicHalfThatIsLostOrForeignIsWrittenAgain(t *testing.T) {
	dir := t.TempDir()
	key, _, err := seal.LocalKey(dir)
	require.NoError(t, err)
	foreign, err := newKey(t).Public().PEM()
	require.NoError(t, err)
	for _, change := range []func() error{
		func() error { return os.Remove(filepath.Join(dir, "local.pub")) },
		func() error { return os.WriteFile(filepath.Join(dir, "local.pub"), foreign, 0o644) },
	} {
		require.NoError(t, change())
		_, note, err := seal.LocalKey(dir)
		require.NoError(t, err)
		require.Empty(t, note)
		require.Equal(t, key.Fingerprint(), seal.LocalPublicKey(dir).Fingerprint())
	}
}

func TestWithoutAPlaceTheKeyLivesForOneRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	exposed := t.TempDir()
	_, _, err := seal.LocalKey(exposed)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(filepath.Join(exposed, "local.key"), 0o644))

	tests := map[string]struct{ dir, says string }{
		"no directory is known":        {"", "this user has no configuration directory"},
		"the directory cannot be made": {filepath.Join(file, "signoff"), "not a directory"},
		"the key was exposed":          {exposed, "others may read it too"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			key, note, err := seal.LocalKey(test.dir)
			require.NoError(t, err)
			require.True(t, key.Usable())
			require.Contains(t, note, "signed with a key that lives for this run only: ")
			require.Contains(t, note, test.says)
			dir, run := signed(t, newKey(t))
			require.NoError(t, seal.Sign(dir, run, key))
			require.True(t, verify(t, dir, seal.VerifyOptions{Local: seal.LocalPublicKey(test.dir)}).Allow)
		})
	}
}
