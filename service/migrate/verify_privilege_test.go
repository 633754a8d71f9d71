package migrate_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/migrate"
)

func TestWhatTheUserMayNotDoIsToldWithTheWayOut(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version int64
		by      string
		want    []string
	}{
		"no right to make tables": {
			by:   ``,
			want: []string{`user "clerk" may not create tables in schema "public": grant create on schema "public" to "clerk"`},
		},
		"tables of another owner": {
			version: 2, by: `grant create on schema public to clerk; grant all on all tables in schema public to clerk`,
			want: []string{`user "clerk" is not the owner of table market_data: alter table market_data owner to clerk`},
		},
		"no right to read the record": {
			version: 2, by: `grant create on schema public to clerk; alter table market_data owner to clerk`,
			want: []string{`user "clerk" may not read goose_db_version: grant select, insert, delete on goose_db_version to "clerk"`},
		},
		"no right to write the record": {
			version: 2, by: `grant create on schema public to clerk; alter table market_data owner to clerk; grant select on goose_db_version to clerk`,
			want: []string{`user "clerk" may not write goose_db_version: grant insert, delete on goose_db_version to "clerk"`},
		},
		"a search path that leads nowhere": {
			by:   `alter role clerk set search_path to nowhere`,
			want: []string{`the search_path of user "clerk" leads to no schema: alter role "clerk" set search_path to public`},
		},
		"a user who may only read": {
			by:   `grant create on schema public to clerk; alter role clerk set default_transaction_read_only to on`,
			want: []string{"the server takes no writes (a standby, or default_transaction_read_only is on): migrate on the primary"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			owner, conn := database(t)
			if test.version > 0 {
				migrateUp(t, owner, test.version)
			}
			m := as(t, conn, "clerk")
			run(t, conn, test.by)
			before := everything(t, conn)
			v, err := m.Verify(t.Context())
			require.NoError(t, err)
			require.Equal(t, test.want, v.Privileges)
			_, err = m.Up(t.Context(), 4)
			require.ErrorIs(t, err, migrate.ErrPrivilege)
			require.ErrorContains(t, err, test.want[0])
			require.Equal(t, before, everything(t, conn))
		})
	}
}

func TestAnOwnerWhoIsNoSuperuserMayMigrate(t *testing.T) {
	t.Parallel()
	_, conn := database(t)
	m := as(t, conn, "owner")
	run(t, conn, `grant create on schema public to owner`)
	migrateUp(t, m, m.Newest())
	v, err := m.Verify(t.Context())
	require.NoError(t, err)
	require.NoError(t, v.Err())
	require.Empty(t, v.Privileges)
}

// as opens the database of the connection as a user that is made for it.
func as(t *testing.T, conn *pgx.Conn, user string) *migrate.Migrator {
	t.Helper()
	run(t, conn, `drop role if exists `+user)
	config := conn.Config().Copy()
	run(t, conn, `create role `+user+` login password '`+config.Password+`'`)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_, err := conn.Exec(ctx, `drop owned by `+user+`; drop role `+user)
		require.NoError(t, err)
	})
	config.User = user
	m, err := migrate.Open(config, migrate.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}
