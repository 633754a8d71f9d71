package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/service/alert"
	"github.com/signoff-dev/signoff/service/internal/testdb"
)

func rulesFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestAFileOfRulesIsChecked(t *testing.T) {
	right := rulesFile(t, "rules: [{name: pool_usage, for: 3s}, {name: cache_hit, disabled: true}]")
	code, out, complaint := marketd(t, "alerts", "check", right)
	require.Equal(t, exitDone, code, complaint)
	require.Contains(t, out, right+" is right: ")

	wrong := rulesFile(t, "rules:\n- {name: pool_usage, for: -3s}\n- {name: pool_usge}\n")
	for _, args := range [][]string{
		{"alerts", "check", wrong}, {"alerts", "rules", "--alert-rules", wrong},
		{"serve", "--alert-rules", wrong, "--database", "postgres://nobody@127.0.0.1:1/x"},
	} {
		code, out, complaint = marketd(t, args...)
		require.Equal(t, exitFailed, code, args)
		require.Empty(t, out)
		require.Contains(t, complaint, wrong+":\nline 2: pool_usage: for: must not be negative, is -3s\n")
	}
}

func TestTheRulesThatHoldAreListed(t *testing.T) {
	code, out, complaint := marketd(t, "alerts", "rules")
	require.Equal(t, exitDone, code, complaint)
	for _, rule := range alert.Defaults() {
		require.Regexp(t, `(?m)^`+rule.Name+` +`+rule.Measure+` `, out)
	}
	file := rulesFile(t, "rules: [{name: pool_usage, for: 3s}, {name: cache_hit, disabled: true}]")
	code, out, complaint = marketd(t, "alerts", "rules", "--alert-rules", file)
	require.Equal(t, exitDone, code, complaint)
	require.Regexp(t, `(?m)^pool_usage .* 3s +15s$`, out)
	require.Contains(t, out, "cache_hit (disabled)")

	code, out, complaint = marketd(t, "alerts", "rules", "--json")
	require.Equal(t, exitDone, code, complaint)
	var listed struct{ Rules []alert.ShownRule }
	require.NoError(t, json.Unmarshal([]byte(out), &listed))
	require.Len(t, listed.Rules, len(alert.Defaults()))
	require.InDelta(t, 2, listed.Rules[0].ForSeconds, 0)
}

func TestWrongOptionsOfAlertsAreToldTogether(t *testing.T) {
	code, _, complaint := marketd(t, "serve", "--database", "postgres://nobody@127.0.0.1:1/x",
		"--alert-webhook", "https://secret@", "--alert-state", "/nowhere/at/all.json", "--alert-webhook", "ftp://secret.example")
	require.Equal(t, exitUsage, code)
	require.Equal(t, 2, strings.Count(complaint, "--alert-webhook: must be an address such as https://alerts.example/hook"))
	require.Contains(t, complaint, "--alert-state /nowhere/at/all.json: its directory does not exist")
	require.NotContains(t, complaint, "secret")
	code, _, complaint = marketd(t, "serve", "--database", "postgres://nobody@127.0.0.1:1/x", "--alert-state", t.TempDir())
	require.Equal(t, exitUsage, code)
	require.Contains(t, complaint, ": is no file")
}

// diary is a log that can be read while it is written.
type diary struct {
	mu   sync.Mutex
	text strings.Builder
}

func (d *diary) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(b)
}

func (d *diary) has(text string) func() bool {
	return func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return strings.Contains(d.text.String(), text)
	}
}

func TestRulesAreReadAgainAtAHangup(t *testing.T) {
	dsn, file := testdb.Migrated(t), rulesFile(t, "")
	state := filepath.Join(t.TempDir(), "alerts.json")
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	log, ended := &diary{}, make(chan int, 1)
	go func() {
		p := program{write, log, func(string) string { return "" }}
		ended <- run(ctx, p, []string{
			"serve", "--listen", "127.0.0.1:0", "--database", dsn, "--alert-rules", file, "--alert-state", state,
		})
	}()
	line, err := bufio.NewReader(read).ReadString('\n')
	require.NoError(t, err)
	address := strings.TrimSuffix(strings.TrimPrefix(line, "marketd listening on "), "\n")
	const patience, pace = 20 * time.Second, 10 * time.Millisecond

	require.NoError(t, os.WriteFile(file, []byte("rules: [{name: pool_usage, for: -1s}]"), 0o600))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	require.Eventually(t, log.has("line 1: pool_usage: for: must not be negative, is -1s"), patience, pace)
	// Connections are always enough to be worth a warning.
	require.NoError(t, os.WriteFile(file, []byte("rules: [{name: server_connections, for: 0s, warning: {fire: 0, clear: -1}}]"), 0o600))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	require.Eventually(t, log.has("alert rules taken"), patience, pace)
	require.Eventually(t, func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/api/alerts?rule=server_connections&state=firing", nil)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return strings.Contains(string(body), `"rule":"server_connections"`)
	}, patience, pace)
	stop()
	require.Equal(t, exitDone, <-ended)
	text, err := os.ReadFile(state)
	require.NoError(t, err)
	require.Contains(t, string(text), `"database_unreachable"`, "what is of this replica is in its file")
	require.Contains(t, string(text), `"shared":null`, "and the rest in the database")
}
