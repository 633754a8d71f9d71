package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/objective"
)

// screen shows the progress of a run: one line a scenario, and on a terminal a
// last line that lives, with what is being done, for how long, and how long it
// took the last time.
type screen struct {
	out   io.Writer
	live  bool
	times map[string]time.Duration
	run   time.Time     // when the run began
	allow time.Duration // what the profile allows; 0 is as long as it takes

	mu       sync.Mutex
	current  string
	what     string
	began    time.Time
	expected time.Duration
	stop     chan struct{}
	stopped  sync.WaitGroup
	closed   bool
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func newScreen(out io.Writer, live bool, times map[string]time.Duration, allow time.Duration) *screen {
	s := &screen{out: out, live: live, times: times, run: time.Now(), allow: allow, stop: make(chan struct{})}
	if live {
		s.stopped.Go(s.animate)
	}
	return s
}

func (s *screen) animate() {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.mu.Lock()
			s.draw()
			s.mu.Unlock()
		case <-s.stop:
			return
		}
	}
}

// wipe clears the living line.
const wipe = "\r\x1b[2K"

func (s *screen) draw() {
	if s.current == "" && s.what == "" {
		return
	}
	line := fmt.Sprintf("  %s", clock(time.Since(s.run)))
	if s.allow > 0 {
		line += " of " + clock(s.allow)
	}
	line += "  …"
	if s.current != "" {
		line += fmt.Sprintf(" %s  %s", s.current, time.Since(s.began).Round(time.Second))
	}
	if s.current != "" && s.expected > 0 {
		line += fmt.Sprintf(" of about %s", s.expected.Round(time.Second))
	}
	if s.what != "" {
		line += "  " + s.what
	}
	width := 100
	if file, ok := s.out.(*os.File); ok {
		if w, _, err := term.GetSize(int(file.Fd())); err == nil && w > 10 {
			width = w
		}
	}
	if r := []rune(line); len(r) >= width {
		line = string(r[:width-2]) + "…"
	}
	_, _ = io.WriteString(s.out, wipe+line)
}

// clock writes a duration as minutes and seconds.
func clock(d time.Duration) string {
	whole := int(d.Seconds())
	return fmt.Sprintf("%d:%02d", whole/60, whole%60)
}

// say prints a line that stays.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live {
		_, _ = io.WriteString(s.out, wipe)
	}
	_, _ = fmt.Fprintf(s.out, format+"\n", args...)
}

func (s *screen) started(sc evidence.Scenario, number, of int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = fmt.Sprintf("%d/%d %s %s", number, of, sc.ID, sc.Title)
	s.what, s.began, s.expected = "", time.Now(), s.times[sc.ID]
}

func (s *screen) doing(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.what = what
}

func (s *screen) finished(sc evidence.Scenario) {
	s.mu.Lock()
	s.current, s.what = "", ""
	s.mu.Unlock()
	s.say("  %s %-16s %-44s %5.1f s", outcomeOf(sc), sc.ID, sc.Title, sc.Seconds)
}

// outcomeOf is the outcome of a scenario as its own steps tell it; the run as a
// whole is judged afterwards.
func outcomeOf(sc evidence.Scenario) string {
	said := mark(objective.Pass)
	for _, st := range sc.Steps {
		switch st.Status {
		case evidence.StepFailed:
			said = mark(objective.Fail)
		case evidence.StepPending:
			said = mark(objective.Inconclusive)
		}
	}
	if sc.Broken != "" {
		said = "! broken"
	}
	return fmt.Sprintf("%-14s", said)
}

func mark(v objective.Verdict) string {
	marks := map[objective.Verdict]string{
		objective.Pass: "✓", objective.Fail: "✗", objective.Inconclusive: "?", objective.Unfit: "~", objective.NotRun: "-",
	}
	return strings.TrimSpace(marks[v] + " " + string(v))
}

// close ends the living line. It may be called twice.
func (s *screen) close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	s.stopped.Wait()
	if s.live {
		_, _ = io.WriteString(s.out, wipe)
	}
}
