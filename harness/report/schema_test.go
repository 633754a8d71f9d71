package report_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
	"github.com/signoff-dev/signoff/harness/report"
)

// TestTheSchemaIsTheTypes walks the Go types of a run and the schema side by
// side: the same members, the same kinds, the same members required, and every
// object closed.
func TestTheSchemaIsTheTypes(t *testing.T) {
	var root node
	require.NoError(t, json.Unmarshal(report.Schema(), &root))
	w := walk{t: t, defs: root.Defs, seen: map[string]bool{"histogram": true}}
	w.object("report", reflect.TypeFor[evidence.Run](), root)
	for name := range root.Defs {
		require.True(t, w.seen[name], "no type uses the definition %q", name)
	}
}

type node struct {
	Ref        string          `json:"$ref"`
	Defs       map[string]node `json:"$defs"`
	Type       any             `json:"type"`
	Enum       []any           `json:"enum"`
	Const      any             `json:"const"`
	Items      *node           `json:"items"`
	Properties map[string]node `json:"properties"`
	Required   []string        `json:"required"`
	Additional any             `json:"additionalProperties"`
}

type walk struct {
	t    *testing.T
	defs map[string]node
	seen map[string]bool
}

func (w walk) object(at string, typ reflect.Type, n node) {
	require.Equal(w.t, false, n.Additional, "%s is not closed", at)
	var names, required []string
	for _, f := range reflect.VisibleFields(typ) {
		tag, ok := f.Tag.Lookup("json")
		if !ok {
			require.True(w.t, f.Anonymous, "%s.%s has no name in JSON", at, f.Name)
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		names = append(names, name)
		if options != "omitempty" {
			required = append(required, name)
		}
		child, there := n.Properties[name]
		require.True(w.t, there, "%s: the schema lacks %q", at, name)
		w.value(at+"."+name, f.Type, child)
	}
	require.Len(w.t, n.Properties, len(names), "%s: the schema has members that the type has not", at)
	require.ElementsMatch(w.t, required, n.Required, "%s: other members are required", at)
}

func (w walk) value(at string, typ reflect.Type, n node) {
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if n.Ref != "" {
		name := strings.TrimPrefix(n.Ref, "#/$defs/")
		def, there := w.defs[name]
		require.True(w.t, there, "%s: no definition %q", at, name)
		if typ == reflect.TypeFor[measure.Histogram]() {
			require.Equal(w.t, "histogram", name, at)
			return
		}
		if !w.seen[name] {
			w.seen[name] = true
			w.object(name, typ, def)
		}
		return
	}
	require.Contains(w.t, kinds(n), kind(typ), at)
	if typ.Kind() == reflect.Slice {
		w.value(at+"[]", typ.Elem(), *n.Items)
	}
}

func kind(typ reflect.Type) string {
	if typ == reflect.TypeFor[time.Time]() {
		return "string"
	}
	switch typ.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "integer"
	case reflect.Slice:
		return "array"
	default:
		return "object"
	}
}

// kinds are the types that n allows; an enumeration has those of its members.
func kinds(n node) []string {
	name := func(x any) string {
		if _, ok := x.(string); ok {
			return "string"
		}
		return "integer"
	}
	var out []string
	switch typ := n.Type.(type) {
	case string:
		out = append(out, typ)
	case []any:
		for _, x := range typ {
			out = append(out, x.(string))
		}
	}
	for _, x := range n.Enum {
		out = append(out, name(x))
	}
	if n.Const != nil {
		out = append(out, name(n.Const))
	}
	return out
}
