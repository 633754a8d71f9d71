package migrate

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Every version of the schema as text, as a fresh migration makes it.
//
//go:embed catalogue/*.txt
var catalogues embed.FS

//go:embed catalogue.sql
var catalogueQuery string

// Catalogue is what makes up the schema of a database: our tables with their
// columns, keys, constraints, indexes and triggers. It leaves out what differs
// between two databases of one version: the partitions but the default one,
// the tables that keep what a lower version has no place for, and sizes.
type Catalogue []Table

// Table is one table of a catalogue.
type Table struct {
	Name  string
	Facts []Fact
}

// Fact is one property of a table.
type Fact struct {
	// Kind is what it is: "column", "primary key", "index" …
	Kind string
	// Name is its name; empty for what a table has only one of.
	Name string
	// Definition describes it in the words of SQL.
	Definition string
}

// ourTables names every table that a version of the schema has.
func ourTables() []string {
	return []string{"bars", "instruments", "market_data", "partition_events", "ticks"}
}

// Text writes the catalogue for people and for comparing: the tables by name,
// in each the columns in their order, and the rest by kind and name.
func (c Catalogue) Text() string {
	var text strings.Builder
	for _, table := range c {
		fmt.Fprintf(&text, "table %s\n", table.Name)
		for _, fact := range table.Facts {
			fmt.Fprintf(&text, "  %s: %s\n", strings.TrimSpace(fact.Kind+" "+fact.Name), fact.Definition)
		}
	}
	return text.String()
}

// Fingerprint is the SHA-256 of the text, in hexadecimal: equal for two
// databases with the same schema, on every supported server.
func (c Catalogue) Fingerprint() string {
	sum := sha256.Sum256([]byte(c.Text()))
	return hex.EncodeToString(sum[:])
}

func (c Catalogue) equal(other Catalogue) bool { return c.Text() == other.Text() }

func (c Catalogue) table(name string) (Table, bool) {
	i := slices.IndexFunc(c, func(t Table) bool { return t.Name == name })
	if i < 0 {
		return Table{}, false
	}
	return c[i], true
}

func (c Catalogue) names() []string {
	names := make([]string, len(c))
	for i, table := range c {
		names[i] = table.Name
	}
	return names
}

// Catalogue reads the catalogue of the database.
func (m *Migrator) Catalogue(ctx context.Context) (catalogue Catalogue, err error) {
	err = m.reading(ctx, func(tx *sql.Tx) error {
		catalogue, err = readCatalogue(ctx, tx)
		return err
	})
	return catalogue, err
}

// Expected is the catalogue of a version as a fresh migration makes it. Below
// the first version there is nothing.
func Expected(version int64) (Catalogue, error) {
	if version == 0 {
		return nil, nil
	}
	text, err := catalogues.ReadFile(fmt.Sprintf("catalogue/%05d.txt", version))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for the catalogue of version %05d: %w", version, fs.ErrNotExist)
	} else if err != nil {
		return nil, fmt.Errorf("reading the catalogue of version %05d: %w", version, err)
	}
	return parseCatalogue(string(text))
}

// A fact reads "  kind name: definition"; the name has no space, the kind may.
var factLine = regexp.MustCompile(`^  (kind|default partition|(column|primary key|unique|exclude|foreign key|check|index|trigger|rule) (\S+)): (.*)$`)

func parseCatalogue(text string) (Catalogue, error) {
	var c Catalogue
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "table "); ok {
			c = append(c, Table{Name: name})
			continue
		}
		match := factLine.FindStringSubmatch(line)
		if match == nil || len(c) == 0 {
			return nil, fmt.Errorf("reading a catalogue: %q is neither a table nor a fact of one", line)
		}
		fact := Fact{Kind: match[2], Name: match[3], Definition: match[4]}
		if fact.Kind == "" {
			fact.Kind = match[1]
		}
		table := &c[len(c)-1]
		table.Facts = append(table.Facts, fact)
	}
	return c, nil
}

func readCatalogue(ctx context.Context, tx *sql.Tx) (Catalogue, error) {
	rows, err := tx.QueryContext(ctx, catalogueQuery, ourTables())
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	defer func() { _ = rows.Close() }() // the loop has its own answer
	var c Catalogue
	for rows.Next() {
		var table string
		var fact Fact
		if err := rows.Scan(&table, &fact.Kind, &fact.Name, &fact.Definition); err != nil {
			return nil, fmt.Errorf("reading the catalogue: %w", err)
		}
		if len(c) == 0 || c[len(c)-1].Name != table {
			c = append(c, Table{Name: table})
		}
		last := &c[len(c)-1]
		last.Facts = append(last.Facts, fact)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	return c, nil
}

// reading runs the function in a transaction that can change nothing and sees
// one state of the database. A table that somebody locks exclusively cannot be
// described just then: it tries again.
func (m *Migrator) reading(ctx context.Context, do func(*sql.Tx) error) error {
	for begun := time.Now(); ; {
		err := m.readOnce(ctx, do)
		switch {
		case err == nil || !busy(err):
			return err
		case time.Since(begun) > m.options.Patience:
			return fmt.Errorf("looking at the tables for %s: %w", m.options.Patience, ErrBusy)
		}
		if err := pause(ctx, longestPause); err != nil {
			return err
		}
	}
}

func (m *Migrator) readOnce(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := m.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("beginning to read: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	return do(tx)
}
