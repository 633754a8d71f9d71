package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signoff-dev/signoff/fixtures/market"
	"github.com/signoff-dev/signoff/harness/drive"
	"github.com/signoff-dev/signoff/harness/environ"
	"github.com/signoff-dev/signoff/harness/measure"
)

func regressionSteps() []Definition {
	var answers []Yield
	for _, q := range drive.Questions() {
		answers = append(answers, Yield{lookingUp(q), "× baseline", Pairs})
	}
	return []Definition{
		{
			Keyword: "Given",
			Pattern: `^the tested release and the one before, each with ([\d,]+) prices of ([\d,]+) instruments$`,
			Example: "the tested release and the one before, each with 20,000 prices of 200 instruments",
			Help:    "Starts the version that is tested and the one named by --against (the baseline) side by side, each with a database that it migrated itself on the same server, and has both store the same prices and the real daily bars of the instruments. Needs signoff run --against.",
			Do:      twoReleases,
		},
		{
			Keyword: "When",
			Pattern: `^both releases store prices in batches of ([\d,]+)$`,
			Example: "both releases store prices in batches of 100",
			Help:    "Has both versions store batches over the wire in interleaved pairs, one request after the other, after the baseline was compared with itself. Before and after, the server is asked right after acknowledgements whether they are on its disk: a version that does not wait for that is recorded with synchronous_commit off, whatever is set, and proves nothing.",
			Yields:  []Yield{{"storing in batches of $1", "× baseline", Pairs}},
			Do:      releasesStore,
		},
		{
			Keyword: "When",
			Pattern: `^both releases are asked about prices$`,
			Example: "both releases are asked about prices",
			Help:    "Asks both versions each kind of question about one instrument after the other, in interleaved pairs. Every answer was right once before any is timed. How each database carries the questions out is kept, and a difference is told.",
			Yields:  answers,
			Do:      releasesAnswer,
		},
		{
			Keyword: "When",
			Pattern: `^both releases bring bursts of ([\d,]+) prices to ([\d,]+) traders$`,
			Example: "both releases bring bursts of 100 prices to 20 traders",
			Help:    "Has both versions store bursts in interleaved pairs. A burst is over when the last trader has the last of its prices; a price that does not arrive ends the comparison.",
			Yields:  []Yield{{"delivering bursts", "× baseline", Pairs}},
			Do:      releasesDeliver,
		},
		{
			Keyword: "When",
			Pattern: `^both releases are asked how they are$`,
			Example: "both releases are asked how they are",
			Help:    "Asks both versions for their health in interleaved pairs.",
			Yields:  []Yield{{"telling the health", "× baseline", Pairs}},
			Do:      releasesTellHealth,
		},
	}
}

// lookingUp is the measure of a question about prices.
func lookingUp(question string) string { return "looking up the " + question }

var (
	errNothingBefore = errors.New("there is no release to compare with; name one with signoff run --against REF")
	errNoReleases    = errors.New("there are no releases to compare; begin with \"Given the tested release and the one before, each with 20,000 prices of 200 instruments\"")
)

func twoReleases(ctx context.Context, prices, instruments string) error {
	w := worldFrom(ctx)
	n, err := numbers(prices, instruments)
	if err != nil {
		return err
	}
	if w.bench.config.Against == "" {
		return errNothingBefore
	}
	if err := w.list(ctx, n[1]); err != nil {
		return err
	}
	if w.previous, err = w.release(ctx, "baseline", previousTemplate, w.bench.config.Against, n[0]); err != nil {
		return fmt.Errorf("the release before cannot be put to work (it needs the verbs migrate up and serve): %w", err)
	}
	if w.tested, err = w.release(ctx, "current", currentTemplate, w.bench.config.Service, n[0]); err != nil {
		return fmt.Errorf("the tested release cannot be put to work: %w", err)
	}
	return nil
}

// release starts a version of the service on a database of its own and stocks
// it.
func (w *world) release(ctx context.Context, arm, schema, program string, prices int) (*drive.Release, error) {
	dsn, err := w.bench.database(ctx, w, schema)
	if err != nil {
		return nil, err
	}
	service, err := environ.StartService(ctx, environ.ServiceOptions{Path: program, DSN: dsn, Guard: w.bench.config.Postgres})
	if err != nil {
		return nil, fmt.Errorf("starting the service: %w", err)
	}
	w.later(service.Stop)
	w.service = service // the one whose last words are kept: the tested release is started last
	release, err := drive.OpenRelease(ctx, arm, service.URL(), dsn)
	if err != nil {
		return nil, err
	}
	w.later(release.Close)
	symbols := market.Symbols(w.instruments)
	bars, _, err := market.Sample()
	if err != nil {
		return nil, fmt.Errorf("reading the market sample: %w", err)
	}
	listed := slices.DeleteFunc(bars, func(b market.Bar) bool { return !slices.Contains(symbols, b.Symbol) })
	w.bench.doing("storing %d prices in the %s release", prices, arm)
	if err := release.Stock(ctx, w.bench.history(prices, w.instruments), listed, symbols); err != nil {
		return nil, err
	}
	return release, nil
}

// laterPrices are the prices that come after those that the releases hold, the same
// for both.
func (w *world) laterPrices() *market.Ticks {
	return w.generator(w.bench.opening().Add(time.Hour))
}

// releaseBlock is how long a block of a release lasts at least. What a service
// leaves behind when it has answered would fall into a slice of its rival, so that
// its blocks run whole, and last longer instead.
const releaseBlock = 2 * measure.LeastBlock

// both makes the workload of either release and compares them.
func (w *world) both(ctx context.Context, name, unit string, perUnit float64, of func(*drive.Release) (drive.Workload, error)) error {
	if w.previous == nil || w.tested == nil {
		return errNoReleases
	}
	baseline, err := of(w.previous)
	if err != nil {
		return err
	}
	current, err := of(w.tested)
	if err != nil {
		return err
	}
	return w.compare(ctx, name, unit, perUnit, releaseBlock, baseline, current)
}

func releasesStore(ctx context.Context, size string) error {
	w := worldFrom(ctx)
	n, err := number(size)
	if err != nil {
		return err
	}
	return w.both(ctx, "storing in batches of "+size, "prices/s", float64(n), func(r *drive.Release) (drive.Workload, error) {
		return r.Store(ctx, n, w.laterPrices)
	})
}

func releasesAnswer(ctx context.Context) error {
	w := worldFrom(ctx)
	for _, q := range drive.Questions() {
		err := w.both(ctx, lookingUp(q), "answers/s", 1, func(r *drive.Release) (drive.Workload, error) {
			return r.Answer(ctx, q)
		})
		if err != nil {
			return err
		}
	}
	return w.comparePlans(ctx)
}

func releasesDeliver(ctx context.Context, burst, traders string) error {
	w := worldFrom(ctx)
	n, err := numbers(burst, traders)
	if err != nil {
		return err
	}
	return w.both(ctx, "delivering bursts", "deliveries/s", float64(n[0]*n[1]), func(r *drive.Release) (drive.Workload, error) {
		work, leave, err := r.Deliver(ctx, n[1], n[0], w.laterPrices)
		if err == nil {
			w.later(func(context.Context) error { leave(); return nil })
		}
		return work, err
	})
}

func releasesTellHealth(ctx context.Context) error {
	w := worldFrom(ctx)
	return w.both(ctx, "telling the health", "answers/s", 1, func(r *drive.Release) (drive.Workload, error) {
		return r.Health(ctx)
	})
}
