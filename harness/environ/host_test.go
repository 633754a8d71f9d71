package environ_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/environ/fingerprint"
)

func TestTheHostIsDescribed(t *testing.T) {
	h := environ.Host(t.Context())
	require.Equal(t, runtime.GOOS, h.OS)
	require.Equal(t, runtime.GOARCH, h.Arch)
	require.NotEmpty(t, h.Kernel)
	require.Positive(t, h.Cores)
	require.Greater(t, h.Memory, int64(256<<20))
	require.Positive(t, h.FsyncMS)
}

func TestEnvironmentsAreEqualWhenTheirFiguresMayBeCompared(t *testing.T) {
	host := fingerprint.Host{OS: "linux", CPU: "EPYC", Cores: 2, Memory: 24 << 30}
	server := fingerprint.Server{Provider: "local", Version: "17.5", Settings: map[string]string{"fsync": "on", "jit": "off"}}
	id := environ.Identify(host, server)
	require.Regexp(t, `^[0-9a-f]{12}$`, id)
	tests := map[string]struct {
		change func(*fingerprint.Host, *fingerprint.Server)
		equal  bool
	}{
		"another minor version": {func(_ *fingerprint.Host, s *fingerprint.Server) { s.Version = "17.9" }, true},
		"another reason":        {func(_ *fingerprint.Host, s *fingerprint.Server) { s.Why = "asked for" }, true},
		"a slower disk today":   {func(h *fingerprint.Host, _ *fingerprint.Server) { h.FsyncMS = 9 }, true},
		"more stolen time":      {func(h *fingerprint.Host, _ *fingerprint.Server) { h.StealMax = 50 }, true},
		"a few kilobytes less":  {func(h *fingerprint.Host, _ *fingerprint.Server) { h.Memory -= 4096 }, true},
		"another major version": {func(_ *fingerprint.Host, s *fingerprint.Server) { s.Version = "16.5" }, false},
		"another provider":      {func(_ *fingerprint.Host, s *fingerprint.Server) { s.Provider = "container" }, false},
		"more cores":            {func(h *fingerprint.Host, _ *fingerprint.Server) { h.Cores = 4 }, false},
		"another processor":     {func(h *fingerprint.Host, _ *fingerprint.Server) { h.CPU = "Xeon" }, false},
		"a setting that differs": {func(_ *fingerprint.Host, s *fingerprint.Server) {
			s.Settings = map[string]string{"fsync": "on", "jit": "on"}
		}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h, s := host, server
			test.change(&h, &s)
			require.Equal(t, test.equal, environ.Identify(h, s) == id)
		})
	}
}

func TestStolenTimeIsTheShareOfEachSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stats := []string{ // user nice system idle iowait irq softirq steal guest guest_nice
			"cpu  100 0 50 800 0 0 0 0 7 0\n",
			"cpu  190 0 50 800 0 0 0 10 7 0\n", // 10 of 100
			"cpu  290 0 50 800 0 0 0 10 7 0\n", // 0 of 100
			"cpu  300 0 50 800 0 0 0 40 7 0\n", // 30 of 40
			"cpu  damaged\n",
		}
		next := 0
		sampler := environ.NewStealSamplerOf(func() string { next++; return stats[min(next, len(stats))-1] })
		median, maximum := sampler.Shares()
		require.Zero(t, median+maximum, "no sample yet")
		ctx, cancel := context.WithTimeout(t.Context(), 6500*time.Millisecond)
		defer cancel()
		require.NoError(t, sampler.Run(ctx))
		median, maximum = sampler.Shares()
		require.InDelta(t, 10, median, 1e-9)
		require.InDelta(t, 75, maximum, 1e-9)
	})
}
