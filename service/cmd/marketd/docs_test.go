package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/probe"
)

// commandLine is a line of a document that calls marketd.
var commandLine = regexp.MustCompile(`(?m)^(?:bin/)?marketd ([^#\n]*)`)

// TestTheCommandsOfTheDocumentsExist: every call of marketd that a document
// shows is one that marketd understands.
func TestTheCommandsOfTheDocumentsExist(t *testing.T) {
	for path, least := range map[string]int{"../../docs/schema.md": 12, "../../docs/alerts.md": 3, "../../docs/stream.md": 1, "../../docs/performance.md": 2, "../../../README.md": 3} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		calls := commandLine.FindAllStringSubmatch(string(text), -1)
		require.GreaterOrEqual(t, len(calls), least, "%s shows fewer calls than it should", path)
		for _, call := range calls {
			t.Run(call[0], func(t *testing.T) {
				root := newRoot(program{getenv: func(string) string { return "" }})
				command, rest, err := root.Find(strings.Fields(call[1]))
				require.NoError(t, err)
				require.True(t, command.Runnable() && command != root, "no verb of marketd")
				require.NoError(t, command.ParseFlags(rest))
				require.NoError(t, command.ValidateArgs(command.Flags().Args()))
			})
		}
	}
}

// TestTheTargetsAreDocumented: the document has the table of the program.
func TestTheTargetsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/performance.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(text), "<!-- targets -->")
	table, _, _ = strings.Cut(table, "<!-- end of targets -->")
	want := "\n\n| figure | target | what it is |\n|---|---|---|\n"
	for _, target := range probe.Targets() {
		want += fmt.Sprintf("| `%s` | %s | %s |\n", target.Metric, target.Words, target.Says)
	}
	require.Equal(t, want+"\n", table)
}
