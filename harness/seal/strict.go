package seal

import (
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// decode reads one JSON value into v and refuses what a lenient reader would
// let a forger hide: repeated names, names in another case, unknown names,
// invalid UTF-8 and anything after the value.
func decode(text []byte, v any) error {
	err := json.Unmarshal(text, v,
		json.RejectUnknownMembers(true),
		json.MatchCaseInsensitiveNames(false),
	)
	if err != nil {
		return fmt.Errorf("reading JSON strictly: %w", err)
	}
	return nil
}

// decodeBase64 reads standard base64 in its only canonical spelling, so that
// two texts never stand for the same bytes.
func decodeBase64(text string) ([]byte, error) {
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("reading base64: %w", err)
	}
	if base64.StdEncoding.EncodeToString(content) != text {
		return nil, errors.New("reading base64: it has line breaks or spare bits, so it is not the only spelling")
	}
	return content, nil
}
