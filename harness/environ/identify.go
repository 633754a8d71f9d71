package environ

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/signoff-dev/signoff/harness/environ/fingerprint"
)

// Identify returns 12 hexadecimal digits that are equal for two environments
// whose figures may be compared: same processor, cores, memory (to the GiB),
// operating system, provider, major version and settings. What changes from
// run to run, such as stolen time or the speed of one fsync, does not count.
func Identify(host fingerprint.Host, server fingerprint.Server) string {
	major, _, _ := strings.Cut(server.Version, ".")
	what := struct {
		OS, Arch, CPU   string
		Cores           int
		GiB             int64
		Virtual         bool
		Provider, Major string
		Settings        map[string]string // written in order of name
	}{
		OS: host.OS, Arch: host.Arch, CPU: host.CPU, Cores: host.Cores,
		GiB: (host.Memory + 1<<29) >> 30, Virtual: host.Virtual,
		Provider: server.Provider, Major: major, Settings: server.Settings,
	}
	text, err := json.Marshal(what)
	if err != nil {
		return "" // cannot happen: strings and numbers only
	}
	return shortDigest12(text)
}

func shortDigest12(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

func shortDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
