package objective

import _ "embed"

//go:embed help.txt
var help string

// Help is one page on how to write a row of an objective table: every form, every
// unit and how each is judged.
func Help() string { return help }
