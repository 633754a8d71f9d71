package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// words reads a name made for programs aloud: "live_prices" is "live prices".
func words(name string) string { return strings.NewReplacer("_", " ", "-", " ").Replace(name) }

// capital begins text with a capital letter.
func capital(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// base is the last element of a path that uses slashes.
func base(uri string) string { return uri[strings.LastIndex(uri, "/")+1:] }

// clipped shortens text where there is little room.
func clipped(text string, most int) string {
	r := []rune(text)
	if len(r) <= most {
		return text
	}
	return string(r[:most-1]) + "…"
}
