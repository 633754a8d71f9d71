package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/measure"
)

// Server is a database server that can be killed; see environ.Postgres.
type Server interface {
	// Crash kills every process of the server at once.
	Crash(ctx context.Context) error
	// Restart starts it again on the same data at the same address.
	Restart(ctx context.Context) error
}

// BadDay is an upgrade under load in which something is killed in the middle of
// statements of the migrations, and the operator runs the tool again.
type BadDay struct {
	Upgrade
	// Server is killed, and started again at once. Nil kills the operator's
	// tool instead.
	Server Server
	// Kills is how many are made at least, spread evenly over the moves. If too
	// few were made on a way that ends where it began, or if there were enough
	// for all steps and one was spared, it is taken again.
	Kills int
	// Seed chooses the statements and the moments in them.
	Seed uint64
	// Guard is the server whose janitor ends the tool if we are killed; nil is
	// nobody.
	Guard *environ.Postgres
}

// Kill is one that was made: the statement that had begun last, as the tool
// told before it ended, and whether it was under way.
type Kill struct {
	Version       int64
	Up            bool
	Statement, Of int
	Title         string
	// Inside says that the tool had not told the end of the statement.
	Inside bool
	// After is how long the statement had been under way, as we saw it.
	After time.Duration
}

// String tells where the kill struck.
func (k Kill) String() string {
	direction, where := "down from", "in"
	if k.Up {
		direction = "up to"
	}
	if !k.Inside {
		where = "after"
	}
	return fmt.Sprintf("%s %d, %s statement %d of %d (%s)", direction, k.Version, where, k.Statement, k.Of, k.Title)
}

// BadDayOutcome is what came of a bad day. The ledger is to be compared with
// the database: see CountLosses.
type BadDayOutcome struct {
	UpgradeOutcome
	Kills []Kill
}

// Play takes the way on a bad day. It yields what Upgrade.UnderLoad yields, of
// which the stall and the refused prices include the time in which the server
// was away, and
//
//   - "kills", a count: those made while a migration was under way;
//   - "kills inside a statement", a count of all kills;
//   - "steps without a kill", counted of the steps from one version to the next
//     that the way has: in none of the times that it was taken was it stopped;
//   - "migrations left unfinished", counted of the moves: the tool, run again,
//     did not get there.
func (b BadDay) Play(ctx context.Context) (BadDayOutcome, error) {
	if len(b.Way) == 0 {
		return BadDayOutcome{}, errors.New("playing a bad day: there is no way to go")
	}
	k := &killer{BadDay: b, coin: rand.New(rand.NewPCG(b.Seed, 0x6b696c6c)), struck: map[[2]int64]bool{}}
	moves := 0
	out, err := b.play(ctx, func(ctx context.Context, m *Move) error {
		// A move that is over too soon leaves its kills to those that follow,
		// and, once there are enough, to the next time that it is made.
		share := b.Kills*(moves+1)/len(b.Way) - len(k.kills)
		if moves >= len(b.Way) {
			share = b.Kills - len(k.kills)
			if b.Kills >= len(b.Way) && !k.struck[[2]int64{m.From, m.To}] {
				share = max(share, 1)
			}
		}
		moves++
		return k.make(ctx, m, share)
	}, func() bool { return k.unfinished() && moves < laps*len(b.Way) })
	day := BadDayOutcome{UpgradeOutcome: out, Kills: k.kills}
	if err != nil {
		return day, err
	}
	var inside int64
	for _, kill := range k.kills {
		if kill.Inside {
			inside++
		}
	}
	n := int64(len(k.kills))
	return day, day.Measures.Add(measure.Set{
		"steps without a kill":     count("steps without a kill", k.spared(), int64(len(k.struck))),
		"kills":                    {Amount: &measure.Amount{Value: float64(n), Of: n, Says: fmt.Sprintf("%d meant", b.Kills)}},
		"kills inside a statement": count("kills inside a statement", inside, n),
	})
}

// laps is how often the way is taken at most.
const laps = 3

// killer makes moves and kills in the middle of them.
type killer struct {
	BadDay
	coin   *rand.Rand
	kills  []Kill
	struck map[[2]int64]bool // every step that was made, and whether it was ever stopped
}

// unfinished says that kills are missing: in all, or, if there are enough for
// all, in a step.
func (k *killer) unfinished() bool {
	return len(k.kills) < k.Kills || k.Kills >= len(k.Way) && k.spared() > 0
}

// spared counts the steps that were never stopped.
func (k *killer) spared() (n int64) {
	for _, ever := range k.struck {
		if !ever {
			n++
		}
	}
	return n
}

// more is how often the tool is run again without being stopped before a move
// counts as unfinished.
const more = 3

