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
	m, _ := database(t)
	for version := int64(1); version <= m.Newest(); version++ {
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) {
			m, _ := database(t)
			migrateUp(t, m, version)
			got, err := m.Catalogue(t.Context())
			require.NoError(t, err)
			path := filepath.Join("catalogue", fmt.Sprintf("%05d.txt", version))
			if rewriting() {
				require.NoError(t, os.WriteFile(path, []byte(got.Text()), 0o600))
				return
			}
			want, err := migrate.Expected(version)
			require.NoError(t, err)
			require.Equal(t, want.Text(), got.Text(),
				"if the migration was meant to change this: go test ./service/migrate -run CatalogueThatIs -args rewrite")
			require.Equal(t, want.Fingerprint(), got.Fingerprint())
		})
	}
}

// rewriting says whether the catalogues are to be written anew: the argument
// "rewrite" asks for it.
func rewriting() bool { return flag.Arg(0) == "rewrite" }
