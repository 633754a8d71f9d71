package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/signoff-dev/signoff/harness/evidence"
)

// Encode writes run as report.json: indented, with arrays of plain figures on
// one line, and always the same bytes for the same run.
func Encode(run evidence.Run) ([]byte, error) {
	var compact bytes.Buffer
	e := json.NewEncoder(&compact)
	e.SetEscapeHTML(false)
	if err := e.Encode(run); err != nil {
		return nil, fmt.Errorf("encoding %s: %w", RecordFile, err)
	}
	return indent(compact.Bytes()), nil
}

// Decode reads report.json. It refuses what two readers could take for two
// different records: unknown members, members in another case, a member given
// twice, text that is not UTF-8, anything after the record, and another format.
func Decode(b []byte) (evidence.Run, error) {
	var run evidence.Run
	if err := strict.Unmarshal(b, &run, strict.RejectUnknownMembers(true)); err != nil {
		return evidence.Run{}, fmt.Errorf("reading %s: %w", RecordFile, place(b, err))
	}
	if run.Format != evidence.Format {
		return evidence.Run{}, fmt.Errorf("reading %s: its format is %q, and this signoff reads %q; use the version that wrote it (tool.version %q)",
			RecordFile, run.Format, evidence.Format, run.Tool.Version)
	}
	return run, nil
}

// place names the line and the member at which reading stopped.
func place(b []byte, err error) error {
	var semantic *strict.SemanticError
	var syntactic *jsontext.SyntacticError
	offset, pointer, cause := int64(-1), "", err
	switch {
	case errors.As(err, &semantic):
		offset, pointer = semantic.ByteOffset, string(semantic.JSONPointer)
		if semantic.Err != nil {
			cause = semantic.Err
		}
	case errors.As(err, &syntactic):
		offset, pointer, cause = syntactic.ByteOffset, string(syntactic.JSONPointer), syntactic.Err
	}
	if offset < 0 || offset > int64(len(b)) {
		return err
	}
	line := 1 + bytes.Count(b[:offset], []byte("\n"))
	if pointer == "" {
		pointer = "/"
	}
	return fmt.Errorf("line %d, %s: %w", line, pointer, cause)
}

// indent lays out compact JSON by two spaces a level. An array that holds no
// object stays on one line: a histogram is a table, not a page.
func indent(compact []byte) []byte {
	var out bytes.Buffer
	var kinds []bool // of each open bracket: is it laid out over lines?
	newline := func() {
		out.WriteByte('\n')
		for range kinds {
			out.WriteString("  ")
		}
	}
	broken := func() bool { return len(kinds) == 0 || kinds[len(kinds)-1] }
	compact = bytes.TrimSpace(compact)
	for i := 0; i < len(compact); i++ {
		c := compact[i]
		switch c {
		case '"':
			end := stringEnd(compact, i)
			out.Write(compact[i : end+1])
			i = end
		case '{', '[':
			out.WriteByte(c)
			kinds = append(kinds, spreads(compact[i:]))
			if broken() {
				newline()
			}
		case '}', ']':
			was := broken()
			kinds = kinds[:len(kinds)-1]
			if was {
				newline()
			}
			out.WriteByte(c)
		case ',':
			out.WriteByte(c)
			if broken() {
				newline()
			} else {
				out.WriteByte(' ')
			}
		case ':':
			out.WriteString(": ")
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// spreads reports whether the bracket that b starts with is worth several
// lines: an object with members, or an array that holds one.
func spreads(b []byte) bool {
	if b[0] == '{' {
		return b[1] != '}'
	}
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = stringEnd(b, i)
		case '{':
			return true
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return false
			}
		}
	}
	return false
}

// stringEnd returns the place of the quote that ends the string begun at start.
func stringEnd(b []byte, start int) int {
	for i := start + 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(b) - 1
}
