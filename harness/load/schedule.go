package load

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Schedule says when each operation of an open session is due. A schedule is
// asked by one goroutine at a time, in rising order of i.
type Schedule interface {
	// Due returns the offset of operation i, counted from 0, from the start
	// of the session. When the session has fewer operations it returns the
	// length of the session and false.
	Due(i int) (time.Duration, bool)
}

// Constant spreads perSecond operations evenly over each second of the
// session; the first is due at once.
func Constant(perSecond float64, session time.Duration) Schedule {
	return constant{perSecond: perSecond, session: session}
}

// Ramp changes the rate evenly from one figure to the other over the session,
// both in operations a second. Either may be zero, but not both.
func Ramp(from, to float64, session time.Duration) Schedule {
	return ramp{from: from, to: to, session: session}
}

// Poisson spreads operations at random, independently of each other, with a
// mean of perSecond: the arrivals of many independent users. Equal seeds give
// equal schedules.
func Poisson(perSecond float64, session time.Duration, seed uint64) Schedule {
	return &poisson{perSecond: perSecond, session: session, seed: seed, next: -1}
}

type constant struct {
	perSecond float64
	session   time.Duration
}

func (c constant) Due(i int) (time.Duration, bool) {
	if float64(i) >= whole(c.perSecond*c.session.Seconds()) {
		return c.session, false
	}
	return offset(float64(i) / c.perSecond), true
}

func (c constant) check() error {
	return errors.Join(checkRate("the rate", c.perSecond, false), checkSession(c.session))
}

type ramp struct {
	from, to float64
	session  time.Duration
}

// Due solves from·t + (to−from)/(2·session)·t² = i for t, in the form that
// does not cancel when both rates are nearly equal.
func (r ramp) Due(i int) (time.Duration, bool) {
	n, seconds := float64(i), r.session.Seconds()
	if n >= whole((r.from+r.to)/2*seconds) {
		return r.session, false
	}
	if i == 0 {
		return 0, true
	}
	slope := (r.to - r.from) / seconds
	root := math.Sqrt(max(0, r.from*r.from+2*slope*n))
	return offset(2 * n / (r.from + root)), true
}

func (r ramp) check() error {
	problems := []error{
		checkRate("the first rate", r.from, true),
		checkRate("the last rate", r.to, true),
		checkSession(r.session),
	}
	if r.from == 0 && r.to == 0 {
		problems = append(problems, errors.New("a ramp from 0 to 0 operations a second has no operation"))
	}
	return errors.Join(problems...)
}

type poisson struct {
	perSecond float64
	session   time.Duration
	seed      uint64

	coin *rand.Rand
	next int // the operation that at belongs to
	at   float64
}

func (p *poisson) Due(i int) (time.Duration, bool) {
	if p.coin == nil || i < p.next {
		p.coin, p.next, p.at = rand.New(rand.NewPCG(p.seed, 0x706f6973736f6e)), -1, 0
	}
	for p.next < i {
		p.at += p.coin.ExpFloat64() / p.perSecond
		p.next++
	}
	if p.at >= p.session.Seconds() {
		return p.session, false
	}
	return offset(p.at), true
}

func (p *poisson) check() error {
	return errors.Join(checkRate("the rate", p.perSecond, false), checkSession(p.session))
}

// whole forgives the last bits of a product, so that 0.1 a second for 30
// seconds is three operations and not four.
func whole(operations float64) float64 { return operations - 1e-9*max(1, operations) }

func offset(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

func checkRate(what string, perSecond float64, zero bool) error {
	switch {
	case math.IsNaN(perSecond), math.IsInf(perSecond, 0), perSecond < 0:
		return fmt.Errorf("%s is %v operations a second: want a number", what, perSecond)
	case perSecond == 0 && !zero:
		return fmt.Errorf("%s is 0 operations a second: want more than 0", what)
	}
	return nil
}

func checkSession(session time.Duration) error {
	if session <= 0 {
		return fmt.Errorf("the session lasts %v: want more than 0", session)
	}
	return nil
}
