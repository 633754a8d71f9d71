package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxBody bounds every request body, in bytes.
const maxBody = 8 << 20

// decode reads exactly one JSON value of the wanted shape. Unknown and
// repeated fields, wrong types, other spellings of a name and anything after
// the value are refused with the path of the field.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return &problem{http.StatusRequestEntityTooLarge, "body_too_large",
				fmt.Sprintf("the body must have at most %d bytes; send smaller batches", int64(maxBody)), ""}
		}
		return &problem{http.StatusBadRequest, "unreadable_body", "the body broke off before its end", ""}
	}
	return decodeBytes(body, into)
}

func decodeBytes(body []byte, into any) error {
	err := json.Unmarshal(body, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var shape *json.SemanticError
	if errors.As(err, &shape) {
		field := fieldPath(shape.JSONPointer)
		if errors.Is(err, json.ErrUnknownName) {
			return &problem{http.StatusBadRequest, "unknown_field", field + ": is not known", field}
		}
		return &problem{http.StatusBadRequest, "invalid_field", wrongType(field, shape), field}
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		field := fieldPath(syntax.JSONPointer)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return &problem{http.StatusBadRequest, "duplicate_field", field + ": is given twice", field}
		}
		return &problem{http.StatusBadRequest, "malformed_json",
			fmt.Sprintf("the body is not one JSON value: wrong at byte %d", syntax.ByteOffset), field}
	}
	return &problem{http.StatusBadRequest, "malformed_json", "the body is not one JSON value", ""}
}

func wrongType(field string, e *json.SemanticError) string {
	if field == "" {
		field = "the body"
	}
	want := "another type"
	if e.GoType != nil {
		switch name := e.GoType.String(); {
		case strings.HasSuffix(name, "float64"):
			want = "a number"
		case strings.HasSuffix(name, "int64"):
			want = "a whole number"
		case strings.HasSuffix(name, "time.Time"):
			want = "a time such as 2016-01-04T14:30:00.123456Z"
		case strings.HasSuffix(name, "string"):
			want = "a string"
		case strings.HasPrefix(name, "[]"):
			want = "a list"
		default:
			want = "an object"
		}
	}
	return field + ": must be " + want
}

// fieldPath turns the JSON pointer /ticks/3/price into ticks[3].price.
func fieldPath(pointer jsontext.Pointer) string {
	var path strings.Builder
	for token := range pointer.Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			path.WriteString("[" + token + "]")
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(token)
	}
	return path.String()
}
