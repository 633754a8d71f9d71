package objective

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/signoff-dev/signoff/harness/measure"
)

const (
	// fitnessLevel is the confidence of the interval that tells how far a block
	// differs from itself.
	fitnessLevel = 0.99
	// alarmLevel is the confidence at which a block must not differ from itself:
	// the highest that the ten pairs of a fitness check attain. A calm machine is
	// called unfit by it once in five hundred experiments.
	alarmLevel = 0.998
	// leastMargin is the spread that a fit machine may show in any case, as a ratio.
	leastMargin = 1.05
	// clockSlack is how much shorter than the least a block may come out,
	// because two clocks do not agree to the last digit.
	clockSlack = 0.01
)

// unfit says why the experiment proves nothing in either direction, or nothing.
func (c comparison) unfit() string {
	p := c.pairs
	if err := p.Validate(); err != nil {
		return "The record of the experiment is void: " + strings.ReplaceAll(err.Error(), "\n", "; ") + "."
	}
	if reason := unplanned(p); reason != "" {
		return reason
	}
	if reason := fleeting(p); reason != "" {
		return reason
	}
	if reason := differing(p.BaselineArm, p.CurrentArm); reason != "" {
		return reason
	}
	for _, arm := range []measure.Arm{p.BaselineArm, p.CurrentArm} {
		if reason := forgetful(arm); reason != "" {
			return reason
		}
	}
	if reason := reset(p); reason != "" {
		return reason
	}
	return c.unsteady()
}

// unplanned says what of the plan was left to the experiment: where it may
// stop, how sure it must be, and who goes first are the same for all.
func unplanned(p measure.Pairs) string {
	if !slices.Equal(p.Looks, measure.Looks()) {
		return fmt.Sprintf("The experiment was to look after %v pairs; every experiment looks after %v.", p.Looks, measure.Looks())
	}
	if p.Alpha != measure.Alpha {
		write := figures(100*measure.Alpha, 100*p.Alpha)
		return fmt.Sprintf("The experiment allowed itself an error of %s %%; every experiment has %s %%.",
			write(100*p.Alpha), write(100*measure.Alpha))
	}
	if p.Slices > 1 && p.Slices != measure.Slices {
		return fmt.Sprintf("The blocks were split into %d slices; they run whole or in %d.", p.Slices, measure.Slices)
	}
	if p.First != measure.Order(p.Seed, len(p.First)) {
		return fmt.Sprintf("The order of the pairs is not that of the seed %d.", p.Seed)
	}
	return ""
}

// fleeting says that the blocks were too short or too cold to count.
func fleeting(p measure.Pairs) string {
	least := measure.LeastBlock.Seconds()
	if p.BlockSeconds < least*(1-clockSlack) {
		write := figures(1000*least, 1000*p.BlockSeconds)
		return fmt.Sprintf("The shortest block took %s ms, and %s ms is the least that counts.", write(1000*p.BlockSeconds), write(1000*least))
	}
	if p.WarmupPairs < measure.LeastWarmup {
		return "No pair was dropped to warm up, so that the first ones measure a cold machine."
	}
	return ""
}

// forgetful says that an arm ran without the durability that its promise is
// about, or does not say with which. An arm without a server stores nothing; it
// must not tell of a server all the same.
func forgetful(arm measure.Arm) string {
	if arm.Settings[measure.ServerSetting] == measure.NoServer {
		return imagined(arm)
	}
	for _, d := range durability() {
		value, told := arm.Settings[d.setting]
		if !told || value == "" {
			return fmt.Sprintf("The durability of the arm %q is not known: its %s was not recorded.", arm.Name, d.setting)
		}
		if !slices.Contains(d.sound, value) {
			return fmt.Sprintf("The arm %q may lose what it acknowledged: it ran with %s %q.", arm.Name, d.setting, value)
		}
	}
	return ""
}

// imagined says what an arm that ran without a server tells of one.
func imagined(arm measure.Arm) string {
	for _, d := range durability() {
		if _, told := arm.Settings[d.setting]; told {
			return fmt.Sprintf("The arm %q contradicts itself: it ran without a server and tells of its %s.", arm.Name, d.setting)
		}
	}
	if arm.Plan != "" {
		return fmt.Sprintf("The arm %q contradicts itself: it ran without a server and tells of its plan.", arm.Name)
	}
	return ""
}

