package stream

import _ "embed"

// document describes every message, as AsyncAPI 3.
//
//go:embed asyncapi.yaml
var document []byte

// Document is the AsyncAPI document of the stream, in YAML.
func Document() []byte { return document }
