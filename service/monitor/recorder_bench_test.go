package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/signoff-dev/signoff/service/monitor"
)

// busy is a recorder that has heard of twenty statements in each slot.
func busyRecorder() (r *monitor.Recorder, names []string) {
	r = monitor.NewRecorder()
	for i := range 20 {
		names = append(names, fmt.Sprint("statement ", i))
		for j := range 1000 {
			r.Record(names[i], time.Duration(j*j)*time.Microsecond)
		}
	}
	return r, names
}

// BenchmarkRecord is what a statement pays for being counted.
func BenchmarkRecord(b *testing.B) {
	r, names := busyRecorder()
	for i := 0; b.Loop(); i++ {
		r.Record(names[i%len(names)], time.Millisecond)
	}
}

// BenchmarkQueries is what a look pays for the latencies of twenty statements.
func BenchmarkQueries(b *testing.B) {
	r, _ := busyRecorder()
	for b.Loop() {
		r.Queries()
	}
}
