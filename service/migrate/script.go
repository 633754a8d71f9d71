package migrate

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed sql/*.sql
var files embed.FS

// engine is the file with the procedures that the steps share. It is made in
// every session that migrates and is gone with it.
const engine = "sql/engine.sql"

var fileName = regexp.MustCompile(`^(\d{5})_([a-z0-9_]+)\.sql$`)

// script is one migration as its file tells it.
type script struct {
	version int64
	name    string
	up      []statement
	down    []statement
}

// When a statement runs.
const (
	always       = ""
	everySession = "in every session"
	afterRefusal = "after a refusal"
)

// statement is one statement of a step and what its header says about it.
type statement struct {
	title    string
	sql      string
	locks    []Lock
	blocking string
	// only is always, everySession or afterRefusal. What runs after a refusal
	// takes back the statements before it; those after it cannot be refused.
	only string
	// index is the index that the statement builds beside writers: what an
	// interruption left of it is dropped before each try.
	index string
	// patience replaces the lock timeout where waiting holds up nobody.
	patience time.Duration
}

func (s script) statements(up bool) []statement {
	if up {
		return s.up
	}
	return s.down
}

// readScripts reads the embedded migrations, oldest first.
func readScripts() ([]script, error) {
	names, err := fs.Glob(files, "sql/0*.sql")
	if err != nil {
		return nil, fmt.Errorf("listing the embedded migrations: %w", err)
	}
	var scripts []script
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("reading an embedded migration: %w", err)
		}
		read, err := parseScript(path.Base(name), string(text))
		if err != nil {
			return nil, err
		}
		if want := int64(len(scripts) + 1); read.version != want {
			return nil, fmt.Errorf("reading %s: want version %d, for versions have no gaps", name, want)
		}
		scripts = append(scripts, read)
	}
	return scripts, nil
}

// parseScript reads one file in goose's format. Every statement stands alone,
// so the file says NO TRANSACTION, and tells of itself in the comments before
// it: Title, Locks and Blocking always, Only, Index and Patience where needed.
func parseScript(file, text string) (script, error) {
	named := fileName.FindStringSubmatch(file)
	if named == nil {
		return script{}, fmt.Errorf("reading %q: want a name like 00001_baseline.sql", file)
	}
	version, err := strconv.ParseInt(named[1], 10, 64)
	if err != nil || version == 0 {
		return script{}, fmt.Errorf("reading %q: want a version from 00001 on", file)
	}
	p := parser{read: script{version: version, name: named[2]}}
	for i, line := range strings.Split(text, "\n") {
		if err := p.line(strings.TrimRight(line, " \t\r")); err != nil {
			return script{}, fmt.Errorf("reading %s, line %d: %w", file, i+1, err)
		}
	}
	if err := p.end(); err != nil {
		return script{}, fmt.Errorf("reading %s, line %d: %w", file, strings.Count(text, "\n")+1, err)
	}
	return p.read, nil
}

// parser reads a file line by line.
type parser struct {
	read    script
	bare    bool         // NO TRANSACTION was seen
	section *[]statement // where statements go
	block   bool         // between StatementBegin and StatementEnd
	header  map[string]string
	body    []string
}

func (p *parser) line(line string) error {
	if directive, ok := strings.CutPrefix(line, "-- +goose "); ok {
		return p.directive(directive)
	}
	if p.section == nil {
		if line != "" && !strings.HasPrefix(line, "--") {
			return fmt.Errorf("a statement before -- +goose Up")
		}
		return nil
	}
	if !p.begun() {
		if line == "" {
			return nil
		}
		if taken, err := p.heading(line); taken || err != nil {
			return err
		}
	}
	p.body = append(p.body, line)
	if !p.block && strings.HasSuffix(line, ";") && !strings.HasPrefix(line, "--") {
		return p.finish()
	}
	return nil
}

// begun says whether there is more of the statement than comments.
func (p *parser) begun() bool {
	return slices.ContainsFunc(p.body, func(line string) bool { return line != "" && !strings.HasPrefix(line, "--") })
}

func (p *parser) directive(directive string) error {
	switch {
	case directive == "NO TRANSACTION" && p.section == nil:
		p.bare = true
		return nil
	case directive == "Up" && p.section == nil:
		p.section = &p.read.up
		return nil
	case directive == "Down" && p.section == &p.read.up && !p.block:
		p.section = &p.read.down
		return p.left()
	case directive == "StatementBegin" && p.section != nil && !p.block && !p.begun():
		p.block = true
		return nil
	case directive == "StatementEnd" && p.block:
		p.block = false
		return p.finish()
	}
	return fmt.Errorf("%q has no place here", "-- +goose "+directive)
}

// heading takes a line of the header: "-- Title: make the log".
func (p *parser) heading(line string) (taken bool, err error) {
	key, value, ok := strings.Cut(strings.TrimPrefix(line, "-- "), ": ")
	if !strings.HasPrefix(line, "-- ") || !ok || strings.Contains(key, " ") {
		return false, nil
	}
	switch key {
	case "Title", "Locks", "Blocking", "Only", "Index", "Patience":
	default:
		return false, nil
	}
	if _, twice := p.header[key]; twice {
		return false, fmt.Errorf("%s is said twice", key)
	}
	if p.header == nil {
		p.header = map[string]string{}
	}
	p.header[key] = value
	return true, nil
}

func (p *parser) finish() error {
	if !p.begun() {
		return fmt.Errorf("an empty statement")
	}
	s := statement{
		title: p.header["Title"], blocking: p.header["Blocking"],
		only: p.header["Only"], index: p.header["Index"],
		sql: strings.TrimSpace(strings.Join(p.body, "\n")),
	}
	for _, needed := range []string{"Title", "Locks", "Blocking"} {
		if p.header[needed] == "" {
			return fmt.Errorf("the statement that ends here has no %s", needed)
		}
	}
	if !slices.Contains([]string{always, everySession, afterRefusal}, s.only) {
		return fmt.Errorf("want Only: %s or %s, not %q", everySession, afterRefusal, s.only)
	}
	var err error
	if s.locks, err = parseLocks(p.header["Locks"]); err != nil {
		return err
	}
	if text, ok := p.header["Patience"]; ok {
		if s.patience, err = time.ParseDuration(text); err != nil || s.patience <= 0 {
			return fmt.Errorf("want a Patience like 10m, not %q", text)
		}
	}
	*p.section = append(*p.section, s)
	p.header, p.body = nil, nil
	return nil
}

// left makes sure that nothing of a statement is left over.
func (p *parser) left() error {
	if p.begun() || p.block || len(p.header) > 0 {
		return fmt.Errorf("a statement without its end")
	}
	p.body = nil
	return nil
}

func (p *parser) end() error {
	switch {
	case !p.bare:
		return fmt.Errorf("want -- +goose NO TRANSACTION at the top, for every statement stands alone")
	case p.section != &p.read.down:
		return fmt.Errorf("want -- +goose Up and -- +goose Down, in this order")
	}
	return p.left()
}

// parseLocks reads "ticks SHARE ROW EXCLUSIVE, bars ACCESS EXCLUSIVE" or
// "none".
func parseLocks(text string) ([]Lock, error) {
	if text == "none" {
		return nil, nil
	}
	modes := []string{
		"ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE",
		"SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE",
	}
	var locks []Lock
	for _, one := range strings.Split(text, ",") {
		table, mode, _ := strings.Cut(strings.TrimSpace(one), " ")
		if table == "" || !slices.Contains(modes, mode) {
			return nil, fmt.Errorf("want locks like ticks SHARE ROW EXCLUSIVE, not %q", strings.TrimSpace(one))
		}
		locks = append(locks, Lock{Table: table, Mode: mode})
	}
	return locks, nil
}
