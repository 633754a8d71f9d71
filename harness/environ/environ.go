// Package environ provides the place where a run is measured: a Postgres
// server, the process of the system under test, and the facts about the host
// and the server that every figure depends on. Whatever ends a run, nothing
// that this package started is left behind.
//
// The package refuses to know what is measured there, which promises exist, and
// how the system under test is built.
package environ

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The names of the providers, in the order in which "auto" tries them.
const (
	External  = "external"
	Container = "container"
	Local     = "local"
	Embedded  = "embedded"

	auto = "auto"
)

// Options says which Postgres to provide and how. The zero value is "auto"
// with no watchdog: good for tests, not for a run that may be killed.
type Options struct {
	// Choice is auto (also when empty), container, local, embedded, or the
	// postgres:// address of a server that is there already.
	Choice string
	// DatabaseURL is a server that "auto" tries first; empty for none.
	DatabaseURL string
	// Image is the container image to use, and then no other. Empty means
	// postgres:17-alpine, or signoff-postgres:17 where that was built.
	Image string
	// PullTimeout bounds the pulling of the image; zero means 3 minutes.
	PullTimeout time.Duration
	// EmbeddedRepository is the Maven repository that embedded binaries come
	// from; empty means Maven Central.
	EmbeddedRepository string
	// CacheDir keeps downloaded binaries; empty means signoff in the user's
	// cache directory.
	CacheDir string
	// TempDir holds private clusters; empty means the system's.
	TempDir string
	// RunID becomes part of the name of every database and container, for
	// people who look at them; what makes the names unique is added.
	RunID string
	// JanitorCommand starts a process that calls [Janitor] on its standard
	// input, such as {"/path/to/signoff", "janitor"}. It cleans up when this
	// process is killed. Empty means no such watchdog.
	JanitorCommand []string
	// Progress is told, a line at a time, what takes time and what was chosen;
	// nil means nobody is.
	Progress func(line string)
}

func (o Options) say(format string, args ...any) {
	if o.Progress != nil {
		o.Progress(fmt.Sprintf(format, args...))
	}
}

// runName begins the name of whatever is made for the run.
func (o Options) runName(separator string) string {
	id := identifier(o.RunID)
	if id == "" {
		return "signoff" + separator
	}
	return "signoff" + separator + id[:min(len(id), 24)] + separator
}

// validate returns all that is wrong with the options at once.
func (o Options) validate() error {
	var errs []error
	if !slices.Contains([]string{"", auto, Container, Local, Embedded}, o.Choice) && !isAddress(o.Choice) {
		errs = append(errs, errors.New("choosing Postgres: the choice is none of auto, container, local, embedded and postgres://…"+
			"; pass one of them to --postgres"))
	}
	if isAddress(o.Choice) {
		_, err := parseAddress(o.Choice)
		errs = append(errs, err)
	}
	if o.DatabaseURL != "" && (o.Choice == "" || o.Choice == auto) {
		if _, err := parseAddress(o.DatabaseURL); err != nil {
			errs = append(errs, fmt.Errorf("DATABASE_URL: %w", err))
		}
	}
	if o.PullTimeout < 0 {
		errs = append(errs, fmt.Errorf("choosing Postgres: the pull timeout %v is negative", o.PullTimeout))
	}
	return errors.Join(errs...)
}

// isAddress reports whether a choice is meant as the address of a server.
func isAddress(choice string) bool {
	return strings.HasPrefix(choice, "postgres://") || strings.HasPrefix(choice, "postgresql://")
}

// provider is one way to come by a Postgres server.
type provider interface {
	name() string
	// probe says in a few words what it would use, or, as an unusable error,
	// why it cannot. It is quick and changes nothing.
	probe(ctx context.Context) (string, error)
	start(ctx context.Context, k *keeper) (*server, error)
}

// unusable says why a provider cannot be used here, and the way out.
type unusable struct{ why, wayOut string }

func (u unusable) Error() string { return u.why + "; " + u.wayOut }

// reason is the short form of why a provider was passed over.
func reason(err error) string {
	var u unusable
	if errors.As(err, &u) {
		return u.why
	}
	return err.Error()
}

// providers are those that the choice admits, in order.
func (o Options) providers() []provider {
	switch {
	case isAddress(o.Choice):
		return []provider{external{o: o, address: o.Choice}}
	case o.Choice == Container:
		return []provider{container{o}}
	case o.Choice == Local:
		return []provider{local{o}}
	case o.Choice == Embedded:
		return []provider{embedded{o}}
	}
	all := []provider{container{o}, local{o}, embedded{o}}
	if o.DatabaseURL != "" {
		all = slices.Insert(all, 0, provider(external{o: o, address: o.DatabaseURL}))
	}
	return all
}

// Start provides a Postgres server as the options ask, with fsync on and of a
// supported version, or returns one error that names the ways out. The caller
// stops it. Cancelling ctx ends the start, not the server.
func Start(ctx context.Context, o Options) (*Postgres, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	k, err := startKeeper(o.JanitorCommand)
	if err != nil {
		return nil, err
	}
	p, err := o.startFirst(ctx, k)
	if err != nil {
		return nil, errors.Join(err, k.done())
	}
	return p, nil
}

// startFirst starts the first provider that works.
func (o Options) startFirst(ctx context.Context, k *keeper) (*Postgres, error) {
	var passed []string // why the ones before were passed over
	var failures []error
	candidates := o.providers()
	for _, c := range candidates {
		p, err := o.startOne(ctx, k, c, passed)
		if err == nil {
			return p, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("starting Postgres (%s): %w", c.name(), context.Cause(ctx))
		}
		if len(candidates) == 1 {
			return nil, fmt.Errorf("starting Postgres (%s): %w", c.name(), err)
		}
		o.say("postgres: %s passed over: %s", c.name(), reason(err))
		passed = append(passed, c.name()+": "+reason(err))
		failures = append(failures, fmt.Errorf("  %-9s %w", c.name(), err))
	}
	return nil, noneWorks(failures)
}

// startOne starts one provider, checks the server and says why it is the one.
func (o Options) startOne(ctx context.Context, k *keeper, c provider, passed []string) (*Postgres, error) {
	found, err := c.probe(ctx)
	if err != nil {
		return nil, err
	}
	s, err := c.start(ctx, k)
	if err != nil {
		return nil, err
	}
	p := newPostgres(o, k, c.name(), s)
	if err := p.inspect(ctx); err != nil {
		return nil, errors.Join(err, s.stop(context.WithoutCancel(ctx)))
	}
	switch {
	case len(passed) > 0:
		p.facts.Why = fmt.Sprintf("%s; %s", found, strings.Join(passed, "; "))
	case c.name() == External && o.DatabaseURL != "":
		p.facts.Why = found + ", given by DATABASE_URL"
	case o.Choice == "" || o.Choice == auto:
		p.facts.Why = found + ", the first that works"
	default:
		p.facts.Why = found + ", asked for"
	}
	o.say("postgres: using %s, PostgreSQL %s (%s)", c.name(), p.facts.Version, p.facts.Why)
	return p, nil
}

// noneWorks names the four providers and the shortest way to each.
func noneWorks(failures []error) error {
	lines := []string{"starting Postgres: no provider works here:"}
	if len(failures) == 3 {
		lines = append(lines, "  external  no address was given; pass --postgres postgres://user@host/database or set DATABASE_URL")
	}
	for _, f := range failures {
		lines = append(lines, f.Error())
	}
	return errors.New(strings.Join(lines, "\n"))
}
