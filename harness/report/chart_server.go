package report

import (
	"fmt"
	"slices"

	"github.com/signoff-dev/signoff/harness/measure"
)

// checkpoints are the pairs in which the server was seen at one.
func checkpoints(p measure.Pairs) []int {
	if p.Server == nil {
		return nil
	}
	return p.Server.Checkpoints
}

// checkpoints marks the pairs in one of whose blocks a checkpoint fell, on a
// row under the numbers of the pairs.
func (d *drawing) checkpoints(pairs []int, x func(int) float64) {
	const y = 250.0
	for _, pair := range pairs {
		d.within(pc(x(pair-1)), func() { d.polygon("fell", 0, y-5, 5, y, 0, y+5, -5, y) })
	}
	if len(pairs) > 0 {
		d.within("100%", func() { d.text("t-dim", "6", px(y+4), "checkpoint") })
	}
}

// logged reports whether the server told what it wrote to its log in each of
// the pairs.
func logged(p measure.Pairs) bool {
	return p.Server != nil && len(p.Server.BaselineWAL) > 0 &&
		len(p.Server.BaselineWAL) >= len(p.Baseline) && len(p.Server.CurrentWAL) >= len(p.Current)
}

// saysServer tells what the server did while the pairs ran.
func saysServer(p measure.Pairs) string {
	said := ""
	if logged(p) {
		baseline, current := middle(p.Server.BaselineWAL), middle(p.Server.CurrentWAL)
		said = fmt.Sprintf("Write-ahead log in a block, median: %s baseline, %s current", volume(baseline), volume(current))
		if baseline > 0 && current > 0 {
			said += " (" + number(float64(current)/float64(baseline)) + nbsp + "×)"
		}
		said += ". "
	}
	switch fell := checkpoints(p); {
	case p.Server == nil || p.Server.Checkpoints == nil:
	case len(fell) == 0:
		said += "No checkpoint fell into a block."
	default:
		said += fmt.Sprintf("A checkpoint fell into %s of %d.", plural(len(fell), "pair", "pairs"), len(p.Baseline))
	}
	return said
}

func headOfServer(p measure.Pairs) []string {
	var head []string
	if logged(p) {
		head = append(head, "Log of baseline, bytes", "Log of current, bytes")
	}
	if len(checkpoints(p)) > 0 {
		head = append(head, "Checkpoint")
	}
	return head
}

func cellsOfServer(p measure.Pairs, i int) []string {
	var cells []string
	if logged(p) {
		cells = append(cells, count(p.Server.BaselineWAL[i]), count(p.Server.CurrentWAL[i]))
	}
	if fell := checkpoints(p); len(fell) > 0 {
		said := ""
		if slices.Contains(fell, i+1) {
			said = "yes"
		}
		cells = append(cells, said)
	}
	return cells
}

// middle is the median, of two in the middle the lower.
func middle(x []int64) int64 {
	if len(x) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(x))[(len(x)-1)/2]
}

// volume writes an amount of data as small as it is.
func volume(bytes int64) string {
	const kib = 1 << 10
	switch {
	case bytes < kib:
		return quantity(count(bytes), "bytes")
	case bytes < kib*kib:
		return quantity(number(float64(bytes)/kib), "KiB")
	default:
		return size(bytes)
	}
}