// make runs the tool until it got there, and stops it share times on the way.
func (k *killer) make(ctx context.Context, m *Move, share int) error {
	step := [2]int64{m.From, m.To}
	if _, made := k.struck[step]; !made {
		k.struck[step] = false
	}
	for left, failed := share, 0; ; {
		m.Tries++
		killed, err := k.try(ctx, m, left > 0)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if killed {
			left--
			k.struck[step] = true
		}
		var cannot inability
		switch {
		case errors.As(err, &cannot):
			return cannot.error
		case err == nil:
			return nil
		case killed:
		case failed == more-1:
			m.Unfinished, m.Problem = true, err.Error()
			return nil
		default:
			failed++
		}
	}
}

// inability is an error of the driver, in contrast to one of the tool.
type inability struct{ error }

// afterRestart bounds how long the tool may go on when its server was killed.
const afterRestart = 30 * time.Second

// try runs the tool once and kills at a statement of the coin's choice, unless
// the tool gets there before.
func (k *killer) try(ctx context.Context, m *Move, kill bool) (killed bool, err error) {
	task, err := environ.Begin(ctx, k.Operator.Tool, k.Operator.DSN, k.Guard, append(moving(m.From, m.To), "--json")...)
	if err != nil {
		return false, inability{fmt.Errorf("going from schema %d to %d: %w", m.From, m.To, err)}
	}
	aim := aim{from: m.From, to: m.To, coin: k.coin}
	var last progress
	var struck time.Time
	for line := range task.Lines() {
		last.follow(line)
		if kill && !killed && aim.at(last) {
			pause(ctx, aim.delay())
			killed, struck = true, time.Now()
			if err := k.strike(ctx, task); err != nil {
				return true, inability{errors.Join(err, task.Kill())}
			}
			break
		}
	}
	if !killed {
		return false, task.Wait()
	}
	for line := range task.Lines() { // what it said before it noticed
		last.follow(line)
	}
	k.kills = append(k.kills, last.struck(struck))
	return true, task.Wait()
}

// strike kills the tool, or the server and starts that again.
func (k *killer) strike(ctx context.Context, task *environ.Task) error {
	if k.Server == nil {
		return task.Kill()
	}
	if err := k.Server.Crash(ctx); err != nil {
		return err
	}
	if err := k.Server.Restart(ctx); err != nil {
		return err
	}
	k.Market.awaken(ctx)
	// A tool that hangs is killed, and that is found out by running it again.
	ended := make(chan struct{})
	go func() { // ends with the task
		defer close(ended)
		_ = task.Wait()
	}()
	patience := time.NewTimer(afterRestart)
	defer patience.Stop()
	select {
	case <-ended:
		return nil
	case <-patience.C:
		return task.Kill()
	}
}

// awaken waits until the service finds its database again, so that something is
// stored between two kills; how long it takes is measured as a stall.
func (m *Market) awaken(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, afterRestart)
	defer cancel()
	for ctx.Err() == nil {
		if status, _, err := m.fetch(ctx, "/api/health/ready"); err == nil && status == http.StatusOK {
			return
		}
		pause(ctx, 20*time.Millisecond)
	}
}

// event is a line of what the tool tells while it migrates.
type event struct {
	Event     string `json:"event"`
	Version   int64  `json:"version"`
	Up        bool   `json:"up"`
	Statement int    `json:"statement"`
	Of        int    `json:"of"`
	Title     string `json:"title"`
}

// progress is the statement that began last.
type progress struct {
	event
	began time.Time
	ended bool
}

func (p *progress) follow(line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil {
		return
	}
	switch {
	case e.Event == "begin":
		*p = progress{event: e, began: time.Now()}
	case e.Event == "end" && e.Version == p.Version && e.Statement == p.Statement, e.Event == "step", e.Event == "done":
		p.ended = true
	}
}

func (p progress) struck(at time.Time) Kill {
	return Kill{
		Version: p.Version, Up: p.Up, Statement: p.Statement, Of: p.Of, Title: p.Title, Inside: !p.ended, After: at.Sub(p.began),
	}
}

// aim chooses where to strike: a step of the move, and a statement of the step
// once it is known how many there are.
type aim struct {
	from, to  int64
	coin      *rand.Rand
	step      int64 // how many steps are let pass
	statement int   // 0 while it is not chosen
	seen      map[int64]bool
}

// at says whether the statement that began last is the one, or one behind it.
func (a *aim) at(p progress) bool {
	if p.Event != "begin" || p.ended {
		return false
	}
	if a.seen == nil {
		a.seen = map[int64]bool{}
		a.step = a.coin.Int64N(max(a.to-a.from, a.from-a.to, 1))
	}
	a.seen[p.Version] = true
	if int64(len(a.seen)) <= a.step {
		return false
	}
	if a.statement == 0 {
		a.statement = p.Statement + a.coin.IntN(max(1, p.Of-p.Statement+1))
	}
	return p.Statement >= a.statement || int64(len(a.seen)) > a.step+1
}

// delay is how far into the statement the strike is: at once, or a little later,
// since some statements take no time and others long.
func (a *aim) delay() time.Duration {
	return time.Duration(a.coin.IntN(2)) * time.Duration(a.coin.Int64N(int64(30*time.Millisecond)))
}
