package report

import (
	_ "embed"
	"slices"
)

//go:embed report.schema.json
var schema []byte

// Schema returns the JSON Schema (2020-12) of report.json. Every object in it
// is closed; only maps of settings and counts have free names.
func Schema() []byte { return slices.Clone(schema) }
