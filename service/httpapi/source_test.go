package httpapi_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// source is what a package says in its code, tests aside.
type source struct {
	t *testing.T
	// routes are the patterns that are registered.
	routes []string
	// codes are those of the errors that it can answer.
	codes []string
}

func readSource(t *testing.T, directory string) source {
	t.Helper()
	s := source{t: t}
	files, err := os.ReadDir(directory)
	require.NoError(t, err)
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(directory, file.Name()), nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(node ast.Node) bool {
			s.read(node)
			return true
		})
	}
	require.NotEmpty(t, s.codes)
	return s
}

func (s *source) read(node ast.Node) {
	switch node := node.(type) {
	case *ast.CallExpr:
		switch called(node) {
		case "mux.Handle", "mux.HandleFunc":
			s.routes = append(s.routes, s.text(node.Args[0]))
		case "refuse": // of package stream; here an error stands in that place
			if code, ok := literal(node.Args[2]); ok {
				s.codes = append(s.codes, code)
			}
		}
	case *ast.FuncDecl:
		if node.Name.Name == "refusal" && node.Recv != nil {
			ast.Inspect(node, s.returned)
		}
	case *ast.CompositeLit:
		s.problem(node)
	}
}

// returned takes the code that a function returns first.
func (s *source) returned(node ast.Node) bool {
	if given, ok := node.(*ast.ReturnStmt); ok {
		if code := s.text(given.Results[0]); code != "" {
			s.codes = append(s.codes, code)
		}
	}
	return true
}

// problem takes the code of a problem, with its fields named or not.
func (s *source) problem(made *ast.CompositeLit) {
	if kind, ok := made.Type.(*ast.Ident); ok && kind.Name == "problem" {
		if _, named := made.Elts[0].(*ast.KeyValueExpr); !named {
			s.codes = append(s.codes, s.text(made.Elts[1]))
		}
	}
	for _, element := range made.Elts {
		if field, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := field.Key.(*ast.Ident); ok && key.Name == "Code" {
				if code, ok := literal(field.Value); ok {
					s.codes = append(s.codes, code)
				}
			}
		}
	}
}

func called(call *ast.CallExpr) string {
	switch function := call.Fun.(type) {
	case *ast.Ident:
		return function.Name
	case *ast.SelectorExpr:
		if of, ok := function.X.(*ast.Ident); ok {
			return of.Name + "." + function.Sel.Name
		}
	}
	return ""
}

// text is a literal; a code or a route that is put together could not be read
// here.
func (s *source) text(value ast.Expr) string {
	text, ok := literal(value)
	require.True(s.t, ok, "only literals can be compared with the document")
	return text
}

func literal(value ast.Expr) (string, bool) {
	basic, ok := value.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return text
}
