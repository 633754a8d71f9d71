package migrate_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/migrate"
)

func TestEveryVersionHasTheCatalogueThatIsWrittenDown(t *testing.T) {
	t.Parallel()
	if rewriting() {
		rewrite(t)
	}
	m, _ := database(t)
	check := func(version int64, way string) {
		got, err := m.Catalogue(t.Context())
		require.NoError(t, err)
		want, err := migrate.Expected(version)
		require.NoError(t, err)
		require.Equal(t, want.Text(), got.Text(), "version %d on the way %s; "+
			"if it was meant: go test ./service/migrate -run CatalogueThatIs -args rewrite", version, way)
		require.Equal(t, want.Fingerprint(), got.Fingerprint())
	}
	for version := int64(1); version <= m.Newest(); version++ {
		migrateUp(t, m, version)
		check(version, "up")
	}
	for version := m.Newest() - 1; version >= 0; version-- {
		_, err := m.Down(t.Context(), version)
		require.NoError(t, err)
		check(version, "down")
	}
}

// rewrite writes down the catalogue of every version as a database has it
// that went there in one run, for a run compares only where it begins.
func rewrite(t *testing.T) {
	t.Helper()
	first, _ := database(t)
	for version := int64(1); version <= first.Newest(); version++ {
		m, _ := database(t)
		migrateUp(t, m, version)
		got, err := m.Catalogue(t.Context())
		require.NoError(t, err)
		path := filepath.Join("catalogue", fmt.Sprintf("%05d.txt", version))
		require.NoError(t, os.WriteFile(path, []byte(got.Text()), 0o600))
	}
}

// rewriting says whether the catalogues are to be written anew: the argument
// "rewrite" asks for it.
func rewriting() bool { return flag.Arg(0) == "rewrite" }
