package stream_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/fixtures/contracts"
	"github.com/signoff-dev/signoff/service/stream"
)

func readDocument(t testing.TB) *contracts.Document {
	t.Helper()
	document, err := contracts.ParseDocument(stream.Document()) // every reference leads somewhere
	require.NoError(t, err)
	return document
}

// payload is where the document has the schema of a message.
func payload(message string) []string {
	return []string{"channels", "live", "messages", message, "payload"}
}

// rows is a table of the document.
func rows(t *testing.T, path ...string) []map[string]any {
	t.Helper()
	list, ok := readDocument(t).At(path...).([]any)
	require.True(t, ok, path)
	var all []map[string]any
	for _, one := range list {
		all = append(all, one.(map[string]any))
	}
	return all
}

func TestTheDocumentIsOneOfAsyncAPI(t *testing.T) {
	d := readDocument(t)
	require.Equal(t, "3.0.0", d.At("asyncapi"))
	require.NotEmpty(t, d.At("info", "title"))
	require.NotEmpty(t, d.At("info", "version"))
	require.Subset(t, []string{"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"}, d.Keys())
	for _, server := range d.Keys("servers") {
		require.NotEmpty(t, d.At("servers", server, "host"))
		require.Equal(t, "ws", d.At("servers", server, "protocol"))
	}
	require.Equal(t, "/ws", d.At("channels", "live", "address"))
	for _, operation := range d.Keys("operations") {
		require.Contains(t, []any{"send", "receive"}, d.At("operations", operation, "action"))
		require.NotNil(t, d.At("operations", operation, "channel", "address"))
	}
	for _, message := range d.Keys("components", "messages") {
		require.NotNil(t, d.At("components", "messages", message, "payload", "type"), message)
		require.NotNil(t, d.At("channels", "live", "messages", message), "a message of no channel")
	}
}

// Every message of the channel is in an operation, and every operation speaks
// of messages of its channel.
func TestEveryMessageOfTheDocumentIsSaidBySomebody(t *testing.T) {
	d := readDocument(t)
	for _, message := range d.Keys("channels", "live", "messages") {
		require.Contains(t, d.References(), "#/channels/live/messages/"+message)
	}
	for _, kind := range []string{"messages", "schemas", "securitySchemes"} {
		for _, name := range d.Keys("components", kind) {
			require.Contains(t, d.References(), "#/components/"+kind+"/"+name)
		}
	}
}

func TestTheDocumentKeepsTheContractsAndHasNoOther(t *testing.T) {
	d := readDocument(t)
	require.NoError(t, d.Promises("ws"))
	var promised []string
	for _, name := range contracts.Names() {
		if name, ours := strings.CutPrefix(name, "ws/"); ours {
			promised = append(promised, name)
		}
	}
	require.Equal(t, promised, d.Keys("components", "messages"))
}

func TestTheDocumentHasEveryChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := open(t, stream.Config{}).try(t, nil)
		var stated []any
		for _, row := range rows(t, "channels", "live", "x-channels") {
			stated = append(stated, row["name"])
		}
		require.Equal(t, c.expect("connection_established")["channels"], stated)
	})
}

func TestTheDocumentHasEveryCloseCodeAndNoOther(t *testing.T) {
	stated := map[string]string{}
	for _, row := range rows(t, "channels", "live", "x-close-codes") {
		stated[row["name"].(string)] = string(row["code"].(json.Number))
		require.NotEmpty(t, row["meaning"])
	}
	names := slices.Sorted(maps.Keys(closeCodes()))
	require.Equal(t, exported(t, "close.go", "Close"), names, "this test knows every constant")
	require.Equal(t, names, slices.Sorted(maps.Keys(stated)))
	for name, code := range closeCodes() {
		require.Equal(t, strconv.Itoa(code), stated[name], name)
	}
}

func closeCodes() map[string]int {
	return map[string]int{
		"CloseNormal": stream.CloseNormal, "CloseGoingAway": stream.CloseGoingAway, "CloseProtocolError": stream.CloseProtocolError,
		"CloseBinary": stream.CloseBinary, "CloseInvalidText": stream.CloseInvalidText, "CloseTooLarge": stream.CloseTooLarge,
		"CloseNoRoom": stream.CloseNoRoom, "CloseUnauthenticated": stream.CloseUnauthenticated,
		"CloseTooSlow": stream.CloseTooSlow, "CloseFlooding": stream.CloseFlooding,
	}
}

// exported lists the exported constants of a file with that prefix.
func exported(t *testing.T, file, prefix string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	var names []string
	ast.Inspect(parsed, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, prefix) {
			names = append(names, spec.Names[0].Name)
		}
		return true
	})
	slices.Sort(names)
	return names
}

// Every answer of a refused handshake is told, and every code that is told can
// be answered.
func TestTheDocumentHasEveryRefusalOfAHandshake(t *testing.T) {
	source := ""
	for _, file := range []string{"handshake.go", "admit.go"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		source += string(text)
	}
	told := rows(t, "channels", "live", "x-handshake-refusals")
	require.Len(t, told, 5)
	for _, row := range told {
		require.Contains(t, source, strconv.Quote(row["code"].(string)))
	}
}

func TestTheLimitsOfTheDocumentAreThoseOfTheService(t *testing.T) {
	d := readDocument(t)
	for name, limit := range map[string]int{
		"message_burst": stream.MessageBurst, "messages_per_second": stream.MessagesPerSecond,
	} {
		require.Equal(t, json.Number(strconv.Itoa(limit)), d.At("channels", "live", "x-limits", name), name)
	}
	kept := map[any]any{}
	for _, row := range rows(t, "channels", "live", "x-channels") {
		kept[row["name"]] = row["kept"]
	}
	require.Equal(t, json.Number(strconv.Itoa(stream.KeptAlerts)), kept["performance_alert"])
	require.Equal(t, json.Number(strconv.Itoa(stream.KeptPerformance)), kept["database_performance"])
	require.Equal(t, json.Number(strconv.Itoa(stream.KeptPartitions)), kept["partition_status"])
}
