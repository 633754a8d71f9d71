package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
)

// Why a database is left alone. The error that wraps one of them says what
// was found and what to do about it.
var (
	// ErrForeign says that tables of our names are not ours.
	ErrForeign = errors.New("the database is not one that marketd made")
	// ErrChanged says that the schema is not that of the version it claims.
	ErrChanged = errors.New("the schema was changed by hand")
	// ErrPrivilege says that the user may not do what a migration does.
	ErrPrivilege = errors.New("the user may not migrate this database")
	// ErrDependents says that something of others hangs on a table that a
	// step replaces.
	ErrDependents = errors.New("others depend on tables that are replaced on the way")
)

// Unknown is a version that could not be read or recognised.
const Unknown int64 = -1

// differencesShown is how many differences stand in an error; Verify has all.
const differencesShown = 5

// Verification is what was found about the schema of a database.
type Verification struct {
	// Version is the one that is recorded in goose_db_version: 0 when nothing
	// is, Unknown when the user may not read it. Newest is this program's.
	Version, Newest int64
	// Tables is the version whose catalogue the tables have; Unknown for none.
	Tables int64
	// Running is the step that was begun and is not done; nil for none.
	Running *Marker
	// UnderWay says that another session is migrating now.
	UnderWay bool
	// Foreign says that tables of our names are not ours; Differences then
	// names them.
	Foreign bool
	// Differences says in words where the database is not as its version
	// should be. A step that was begun explains differences, so there are
	// none while Running is set.
	Differences []string
	// Privileges says what the user may not do, with the way out.
	Privileges []string
	// Dependents names what others hung on our tables. A step that replaces a
	// table cannot take it along.
	Dependents []string
	// Kept names the tables with what this version has no place for; the way
	// up takes them back.
	Kept []string
	// Fingerprint is that of the catalogue of the tables.
	Fingerprint string
	// WayOut says what to do; empty when all is well.
	WayOut string
}

// Verify looks whether the database is what it claims to be, and whether the
// user could migrate it. It reads only.
func (m *Migrator) Verify(ctx context.Context) (v Verification, err error) {
	err = m.reading(ctx, func(tx *sql.Tx) error {
		v, err = m.verify(ctx, tx)
		return err
	})
	return v, err
}

func (m *Migrator) verify(ctx context.Context, tx *sql.Tx) (Verification, error) {
	v := Verification{Version: Unknown, Tables: Unknown, Newest: m.Newest()}
	var s surroundings
	got, err := readCatalogue(ctx, tx)
	if err == nil {
		s, err = readSurroundings(ctx, tx)
	}
	if err != nil {
		return v, err
	}
	v.Fingerprint, v.Kept, v.Privileges, v.UnderWay = got.Fingerprint(), s.kept, s.lacking(), s.underWay
	v.Dependents = s.dependents
	if v.Tables, err = m.recognise(got); err != nil {
		return v, err
	}
	if s.gooseReadable && s.gooseOurs {
		if err := s.readRecord(ctx, tx, &v); err != nil {
			return v, err
		}
	}
	if !s.hasGoose {
		v.Version = 0
	}
	if err := m.judge(ctx, tx, &v, got, s); err != nil {
		return v, err
	}
	return v, nil
}

// judge compares what is recorded with what is there.
func (m *Migrator) judge(ctx context.Context, tx *sql.Tx, v *Verification, got Catalogue, s surroundings) error {
	taken, err := readTaken(ctx, tx, v.Version > 0)
	if err != nil {
		return err
	}
	switch {
	case s.hasGoose && !s.gooseOurs:
		v.foreign("goose_db_version is not a record of migrations: it lacks the columns version_id and is_applied")
	case v.Version == Unknown || v.Running != nil:
	case v.Version == 0 && v.Tables > 0:
		v.differ(fmt.Sprintf("the tables are those of %s, but nothing is recorded in goose_db_version", m.title(v.Tables)),
			"restore goose_db_version from a backup, or record what is there: "+recordAll(s.hasGoose, v.Tables))
	case v.Version == 0 && len(taken) > 0:
		v.foreign(taken...)
	case v.Version > v.Newest && len(got) == 0:
		v.foreign(fmt.Sprintf("goose_db_version records version %d, but there is none of our tables: "+
			"it is the record of another program", v.Version))
	case v.Version > v.Newest:
		v.WayOut = fmt.Sprintf("use the marketd that knows version %d, or let that one run `marketd migrate down --to %d`",
			v.Version, v.Newest)
	case v.Version > 0 && v.Tables > 0 && v.Tables != v.Version:
		m.misrecorded(v)
	default:
		if err := m.compare(v, got, s); err != nil {
			return err
		}
		v.Differences = append(v.Differences, taken...)
		if len(taken) > 0 && v.WayOut == "" {
			v.WayOut = "rename what has such a name, or move it to another schema: alter table … set schema …"
		}
	}
	v.finish()
	return nil
}

// compare lists where the tables are not those of the recorded version.
func (m *Migrator) compare(v *Verification, got Catalogue, s surroundings) error {
	want, err := Expected(v.Version)
	if err != nil {
		return err
	}
	if len(got) == 0 && len(want) > 0 {
		v.Differences = append(v.Differences, fmt.Sprintf(
			"%s is recorded, but there is none of its tables: %s", m.title(v.Version), strings.Join(want.names(), ", ")))
		v.WayOut = "restore the database from a backup; if the tables were dropped on purpose, also drop table goose_db_version, " +
			"and `marketd migrate up` begins anew"
		return nil
	}
	v.Differences = append(differences(got, want, v.Version), s.invalid...)
	for _, version := range s.unrecorded {
		v.differ(fmt.Sprintf("goose_db_version has no line for %s, though %d is recorded", m.title(version), v.Version),
			"add the line: "+recordSQL(version, version))
	}
	return nil
}

