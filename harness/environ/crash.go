package environ

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Another starts a second server of the same kind, version and settings, which
// shares nothing with the first: its databases, its crashes and its Stop are
// its own. Beside an external server there is none to be had.
func (p *Postgres) Another(ctx context.Context) (*Postgres, error) {
	const doing = "starting another Postgres"
	p.mu.Lock()
	stopped := p.stopped
	p.mu.Unlock()
	switch {
	case p.server.another == nil:
		return nil, p.foreign(doing)
	case stopped:
		return nil, fmt.Errorf("%s: the first is stopped", doing)
	}
	k, err := startKeeper(p.options.JanitorCommand)
	if err != nil {
		return nil, err
	}
	s, err := p.server.another(ctx, k)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s (%s): %w", doing, p.facts.Provider, err), k.done())
	}
	a := newPostgres(p.options, k, p.facts.Provider, s)
	if err := a.inspect(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s (%s): %w", doing, p.facts.Provider, err), a.Stop(context.WithoutCancel(ctx)))
	}
	a.facts.Why = "another beside the first, which is " + p.facts.Why
	p.options.say("postgres: using another %s beside the first, PostgreSQL %s", a.facts.Provider, a.facts.Version)
	return a, nil
}

// Crash kills the whole server at once and waits until nothing of it runs any
// more, as when the machine's memory is exhausted or a container is killed: no
// process of it gets to finish, to flush or to say goodbye. What the operating
// system was given to write is not lost, so this is not a power cut. Until
// Restart every connection is refused. An external server is never touched.
func (p *Postgres) Crash(ctx context.Context) error {
	const doing = "crashing Postgres"
	if p.server.crash == nil {
		return p.foreign(doing)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopped:
		return fmt.Errorf("%s: it is stopped", doing)
	case p.down.Load():
		return fmt.Errorf("%s: it is down already; restart it first", doing)
	}
	if err := p.server.crash(ctx); err != nil {
		return fmt.Errorf("%s (%s): %w", doing, p.facts.Provider, err)
	}
	p.down.Store(true)
	return nil
}

// Restart starts a crashed server again, on the same data and at the same
// address, and waits until it has recovered and answers. When it fails, the
// server is still down and Restart may be called again. A server that comes
// back with other settings than those in its facts is an error: what is
// measured before and after could not be compared.
func (p *Postgres) Restart(ctx context.Context) error {
	const doing = "restarting Postgres"
	if p.server.restart == nil {
		return p.foreign(doing)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopped:
		return fmt.Errorf("%s: it is stopped", doing)
	case !p.down.Load():
		return fmt.Errorf("%s: it was not crashed", doing)
	}
	if err := p.server.restart(ctx); err != nil {
		return fmt.Errorf("%s (%s): %w", doing, p.facts.Provider, err)
	}
	p.down.Store(false)
	if err := p.unchanged(ctx); err != nil {
		return fmt.Errorf("%s (%s): %w", doing, p.facts.Provider, err)
	}
	return nil
}

// unchanged compares the server with its facts.
func (p *Postgres) unchanged(ctx context.Context) error {
	found, err := p.look(ctx)
	if err != nil {
		return err
	}
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(p.facts.Settings)) {
		if before, after := p.facts.Settings[name], found.settings[name]; before != after {
			changed = append(changed, fmt.Sprintf("%s=%s (it was %s)", name, after, before))
		}
	}
	if len(changed) > 0 {
		return fmt.Errorf("it came back with other settings: %s; run ALTER SYSTEM RESET for them", strings.Join(changed, ", "))
	}
	return nil
}

// foreign says why something is not done with a server of somebody else.
func (p *Postgres) foreign(doing string) error {
	return fmt.Errorf("%s: %w", doing, unusable{
		why:    fmt.Sprintf("the server at %s is external: it is somebody else's, and only its databases are ours", p.address),
		wayOut: "choose --postgres container, local or embedded",
	})
}
