package migrate

import (
	"fmt"
	"slices"
	"strings"
)

// differences says in words where a database is not as a version has it.
func differences(got, want Catalogue, version int64) []string {
	var words []string
	for _, table := range want {
		found, ok := got.table(table.Name)
		if !ok {
			words = append(words, fmt.Sprintf("there is no table %s; version %d has one", table.Name, version))
			continue
		}
		words = append(words, tableDifferences(found, table, version)...)
	}
	for _, table := range got {
		if _, ok := want.table(table.Name); !ok {
			words = append(words, fmt.Sprintf("there is a %s %s; version %d has none of that name",
				table.Facts[0].Definition, table.Name, version))
		}
	}
	return words
}

func tableDifferences(got, want Table, version int64) []string {
	var words []string
	for _, fact := range want.Facts {
		found, ok := got.fact(fact.Kind, fact.Name)
		switch {
		case !ok:
			words = append(words, missing(want.Name, fact, version))
		case found.Definition != fact.Definition:
			words = append(words, changed(want.Name, found, fact, version))
		}
	}
	for _, fact := range got.Facts {
		if _, ok := want.fact(fact.Kind, fact.Name); !ok {
			words = append(words, superfluous(want.Name, fact, version))
		}
	}
	if before, after := got.columns(), want.columns(); len(words) == 0 && !slices.Equal(before, after) {
		words = append(words, fmt.Sprintf("the columns of %s come in the order %s, version %d has %s",
			want.Name, strings.Join(before, ", "), version, strings.Join(after, ", ")))
	}
	return words
}

func missing(table string, fact Fact, version int64) string {
	switch fact.Kind {
	case "column":
		return fmt.Sprintf("%s has no column %s; version %d has it as %s", table, fact.Name, version, fact.Definition)
	case "default partition":
		return fmt.Sprintf("%s has no default partition; version %d has %s", table, version, fact.Definition)
	}
	return fmt.Sprintf("%s has no %s %s; version %d has it: %s", table, fact.Kind, fact.Name, version, fact.Definition)
}

func changed(table string, got, want Fact, version int64) string {
	is, has := got.Definition, want.Definition
	switch want.Kind {
	case "column":
		// What both have alike at the end only hides the difference.
		if shortIs, ok := strings.CutSuffix(is, " not null"); ok {
			if shortHas, ok := strings.CutSuffix(has, " not null"); ok {
				is, has = shortIs, shortHas
			}
		}
		return fmt.Sprintf("%s.%s is %s, version %d has %s", table, want.Name, is, version, has)
	case "kind":
		return fmt.Sprintf("%s is a table of the kind %q, version %d has %q", table, is, version, has)
	case "default partition":
		return fmt.Sprintf("the default partition of %s is %s, version %d has %s", table, is, version, has)
	}
	if is == has+", invalid" {
		return fmt.Sprintf("the %s %s of %s is invalid: its making was interrupted, and no query uses it", want.Kind, want.Name, table)
	}
	return fmt.Sprintf("the %s %s of %s is %s, version %d has %s", want.Kind, want.Name, table, is, version, has)
}

func superfluous(table string, fact Fact, version int64) string {
	switch fact.Kind {
	case "column":
		return fmt.Sprintf("%s has a column %s (%s), version %d has no such column", table, fact.Name, fact.Definition, version)
	case "default partition":
		return fmt.Sprintf("%s has a default partition %s, version %d has none", table, fact.Definition, version)
	}
	return fmt.Sprintf("%s has the %s %s (%s), version %d has none of that name", table, fact.Kind, fact.Name, fact.Definition, version)
}

func (t Table) fact(kind, name string) (Fact, bool) {
	i := slices.IndexFunc(t.Facts, func(f Fact) bool { return f.Kind == kind && f.Name == name })
	if i < 0 {
		return Fact{}, false
	}
	return t.Facts[i], true
}

func (t Table) columns() []string {
	var names []string
	for _, fact := range t.Facts {
		if fact.Kind == "column" {
			names = append(names, fact.Name)
		}
	}
	return names
}
