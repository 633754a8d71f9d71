package experiment_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// setting is a number that whoever starts a benchmark may give it in the
// environment.
func setting(b *testing.B, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(b, err, "%s=%s: want a whole number", name, text)
	require.GreaterOrEqual(b, n, 0, "%s=%s: want a number of at least 0", name, text)
	return n
}
