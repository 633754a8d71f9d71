package monitor_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/monitor"
)

func TestTheDocumentListsExactlyTheMeasures(t *testing.T) {
	const begin, end = "<!-- measures -->\n", "<!-- end of measures -->\n"
	text, err := os.ReadFile("../docs/measures.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), begin)
	require.True(t, found)
	table, _, found := strings.Cut(rest, end)
	require.True(t, found)
	wanted := "\n| measure | unit | what it is |\n|---|---|---|\n"
	seen := map[string]bool{}
	for _, m := range monitor.Measures() {
		require.False(t, seen[m.Name], "%s is listed twice", m.Name)
		seen[m.Name] = true
		wanted += fmt.Sprintf("| `%s` | %s | %s |\n", m.Name, m.Unit, m.Says)
	}
	require.Equal(t, wanted+"\n", table, "the table of service/docs/measures.md should read:\n%s", wanted)
}

func TestOnlyKnownFiguresAreListed(t *testing.T) {
	require.Equal(t, map[string]float64{"health.status": 2, "queries.count": 0}, monitor.New(monitor.Config{}).Snapshot().Figures())

	taken := time.Date(2026, 1, 5, 14, 30, 0, 0, time.UTC)
	one, many := 0.5, int64(50)
	s := monitor.Snapshot{
		Status: monitor.Warn, CheckedAt: taken,
		Pool:     monitor.Pool{Max: 8, Acquired: 2, Utilisation: 0.25},
		Inserts:  monitor.Inserts{RowsPerSecond: &one},
		Database: monitor.Database{Connections: &many, SizeBytes: &many},
		Stale:    []monitor.Stale{{Part: "inserts"}},
	}
	figures := s.Figures()
	require.InDelta(t, 0.25, figures["pool.utilisation"], 0)
	require.InDelta(t, 1, figures["health.status"], 0)
	require.InDelta(t, 50, figures["database.size_bytes"], 0)
	require.NotContains(t, figures, "pool.wait_share", "nothing was acquired")
	require.NotContains(t, figures, "inserts.rows_per_second", "its part is stale")
	require.NotContains(t, figures, "database.connection_share", "the bound is not known")
	require.Empty(t, s.At(taken.Add(time.Minute)).Figures(), "what is outdated is not known")

	require.Contains(t, s.Unread(), "inserts.rows_per_second")
	require.NotContains(t, s.Unread(), "pool.wait_share", "it was read, and there is none")
	require.Len(t, s.At(taken.Add(time.Minute)).Unread(), len(monitor.Measures()))
}