// misrecorded words a record that is right about another version.
func (m *Migrator) misrecorded(v *Verification) {
	if v.Tables > v.Version {
		v.differ(fmt.Sprintf("%s is recorded, but the tables are those of %s: a step was done and not recorded",
			m.title(v.Version), m.title(v.Tables)), "record it: "+recordSQL(v.Version+1, v.Tables))
		return
	}
	v.differ(fmt.Sprintf("%s is recorded, but the tables are still those of %s", m.title(v.Version), m.title(v.Tables)),
		fmt.Sprintf("correct the record: delete from goose_db_version where version_id > %d", v.Tables))
}

// recognise returns the version whose catalogue it is.
func (m *Migrator) recognise(got Catalogue) (int64, error) {
	for version := int64(0); version <= m.Newest(); version++ {
		want, err := Expected(version)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Unknown, err
		}
		if err == nil && got.equal(want) {
			return version, nil
		}
	}
	return Unknown, nil
}

// title names a version: "version 4 (float8)".
func (m *Migrator) title(version int64) string {
	for _, source := range m.provider.ListSources() {
		if source.Version == version {
			return fmt.Sprintf("version %d (%s)", version, nameOf(source.Path))
		}
	}
	return fmt.Sprintf("version %d", version)
}

func recordAll(hasGoose bool, to int64) string {
	if hasGoose {
		return recordSQL(1, to)
	}
	return "create table goose_db_version (id integer primary key generated by default as identity, version_id bigint not null, " +
		"is_applied boolean not null, tstamp timestamp not null default now()); " + recordSQL(0, to)
}

func recordSQL(from, to int64) string {
	if from == to {
		return fmt.Sprintf("insert into goose_db_version (version_id, is_applied) values (%d, true)", from)
	}
	return fmt.Sprintf("insert into goose_db_version (version_id, is_applied) select n, true from generate_series(%d, %d) n", from, to)
}

func (v *Verification) foreign(what ...string) {
	v.Foreign = true
	v.Differences = what
	v.WayOut = "name another database, or move what stands in the way to another schema: alter table … set schema …"
}

func (v *Verification) differ(what, wayOut string) {
	v.Differences = append(v.Differences, what)
	v.WayOut = wayOut
}

// finish gives a way out to what has none of its own.
func (v *Verification) finish() {
	switch {
	case v.WayOut != "":
	case len(v.Differences) > 0:
		v.WayOut = "take these changes back by hand; `marketd migrate verify` lists what is left"
	case v.Running != nil && v.UnderWay:
		v.WayOut = "wait for it to end"
	case v.Running != nil:
		v.WayOut = "nothing is lost; `marketd migrate up` or `marketd migrate down` finishes that step first, " +
			"and if it fails again, its log names the cause"
	case len(v.Privileges) > 0:
		v.WayOut = "migrate as the owner of the tables, or have the grants above made"
	}
}

// Err returns nil if a migration may begin: an interrupted step is no
// obstacle, for it is finished first.
func (v Verification) Err() error {
	switch {
	case v.Foreign:
		return fmt.Errorf("%w: %s; %s", ErrForeign, some(v.Differences), v.WayOut)
	case v.Version > v.Newest:
		return fmt.Errorf("it is at %05d, this program knows up to %05d: %w; %s", v.Version, v.Newest, ErrAhead, v.WayOut)
	case len(v.Differences) > 0:
		return fmt.Errorf("%w: %s; nothing was done; %s", ErrChanged, some(v.Differences), v.WayOut)
	case len(v.Privileges) > 0:
		return fmt.Errorf("%w: %s", ErrPrivilege, some(v.Privileges))
	}
	return nil
}

// some joins the first few of many.
func some(words []string) string {
	rest := ""
	if n := len(words) - differencesShown; n > 0 {
		rest = fmt.Sprintf("; and %d more, which `marketd migrate verify` lists", n)
		words = words[:differencesShown]
	}
	return strings.Join(words, "; ") + rest
}

// preflight looks before the first statement whether the way to the version
// may be taken. It reads only.
func (m *Migrator) preflight(ctx context.Context, to int64) error {
	known := slices.ContainsFunc(m.provider.ListSources(), func(s *goose.Source) bool { return s.Version == to })
	if !known && to != 0 {
		return fmt.Errorf("there is no migration %05d; the newest is %05d", to, m.Newest())
	}
	v, err := m.Verify(ctx)
	if err != nil {
		return err
	}
	if err := v.Err(); err != nil || v.Running != nil || len(v.Dependents) == 0 || !replaces(v.Version, to) {
		return err
	}
	return fmt.Errorf("%w: %s; nothing was done; drop them before and make them again after", ErrDependents, some(v.Dependents))
}

// replaces says whether a step between the versions puts another table in the
// place of one: those to instruments, to float8 and to partitions, in both
// directions, and the one that ends with nothing.
func replaces(from, to int64) bool {
	low, high := min(from, to), max(from, to)
	if to == 0 && from > 0 {
		return true
	}
	return slices.ContainsFunc([]int64{3, 4, 6}, func(version int64) bool { return low < version && version <= high })
}
