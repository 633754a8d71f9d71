package environ_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
)

func TestAServerThatMayForgetWhatItAcknowledgedIsRefused(t *testing.T) {
	needLocal(t)
	p := start(t, options(t, environ.Local))
	tests := map[string]struct {
		setting, value string
		want           string // empty: it is taken
	}{
		"no fsync":                       {"fsync", "off", "runs with fsync=off, so no promise about durable inserts can be tested; run ALTER SYSTEM SET fsync = on"},
		"pages half written":             {"full_page_writes", "off", "runs with full_page_writes=off, so no promise"},
		"commits that do not wait":       {"synchronous_commit", "off", "synchronous_commit=off, so no promise about durable inserts can be tested; run ALTER SYSTEM SET synchronous_commit = on and SELECT pg_reload_conf() there, and see that neither the address nor ALTER ROLE"},
		"commits that wait at home":      {"synchronous_commit", "local", "synchronous_commit=local"},
		"commits that a replica wrote":   {"synchronous_commit", "remote_write", ""},
		"commits that a replica applied": {"synchronous_commit", "remote_apply", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			schema := test.setting + "_" + test.value
			run(t, p, "CREATE SCHEMA "+schema)
			run(t, p, fmt.Sprintf("CREATE FUNCTION %s.current_setting(name text) RETURNS text LANGUAGE sql AS "+
				"$$ SELECT CASE name WHEN '%s' THEN '%s' ELSE pg_catalog.current_setting(name) END $$", schema, test.setting, test.value))
			found, err := environ.Start(t.Context(), options(t, p.DSN("")+"&search_path="+schema+",pg_catalog"))
			if test.want == "" {
				require.NoError(t, err)
				require.Equal(t, test.value, found.Facts().Settings[test.setting])
				require.NoError(t, found.Stop(t.Context()))
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestASettingThatTheAddressTurnsOffIsNoticed(t *testing.T) {
	needLocal(t)
	p := start(t, options(t, environ.Local))
	_, err := environ.Start(t.Context(), options(t, p.DSN("")+"&synchronous_commit=off"))
	require.ErrorContains(t, err, "runs with synchronous_commit=off")
}
