package environ

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Supported major versions of the server.
const (
	oldestServer = 15
	newestServer = 18
)

// serverSettings are those that every server started here gets. Durability is
// part of every claim, so it is spelled out; the rest removes differences
// between the providers. jit is off because not every build has it.
func serverSettings() map[string]string {
	return map[string]string{
		"fsync":              "on",
		"synchronous_commit": "on",
		"full_page_writes":   "on",
		"wal_level":          "replica",
		"max_connections":    "200",
		"shared_buffers":     "256MB",
		"jit":                "off",
		"timezone":           "UTC",
	}
}

// settingArguments are the settings as a server's command line, in fixed order.
func settingArguments() []string {
	var args []string
	settings := serverSettings()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// recorded are the settings that the fingerprint keeps.
func recorded() []string {
	return []string{
		"fsync", "synchronous_commit", "full_page_writes", "wal_level", "wal_sync_method",
		"shared_buffers", "work_mem", "max_connections", "autovacuum", "checkpoint_timeout",
		"max_wal_size", "commit_delay", "data_checksums", "TimeZone", "jit",
		"max_parallel_workers_per_gather", "server_encoding", "lc_collate",
	}
}

// inspect reads version and settings into the facts, and refuses a server that
// is too old or too new, that does not keep what it acknowledges, or on which
// we may not create databases.
func (p *Postgres) inspect(ctx context.Context) error {
	found, err := p.look(ctx)
	if err != nil {
		return err
	}
	p.facts.Version, p.facts.Settings = found.version, found.settings
	if err := p.supported(found.major); err != nil {
		return err
	}
	if !found.mayCreate {
		return unusable{
			why:    fmt.Sprintf("user %q may not create databases at %s", p.address.user, p.address),
			wayOut: fmt.Sprintf("let a superuser run: ALTER ROLE %s CREATEDB", quote(p.address.user)),
		}
	}
	return p.durable()
}

// seen is what a server says of itself.
type seen struct {
	version   string
	major     int
	mayCreate bool // databases
	settings  map[string]string
}

// look asks the server for its version and for the settings to be recorded.
func (p *Postgres) look(ctx context.Context) (seen, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := p.connect(ctx)
	if err != nil {
		return seen{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))

	var found seen
	var number int
	err = conn.QueryRow(ctx, `
		SELECT current_setting('server_version'), current_setting('server_version_num')::int,
		       (SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user)`).
		Scan(&found.version, &number, &found.mayCreate)
	if err != nil {
		return seen{}, p.plain(err)
	}
	found.version, _, _ = strings.Cut(found.version, " ") // "15.18 (Debian 15.18-0+deb12u1)"
	found.major = number / 10000
	rows, err := conn.Query(ctx, "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY($1)", recorded())
	if err != nil {
		return seen{}, p.plain(err)
	}
	defer rows.Close()
	found.settings = map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return seen{}, p.plain(err)
		}
		found.settings[name] = value
	}
	if err := rows.Err(); err != nil {
		return seen{}, p.plain(err)
	}
	return found, nil
}

// durable refuses a server that may forget what it acknowledged: the promises
// about stored prices would then be tested on something that nobody runs.
func (p *Postgres) durable() error {
	var wrong, wayOut []string
	for _, needed := range []struct {
		name  string
		sound []string
	}{
		{"fsync", []string{"on"}},
		{"full_page_writes", []string{"on"}},
		{"synchronous_commit", []string{"on", "remote_write", "remote_apply"}},
	} {
		if value := p.facts.Settings[needed.name]; !slices.Contains(needed.sound, value) {
			wrong = append(wrong, needed.name+"="+value)
			wayOut = append(wayOut, "ALTER SYSTEM SET "+needed.name+" = on")
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return unusable{
		why: fmt.Sprintf("the server at %s runs with %s, so no promise about durable inserts can be tested",
			p.address, strings.Join(wrong, " and ")),
		wayOut: "run " + strings.Join(wayOut, ", ") + " and SELECT pg_reload_conf() there, and see that neither the address nor ALTER ROLE or ALTER DATABASE sets them otherwise",
	}
}

func (p *Postgres) supported(major int) error {
	if major >= oldestServer && major <= newestServer {
		return nil
	}
	return unusable{
		why: fmt.Sprintf("the server at %s is PostgreSQL %s; versions %d to %d are supported",
			p.address, p.facts.Version, oldestServer, newestServer),
		wayOut: "upgrade it, or choose --postgres container or --postgres embedded",
	}
}
