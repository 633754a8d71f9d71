package migrate

import (
	"path"
	"strings"
)

// nameOf turns "00004_float8.sql" into "float8".
func nameOf(file string) string {
	name := strings.TrimSuffix(path.Base(file), path.Ext(file))
	if _, after, ok := strings.Cut(name, "_"); ok {
		return after
	}
	return name
}
