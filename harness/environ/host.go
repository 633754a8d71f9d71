package environ

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signoff-dev/signoff/harness/environ/fingerprint"
)

// Host describes this machine. What cannot be read stays empty. The steal
// figures are those of a [StealSampler], not of this function.
func Host(ctx context.Context) fingerprint.Host {
	h := fingerprint.Host{
		OS:      runtime.GOOS,
		Arch:    runtime.GOARCH,
		Cores:   runtime.GOMAXPROCS(0),
		Kernel:  firstOf(readLine("/proc/sys/kernel/osrelease"), output(ctx, "uname", "-r")),
		CPU:     firstOf(field("/proc/cpuinfo", "model name"), output(ctx, "sysctl", "-n", "machdep.cpu.brand_string")),
		Memory:  memory(ctx),
		Virtual: virtual(),
		Clock:   readLine("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
	}
	if median, err := fsyncMedian(os.TempDir()); err == nil {
		h.FsyncMS = float64(median.Microseconds()) / 1000
	}
	return h
}

func memory(ctx context.Context) int64 {
	kib, _, _ := strings.Cut(field("/proc/meminfo", "MemTotal"), " ")
	if n, err := strconv.ParseInt(kib, 10, 64); err == nil {
		return n << 10
	}
	n, err := strconv.ParseInt(output(ctx, "sysctl", "-n", "hw.memsize"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// virtual reports whether a hypervisor runs this machine, by the processor's
// own word or by the name of its mainboard.
func virtual() bool {
	if slices.Contains(strings.Fields(field("/proc/cpuinfo", "flags")), "hypervisor") {
		return true
	}
	product := strings.ToLower(readLine("/sys/class/dmi/id/product_name"))
	return slices.ContainsFunc([]string{"virtual", "kvm", "vmware", "qemu", "bochs", "xen"},
		func(name string) bool { return strings.Contains(product, name) })
}

// fsyncMedian is the median time of 15 writes of 8 KiB that are made durable,
// as the server does at each commit.
func fsyncMedian(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "signoff-fsync-*")
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	page := make([]byte, 8<<10)
	times := make([]time.Duration, 15)
	for i := range times {
		start := time.Now()
		if _, err := f.WriteAt(page, 0); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// readLine is the first line of a small file, or nothing.
func readLine(path string) string {
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}

// field is the value of the first "name : value" line of a file, or nothing.
func field(path, name string) string {
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// output is what a program prints, or nothing.
func output(ctx context.Context, name string, args ...string) string {
	if _, err := exec.LookPath(name); err != nil {
		return ""
	}
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
