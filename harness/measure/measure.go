// Package measure holds what was observed and the statistics that turn it into
// quantiles and intervals: histograms of durations, counts, windows and the
// paired blocks of an experiment. Everything in it is a value that can be
// written to the evidence as JSON and read back without loss, so that every
// figure of a report can be computed again by a stranger.
//
// The package refuses to know limits, verdicts, Gherkin, SQL and clocks.
package measure

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Value is what one measure yielded. Exactly one of the shapes (Share, Amount,
// Series, Histogram, Pairs) is set; the shape decides how an objective reads it.
type Value struct {
	// Name is the measure as the features write it, such as "delivery lag".
	Name string `json:"name"`
	// Unit is the unit in which an objective states its target: "ms", "s",
	// "%", "a minute", "a second", "" for a plain count.
	Unit string `json:"unit"`

	Share     *Share     `json:"share,omitempty"`
	Amount    *Amount    `json:"amount,omitempty"`
	Series    *Series    `json:"series,omitempty"`
	Histogram *Histogram `json:"histogram,omitempty"`
	Pairs     *Pairs     `json:"pairs,omitempty"`
}

// Share is a count out of a total: 0 lost of 12,000 acknowledged. With unit
// "%" its figure is Hits in per cent of Of, with any other unit it is Hits.
// Of zero means that nothing was observed.
type Share struct {
	Hits int64 `json:"hits"`
	Of   int64 `json:"of"`
}

// Amount is one figure taken over Of observations, such as the largest of
// 1,820 relative errors. Of zero means that nothing was observed.
type Amount struct {
	Value float64 `json:"value"`
	Of    int64   `json:"of"`
	// Says tells in two or three words how the figure was taken, such as
	// "largest of 1,820"; it is shown beside it.
	Says string `json:"says,omitempty"`
}

// Series is a figure for each window of a session, in order. An objective is
// judged on the worst window: the lowest for "at least", the highest for "at most".
type Series struct {
	// Width is the width of each window in seconds.
	Width float64 `json:"width_seconds"`
	// Windows holds the figure of each window in the unit of the value.
	Windows []float64 `json:"windows"`
}

// Pairs is the raw result of one interleaved experiment. Baseline[i] and
// Current[i] were measured back to back.
type Pairs struct {
	// Unit is the unit of the raw figures, such as "rows/s" or "ms".
	Unit string `json:"unit"`
	// LowerIsBetter says that the raw figures are durations. Ratios are
	// throughput ratios in any case: for durations, baseline ÷ current.
	LowerIsBetter bool `json:"lower_is_better,omitempty"`

	Baseline []float64 `json:"baseline"`
	Current  []float64 `json:"current"`
	// First names the arm that ran first in each pair: one letter a pair,
	// 'b' for baseline and 'c' for current.
	First string `json:"first"`
	// Slices is into how many slices each block was split at most; those of the
	// two arms alternate within the pair, the later in reverse of the former
	// (b c, c b, b c …). Absent is 1: the blocks ran whole.
	Slices int `json:"slices,omitempty"`
	// BlockSeconds is the shortest block of either arm, over all its slices.
	BlockSeconds float64 `json:"block_seconds"`
	// WarmupPairs were run before the first pair and dropped.
	WarmupPairs int `json:"warmup_pairs"`

	// Seed decided the coin.
	Seed uint64 `json:"seed"`
	// Looks are the numbers of pairs at which the experiment was allowed to
	// stop, fixed beforehand. Alpha is the two-sided error it may spend over
	// all of them; each look spends Alpha ÷ len(Looks).
	Looks []int   `json:"looks"`
	Alpha float64 `json:"alpha"`

	// Fitness is the same block run against itself before the result counts.
	Fitness *Fitness `json:"fitness,omitempty"`
	// Server is what the server did meanwhile; nil where nobody looked.
	Server *Observed `json:"server,omitempty"`

	BaselineArm Arm `json:"baseline_arm"`
	CurrentArm  Arm `json:"current_arm"`
}

// Fitness is an A/A trial: one arm measured twice in each pair.
type Fitness struct {
	A []float64 `json:"a"`
	B []float64 `json:"b"`
}

// Arm describes one side of an experiment well enough to run it again.
type Arm struct {
	Name string `json:"name"`
	// Text is the workload: SQL text or a request.
	Text string `json:"text,omitempty"`
	// Plan is how the server meant to carry out Text before the first block,
	// as its EXPLAIN tells it.
	Plan string `json:"plan,omitempty"`
	// Settings are the server settings that this arm ran with and that must
	// be equal on both sides, such as fsync and synchronous_commit.
	Settings map[string]string `json:"settings,omitempty"`
	// Rows is the state that a block starts from, in rows.
	Rows int64 `json:"rows,omitempty"`
}

// Set holds the measures of one scenario by name.
type Set map[string]Value

// Add puts every value of other into s. A name that s already holds is an
// error, because one measurement would silently hide the other.
func (s Set) Add(other Set) error {
	var problems []error
	for name, v := range other {
		if _, taken := s[name]; taken {
			problems = append(problems, fmt.Errorf("measure %q was already measured in this scenario", name))
			continue
		}
		v.Name = name
		s[name] = v
	}
	return errors.Join(problems...)
}

// Names returns the names in s in alphabetical order.
func (s Set) Names() []string {
	names := make([]string, 0, len(s))
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Milliseconds is the unit of every histogram's value in the evidence.
const Milliseconds = "ms"

// Interval is an estimate with its confidence interval, both in the same unit.
type Interval struct {
	Estimate float64 `json:"estimate"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	// Level is the confidence that the interval has in fact, such as 0.951;
	// exact intervals of few pairs cannot hit 0.95 and stay above it.
	Level float64 `json:"level"`
}

// Contains reports whether x lies inside the interval, ends included.
func (i Interval) Contains(x float64) bool { return i.Low <= x && x <= i.High }

// InMilliseconds converts d, keeping fractions.
func InMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// finite reports whether every figure is a usable positive number.
func finite(figures ...float64) bool {
	for _, f := range figures {
		if math.IsNaN(f) || math.IsInf(f, 0) || f <= 0 {
			return false
		}
	}
	return true
}