// durable is a setting of the server and the values with which it keeps what
// it acknowledged.
type durable struct {
	setting string
	sound   []string
}

// Durability names the settings of a server that decide whether it keeps what
// it acknowledged.
func Durability() []string {
	var names []string
	for _, d := range durability() {
		names = append(names, d.setting)
	}
	return names
}

func durability() []durable {
	return []durable{
		{"fsync", []string{"on"}},
		{"full_page_writes", []string{"on"}},
		{"synchronous_commit", []string{"on", "remote_write", "remote_apply"}},
		{"wal_level", []string{"minimal", "replica", "logical"}},
	}
}

// differing names the first difference between two arms that must be alike.
func differing(baseline, current measure.Arm) string {
	if name := changed(baseline.Settings, current.Settings); name != "" {
		return fmt.Sprintf("The arms ran with different settings: %s was %q for the baseline and %q for the current arm.",
			name, baseline.Settings[name], current.Settings[name])
	}
	if baseline.Rows != current.Rows {
		return fmt.Sprintf("The arms started from different tables: %s rows for the baseline and %s for the current arm.",
			count(baseline.Rows), count(current.Rows))
	}
	return ""
}

// reset says which setting of an arm was another one after the last block than
// before the first. Settings that were not read again are taken at their word.
func reset(p measure.Pairs) string {
	if p.Server == nil {
		return ""
	}
	for _, side := range []struct {
		arm   measure.Arm
		after map[string]string
	}{{p.BaselineArm, p.Server.BaselineSettings}, {p.CurrentArm, p.Server.CurrentSettings}} {
		if side.after == nil {
			continue
		}
		if name := changed(side.arm.Settings, side.after); name != "" {
			return fmt.Sprintf("The arm %q changed while it was measured: %s was %q before the first block and %q after the last.",
				side.arm.Name, name, side.arm.Settings[name], side.after[name])
		}
	}
	return ""
}

// changed names the first setting that differs, in the order of the alphabet,
// or nothing.
func changed(before, after map[string]string) string {
	names := slices.Collect(maps.Keys(before))
	names = slices.AppendSeq(names, maps.Keys(after))
	slices.Sort(names)
	for _, name := range names {
		b, wasTold := before[name]
		a, isTold := after[name]
		if b != a || wasTold != isTold {
			return name
		}
	}
	return ""
}

// unsteady says why the machine cannot measure what the target asks for: it
// finds a difference between a block and itself, or spreads wider than the
// distance from 1 to the limit. Under a target that lets a loss through it may
// spread twice as wide, because the bar of a fail moves out with the spread and a
// pass needs the whole interval in any case.
func (c comparison) unsteady() string {
	if c.pairs.Fitness == nil {
		return "The machine was not shown to be fit: there is no run of the block against itself."
	}
	i, err := c.pairs.Fitness.Interval(fitnessLevel)
	if err != nil {
		return fmt.Sprintf("The machine was not shown to be fit: %v.", err)
	}
	alarm := i
	if wider, err := c.pairs.Fitness.Interval(alarmLevel); err == nil {
		alarm = wider
	}
	write := figures(1, alarm.Estimate, alarm.Low, alarm.High)
	if alarm.Low > 1+rounding || alarm.High < 1-rounding {
		return fmt.Sprintf("The machine is not fit: the same block against itself came out %s times as fast, and its interval from %s to %s leaves out 1.",
			write(alarm.Estimate), write(alarm.Low), write(alarm.High))
	}
	spread := math.Sqrt(i.High / i.Low)
	margin := max(math.Exp(math.Abs(math.Log(c.objective.Limit()))), leastMargin)
	if c.tolerant() {
		margin *= margin
	}
	if spread > margin*(1+rounding) {
		found, allowed := percentOver(spread), percentOver(margin)
		write = figures(allowed, found)
		return fmt.Sprintf("The machine is not fit: the same block against itself spreads by ±%s %%, and the target allows ±%s %%.",
			write(found), write(allowed))
	}
	return ""
}

// Fit reports whether the fitness check of p, which need hold nothing else but
// its direction, shows a machine that can measure what o asks for.
func Fit(o Objective, p measure.Pairs) bool { return o.comparison(p).unsteady() == "" }

// percentOver is how far a ratio lies over 1, to a hundredth of a per cent.
func percentOver(ratio float64) float64 { return math.Round(1e4*(ratio-1)) / 1e2 }
