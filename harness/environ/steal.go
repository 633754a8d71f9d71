package environ

import (
	"bufio"
	"context"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// StealSampler notes, each second, the share of processor time that the
// hypervisor took away. Where there is no /proc/stat it sees nothing.
type StealSampler struct {
	read func() (io.ReadCloser, error)

	mu     sync.Mutex
	shares []float64 // per cent of each second
}

// NewStealSampler returns a sampler of this machine.
func NewStealSampler() *StealSampler {
	return &StealSampler{read: func() (io.ReadCloser, error) { return os.Open("/proc/stat") }}
}

// Run samples until ctx is cancelled, and then returns nil.
func (s *StealSampler) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	stolen, total, ok := s.ticks()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		nowStolen, nowTotal, nowOK := s.ticks()
		if ok && nowOK && nowTotal > total {
			s.mu.Lock()
			s.shares = append(s.shares, 100*float64(nowStolen-stolen)/float64(nowTotal-total))
			s.mu.Unlock()
		}
		stolen, total, ok = nowStolen, nowTotal, nowOK
	}
}

// Shares returns the median and the maximum of the samples so far, in per cent
// of a second; both are 0 when there is none.
func (s *StealSampler) Shares() (median, maximum float64) {
	s.mu.Lock()
	sorted := slices.Sorted(slices.Values(s.shares))
	s.mu.Unlock()
	if len(sorted) == 0 {
		return 0, 0
	}
	return sorted[len(sorted)/2], sorted[len(sorted)-1]
}

// ticks reads the stolen and the total clock ticks of all processors.
func (s *StealSampler) ticks() (stolen, total uint64, ok bool) {
	f, err := s.read()
	if err != nil {
		return 0, 0, false
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	if !lines.Scan() {
		return 0, 0, false
	}
	// cpu user nice system idle iowait irq softirq steal guest guest_nice;
	// guest time is part of user time already.
	fields := strings.Fields(lines.Text())
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, false
	}
	for i, text := range fields[1:9] {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, 0, false
		}
		total += n
		if i == 7 {
			stolen = n
		}
	}
	return stolen, total, true
}
