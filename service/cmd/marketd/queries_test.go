package main

import (
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// queriesSchema is what others may rely on in marketd queries --json. More
// keys may come.
const queriesSchema = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object", "required": ["settings", "queries"],
	"properties": {
		"settings": {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
		"queries": {"type": "array", "minItems": 1, "items": {
			"type": "object", "required": ["name", "says", "sql", "parameters", "writes"],
			"properties": {
				"name": {"type": "string", "pattern": "^[a-z][a-z -]+$"},
				"says": {"type": "string", "minLength": 10},
				"sql": {"type": "string", "minLength": 10},
				"parameters": {"type": "array", "items": {"type": "string", "pattern": "^[a-z][a-z ]+$"}},
				"writes": {"type": "boolean"}
			}}}
	}}`

func TestTheCatalogueOfQueriesIsJSONAsPromised(t *testing.T) {
	code, out, complaint := marketd(t, "queries", "--json")
	require.Equal(t, exitDone, code, complaint)
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(queriesSchema))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("queries.json", schema))
	promised, err := compiler.Compile("queries.json")
	require.NoError(t, err)
	said, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
	require.NoError(t, err)
	require.NoError(t, promised.Validate(said))
}

func TestTheCatalogueOfQueriesCanBeRead(t *testing.T) {
	code, out, complaint := marketd(t, "queries")
	require.Equal(t, exitDone, code, complaint)
	require.Contains(t, out, "prices of a span ($1 symbol, $2 deleted, $3 from, $4 to, $5 limit)\n  The prices of one instrument in a span of time, oldest first.\n")
	code, _, complaint = marketd(t, "queries", "all")
	require.Equal(t, exitUsage, code)
	require.Contains(t, complaint, `unknown command "all"`)
}
