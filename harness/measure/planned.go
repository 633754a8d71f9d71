package measure

import (
	"math/rand/v2"
	"strings"
	"time"
)

// What every experiment has in common. An experiment that could choose these
// after it saw its pairs would prove nothing, so that a judge insists on them.
const (
	// Alpha is the two-sided error that all looks of an experiment spend
	// together.
	Alpha = 0.05
	// LeastBlock is the shortest block that counts: below it the timer, the
	// scheduler and a single garbage collection are part of the figure.
	LeastBlock = 100 * time.Millisecond
	// Slices is into how many slices a block is split where it may be: some
	// ten milliseconds each.
	Slices = 10
	// LeastWarmup is the number of pairs that are dropped in any case.
	LeastWarmup = 1
)

// Looks are the numbers of pairs at which an experiment may stop.
func Looks() []int { return []int{10, 20, 40} }

// orderStream keeps the coin apart from whatever else a seed decides.
const orderStream = 0x7061697273

// Order says which arm goes first in each of so many pairs, 'b' for the
// baseline and 'c' for the current one: the highest bits of a PCG generator
// (O'Neill, PCG, 2014) with that seed. A longer order begins with the shorter.
func Order(seed uint64, pairs int) string {
	coin := rand.NewPCG(seed, orderStream)
	var order strings.Builder
	for range pairs {
		order.WriteByte("bc"[coin.Uint64()>>63])
	}
	return order.String()
}
