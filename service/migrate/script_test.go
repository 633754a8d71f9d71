package migrate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/migrate"
)

const small = `-- +goose NO TRANSACTION
-- +goose Up
-- Title: do it
-- Locks: ticks SHARE ROW EXCLUSIVE, bars ACCESS EXCLUSIVE
-- Blocking: nobody
-- Patience: 10m
select 1;

-- +goose Down
-- Title: undo it
-- Locks: none
-- Blocking: nobody
-- +goose StatementBegin
select 1;
select 2;
-- +goose StatementEnd
`

func TestAFileOfStatementsIsRead(t *testing.T) {
	t.Parallel()
	up, down, err := migrate.Parse("00001_small.sql", small)
	require.NoError(t, err)
	require.Equal(t, [2]int{1, 1}, [2]int{up, down})
}

func TestAMistakeInAFileIsNamedWithItsLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ file, text, want string }{
		"a name without a version":    {"small.sql", small, `reading "small.sql": want a name like 00001_baseline.sql`},
		"version zero":                {"00000_small.sql", small, "want a version from 00001 on"},
		"a transaction around it all": {"00001_small.sql", strings.Replace(small, "-- +goose NO TRANSACTION", "", 1), "NO TRANSACTION at the top"},
		"no way down":                 {"00001_small.sql", small[:strings.Index(small, "-- +goose Down")], "line 9: want -- +goose Up and -- +goose Down"},
		"down before up":              {"00001_small.sql", strings.Replace(small, "goose Up", "goose Down", 1), `line 2: "-- +goose Down" has no place here`},
		"a statement before up":       {"00001_small.sql", "select 1;\n" + small, "line 1: a statement before -- +goose Up"},
		"no title":                    {"00001_small.sql", strings.Replace(small, "-- Title: do it\n", "", 1), "line 6: the statement that ends here has no Title"},
		"no locks":                    {"00001_small.sql", strings.Replace(small, "-- Locks: none\n", "", 1), "the statement that ends here has no Locks"},
		"a title twice":               {"00001_small.sql", strings.Replace(small, "-- Patience: 10m", "-- Title: again", 1), "line 6: Title is said twice"},
		"a lock nobody knows":         {"00001_small.sql", strings.Replace(small, "SHARE ROW EXCLUSIVE", "SHARED", 1), `want locks like ticks SHARE ROW EXCLUSIVE, not "ticks SHARED"`},
		"a patience nobody knows":     {"00001_small.sql", strings.Replace(small, "10m", "long", 1), `want a Patience like 10m, not "long"`},
		"an occasion nobody knows":    {"00001_small.sql", strings.Replace(small, "Patience: 10m", "Only: on Mondays", 1), `not "on Mondays"`},
		"a block without its end":     {"00001_small.sql", strings.Replace(small, "-- +goose StatementEnd", "", 1), "a statement without its end"},
		"an end without its block":    {"00001_small.sql", strings.Replace(small, "-- +goose StatementBegin\nselect 1;\nselect 2;\n", "", 1), `"-- +goose StatementEnd" has no place here`},
		"a statement without its end": {"00001_small.sql", strings.Replace(small, "select 1;", "select 1", 1), "line 9: a statement without its end"},
		"an empty block":              {"00001_small.sql", strings.Replace(small, "select 1;\nselect 2;\n", "", 1), "an empty statement"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := migrate.Parse(test.file, test.text)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small)
	files, err := filepath.Glob("sql/0*.sql")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		up, down, err := migrate.Parse("00001_any.sql", text)
		if err == nil {
			require.LessOrEqual(t, up+down, strings.Count(text, "\n")+1)
		}
	})
}
