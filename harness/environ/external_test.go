package environ_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
)

func TestExternalTouchesOnlyItsOwnDatabases(t *testing.T) {
	t.Parallel()
	needLocal(t)
	theirs := start(t, options(t, environ.Local))
	_, err := theirs.CreateDatabase(t.Context(), "theirs", "")
	require.NoError(t, err)
	before := databases(t, theirs)

	p := start(t, options(t, theirs.DSN("")))
	checkServer(t, p, environ.External)
	require.NotEqual(t, before, databases(t, theirs), "there is a template by now")
	require.Error(t, p.DropDatabase(t.Context(), "theirs"))
	require.NoError(t, p.Stop(context.Background()))
	require.Equal(t, before, databases(t, theirs))
	checkServer(t, theirs, environ.Local) // it must still run
}

func TestAnAddressThatIsNoUseIsOneClearErrorWithoutThePassword(t *testing.T) {
	t.Parallel()
	needLocal(t)
	p := start(t, options(t, environ.Local))
	run(t, p, "CREATE ROLE poor LOGIN PASSWORD 'hunter2'")
	run(t, p, "CREATE SCHEMA old")
	run(t, p, "CREATE FUNCTION old.current_setting(name text) RETURNS text LANGUAGE sql AS "+
		"$$ SELECT CASE name WHEN 'server_version' THEN '14.9' ELSE '140009' END $$")
	run(t, p, "CREATE SCHEMA careless")
	run(t, p, "CREATE FUNCTION careless.current_setting(name text) RETURNS text LANGUAGE sql AS "+
		"$$ SELECT CASE name WHEN 'fsync' THEN 'off' ELSE pg_catalog.current_setting(name) END $$")
	good := p.DSN("")
	tests := map[string]struct{ address, want string }{
		"a slash in the password": {"postgres://me:hun/ter2@127.0.0.1/postgres", "not of the form postgres://"},
		"a port that is none":     {"postgres://me:hunter2@127.0.0.1:54x2/postgres", "not of the form postgres://"},
		"nobody listens":          {"postgres://me:hunter2@127.0.0.1:1/postgres", "no Postgres answers at 127.0.0.1:1; start the server"},
		"a wrong password":        {as(t, good, "signoff", "hunter2", "/postgres"), `does not let user "signoff" in`},
		"a missing database":      {strings.Replace(good, "/postgres?", "/nowhere?", 1), "the database of the address does not exist"},
		"a role without CREATEDB": {as(t, good, "poor", "hunter2", "/postgres"), `ALTER ROLE "poor" CREATEDB`},
		"a server too old":        {good + "&search_path=old,pg_catalog", "is PostgreSQL 14.9; versions 15 to 18 are supported; upgrade it"},
		"a server without fsync":  {good + "&search_path=careless,pg_catalog", "runs with fsync=off"},
		"no choice of ours":       {"hunter2", "none of auto, container, local, embedded and postgres://"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := environ.Start(t.Context(), options(t, test.address))
			require.ErrorContains(t, err, test.want)
			for _, secret := range []string{"hunter2", "hun/ter2", "ter2", "SQLSTATE", "pgconn", "dial"} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
	require.Equal(t, "postgres", databases(t, p), "nothing was made")
}

func TestOnlyADatabaseOfThisRunCanBeATemplate(t *testing.T) {
	t.Parallel()
	needLocal(t)
	p := start(t, options(t, environ.Local))
	_, err := p.CreateDatabase(t.Context(), "copy", "missing")
	require.ErrorContains(t, err, "reading template signoff_"+runID(t))
	_, err = p.CreateDatabase(t.Context(), "!?", "")
	require.ErrorContains(t, err, "the name needs a letter or a digit")
	long := strings.Repeat("a long name ", 10)
	dsn, err := p.CreateDatabase(t.Context(), long, "")
	require.NoError(t, err)
	require.Equal(t, p.DSN(long), dsn)
	_, err = p.CreateDatabase(t.Context(), long+"2", "")
	require.NoError(t, err, "names that differ late must differ")
}

func run(t testing.TB, p *environ.Postgres, statement string) {
	conn, err := pgx.Connect(t.Context(), p.DSN(""))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), statement)
	require.NoError(t, err)
}

// as is an address with another user and database.
func as(t testing.TB, address, user, password, path string) string {
	u, err := url.Parse(address)
	require.NoError(t, err)
	u.User, u.Path = url.UserPassword(user, password), path
	return u.String()
}

func FuzzAddress(f *testing.F) {
	f.Add("postgres://me:", "@127.0.0.1:1/postgres?sslmode=disable")
	f.Add("postgres://me:a/", "@[::1")
	f.Add("postgresql://%zz", "@/?host=/tmp&port=x")
	f.Add("postgres://me@h/d?password=", "&sslmode=bad")
	f.Fuzz(func(t *testing.T, before, after string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // nothing is dialled; only the reading is tested
		_, err := environ.Start(ctx, environ.Options{Choice: before + "hunter2" + after})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	})
}
