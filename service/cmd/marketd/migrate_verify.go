package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signoff-dev/signoff/service/migrate"
)

func newMigrateStatus(p program, o *migrateOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "List the migrations and when they were applied; without --json it fails if some are not",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			ctx := command.Context()
			return withMigrator(ctx, p, *o.database, nil, func(m *migrate.Migrator) error {
				states, err := m.Status(ctx)
				if err != nil {
					return err
				}
				v, err := m.Verify(ctx)
				if err != nil {
					return err
				}
				if o.asJSON { // a program reads the versions and decides
					statusJSON(p, v, states)
					return nil
				}
				status(p, v, states)
				return m.Check(ctx)
			})
		},
	}
}

func status(p program, v migrate.Verification, states []migrate.State) {
	for _, s := range states {
		applied := "not applied"
		if !s.Applied.IsZero() {
			applied = s.Applied.Format(time.RFC3339)
		}
		fmt.Fprintf(p.out, "%05d  %-14s %s\n", s.Version, s.Name, applied)
	}
	if v.Running != nil {
		fmt.Fprintln(p.out, running(v))
	}
}

func statusJSON(p program, v migrate.Verification, states []migrate.State) {
	type migration struct {
		Version int64      `json:"version"`
		Name    string     `json:"name"`
		Applied *time.Time `json:"applied"`
	}
	told := struct {
		Version    int64        `json:"version"`
		Newest     int64        `json:"newest"`
		Running    *runningStep `json:"running"`
		UnderWay   bool         `json:"under_way"`
		Migrations []migration  `json:"migrations"`
	}{v.Version, v.Newest, runningJSON(v.Running), v.UnderWay, []migration{}}
	for _, s := range states {
		one := migration{Version: s.Version, Name: s.Name}
		if !s.Applied.IsZero() {
			one.Applied = &s.Applied
		}
		told.Migrations = append(told.Migrations, one)
	}
	_ = json.NewEncoder(p.out).Encode(told) // to a stream that is gone there is nothing to tell
}

// runningStep is a step that was begun and is not done.
type runningStep struct {
	Version   int64     `json:"version"`
	Up        bool      `json:"up"`
	Statement int       `json:"statement"`
	Since     time.Time `json:"since"`
}

func runningJSON(m *migrate.Marker) *runningStep {
	if m == nil {
		return nil
	}
	return &runningStep{m.Version, m.Up, m.Statement, m.Since.UTC()}
}

// running says which step is not done.
func running(v migrate.Verification) string {
	how := "was interrupted"
	if v.UnderWay {
		how = "is under way"
	}
	return fmt.Sprintf("step %05d (%s) %s at statement %d, begun %s: %s", v.Running.Version, direction(v.Running.Up),
		how, v.Running.Statement, v.Running.Since.UTC().Format(time.RFC3339), v.WayOut)
}

func newMigrateVerify(p program, o *migrateOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Look whether the database is what it claims to be, and change nothing",
		Long: "Look whether the database is what it claims to be and whether the user could migrate it.\n" +
			"It changes nothing, and fails if anything is in the way of a migration or a step is not done.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			ctx := command.Context()
			return withMigrator(ctx, p, *o.database, nil, func(m *migrate.Migrator) error {
				v, err := m.Verify(ctx)
				if err != nil {
					return err
				}
				if o.asJSON {
					verifyJSON(p, v)
				} else {
					verify(p, v)
				}
				return verdict(v)
			})
		},
	}
}

// verdict is one line: the report has the rest.
func verdict(v migrate.Verification) error {
	err := v.Err()
	for _, kind := range []error{migrate.ErrForeign, migrate.ErrAhead, migrate.ErrChanged, migrate.ErrPrivilege} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	if err == nil && v.Running != nil {
		return errors.New("a step was begun and is not done")
	}
	return err
}

func verify(p program, v migrate.Verification) {
	item := func(name, text string) { fmt.Fprintf(p.out, "%-12s %s\n", name, text) }
	item("recorded", fmt.Sprintf("%s; the newest is %05d", recorded(v), v.Newest))
	item("tables", tables(v))
	item("fingerprint", "sha256:"+v.Fingerprint)
	if len(v.Kept) > 0 {
		item("kept", strings.Join(v.Kept, ", "))
	}
	if v.Running != nil {
		item("not done", running(v))
	}
	for _, list := range []struct {
		name  string
		words []string
	}{{"differences", v.Differences}, {"lacking", v.Privileges}, {"dependents", v.Dependents}} {
		for i, words := range list.words {
			if i > 0 {
				list.name = ""
			}
			item(list.name, words)
		}
	}
	switch {
	case v.WayOut == "":
		item("verdict", "all is well")
	case v.Running == nil:
		item("way out", v.WayOut)
	}
}

func recorded(v migrate.Verification) string {
	switch v.Version {
	case migrate.Unknown:
		return "not known: it may not be read"
	case 0:
		return "nothing"
	}
	return fmt.Sprintf("version %05d", v.Version)
}

func tables(v migrate.Verification) string {
	switch v.Tables {
	case migrate.Unknown:
		return "are those of no version"
	case 0:
		return "there are none of ours"
	}
	return fmt.Sprintf("are those of version %05d", v.Tables)
}

func verifyJSON(p program, v migrate.Verification) {
	told := struct {
		Version     int64        `json:"version"`
		Newest      int64        `json:"newest"`
		Tables      int64        `json:"tables"`
		Running     *runningStep `json:"running"`
		UnderWay    bool         `json:"under_way"`
		Foreign     bool         `json:"foreign"`
		Differences []string     `json:"differences"`
		Privileges  []string     `json:"privileges"`
		Dependents  []string     `json:"dependents"`
		Kept        []string     `json:"kept"`
		Fingerprint string       `json:"fingerprint"`
		WayOut      string       `json:"way_out"`
	}{
		v.Version, v.Newest, v.Tables, runningJSON(v.Running), v.UnderWay, v.Foreign,
		orEmpty(v.Differences), orEmpty(v.Privileges), orEmpty(v.Dependents), orEmpty(v.Kept), "sha256:" + v.Fingerprint, v.WayOut,
	}
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(told) // to a stream that is gone there is nothing to tell
}

// orEmpty writes no list as an empty one.
func orEmpty(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}
