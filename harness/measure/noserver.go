package measure

// An arm that ran in the harness's own process says so in its settings, because
// there is no server whose durability it could record.
const (
	// ServerSetting is the setting that says whether a server took part.
	ServerSetting = "server"
	// NoServer is its value where none did: nothing was stored and nothing
	// acknowledged, and nothing can be lost.
	NoServer = "none"
)
