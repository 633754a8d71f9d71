// Package fingerprint describes the host and the server that a run was
// measured on, as plain values. It stands apart from environ because the
// evidence keeps these values, and the evidence must not know how a container
// or a cluster is started.
//
// The package refuses to know Docker, processes and verdicts.
package fingerprint

// Environment is everything about the place of a run that a figure may depend on.
type Environment struct {
	// ID is a short digest of what makes two environments comparable: cores,
	// CPU model, memory, operating system, provider, server version and settings.
	ID     string `json:"id"`
	Host   Host   `json:"host"`
	Server Server `json:"server"`
}

// Host is the machine.
type Host struct {
	OS      string  `json:"os"`     // such as "linux"
	Kernel  string  `json:"kernel"` // such as "6.8.0"
	Arch    string  `json:"arch"`   // such as "amd64"
	CPU     string  `json:"cpu"`    // model name
	Cores   int     `json:"cores"`  // usable by this process
	Memory  int64   `json:"memory_bytes"`
	Virtual bool    `json:"virtual"`
	Clock   string  `json:"clock"`    // kernel clock source, such as "tsc"
	FsyncMS float64 `json:"fsync_ms"` // median of a few fsyncs in the temporary directory
	// StealMedian and StealMax are the share of processor time taken away by
	// the hypervisor during the run, in per cent of each second.
	StealMedian float64 `json:"steal_median_percent"`
	StealMax    float64 `json:"steal_max_percent"`
}

// Server is the Postgres that the run used.
type Server struct {
	Provider    string `json:"provider"` // external, container, local, embedded
	Why         string `json:"why"`      // one line: why this provider
	Version     string `json:"version"`  // such as "17.5"
	Image       string `json:"image,omitempty"`
	ImageDigest string `json:"image_digest,omitempty"`
	// Settings are the durability and sizing settings, by name: fsync,
	// synchronous_commit, full_page_writes, wal_level, shared_buffers, ...
	Settings map[string]string `json:"settings"`
}
