package baseline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// History is where entries and named baselines are kept. Nothing in it is ever
// changed or removed by this package.
type History interface {
	// Append adds the entry of a run. The same entry a second time changes
	// nothing; another entry of the same run is ErrDiffers.
	Append(ctx context.Context, e Entry) error
	// Entries are the entries that f asks for, oldest first, and what could
	// not be read. It is ErrNone where nobody has begun a history.
	Entries(ctx context.Context, f Filter) (Reading, error)
	// Promote gives a run a name.
	Promote(ctx context.Context, p Promotion) error
	// Promotions are all names that were ever given, oldest first.
	Promotions(ctx context.Context) ([]Promotion, []Fault, error)
	// String says where the history is, without a password.
	String() string
}

// The errors that a caller may want to tell apart.
var (
	ErrNone    = errors.New("there is no history yet")
	ErrDiffers = errors.New("the history has other figures of the same run")
)

// Filter chooses entries. Its zero value chooses all.
type Filter struct {
	Run         string
	Profile     string
	Environment string
}

func (f Filter) picks(e Entry) bool {
	return (f.Run == "" || f.Run == e.Run) &&
		(f.Profile == "" || f.Profile == e.Profile) &&
		(f.Environment == "" || f.Environment == e.Environment.ID)
}

// Reading is what was found, and what could not be read.
type Reading struct {
	Entries []Entry
	Faults  []Fault
}

// Fault is one line of a history that could not be read. It is passed over and
// stays where it is.
type Fault struct {
	Place  string `json:"place"` // file and line
	Reason string `json:"reason"`
}

func (f Fault) String() string { return f.Place + ": " + f.Reason }

// runInLine is the id of a run where a line that cannot be read still tells it.
var runInLine = regexp.MustCompile(`"run": ?"([0-9A-Za-z-]{1,64})"`)

// faultOf says why a line cannot be read, and which run is in it.
func faultOf(place string, line []byte, err error) Fault {
	f := Fault{place, flat(err)}
	if found := runInLine.FindSubmatch(line[:min(len(line), 1000)]); found != nil {
		f.Reason += fmt.Sprintf(" (run %s)", found[1])
	}
	return f
}

// Open opens the history in a directory, or in the Postgres of a postgres://
// address. Nothing is made before the first entry.
func Open(where string) (History, error) {
	switch {
	case strings.HasPrefix(where, "postgres://"), strings.HasPrefix(where, "postgresql://"):
		return openPostgres(where)
	case where == "":
		return nil, errors.New("no history is named: give a directory or a postgres:// address")
	case strings.Contains(where, "://"):
		return nil, errors.New("a history is a directory or a postgres:// address")
	default:
		return directory(where), nil
	}
}

// put orders entries by time, takes those out that are there twice, and names
// those that contradict each other, of which the first is kept.
func (r *Reading) put(places []string) {
	seen := map[string]int{}
	var kept []Entry
	for i, e := range r.Entries {
		first, again := seen[e.Run]
		switch {
		case !again:
			seen[e.Run] = len(kept)
			kept = append(kept, e)
		case !same(kept[first], e):
			r.Faults = append(r.Faults, Fault{places[i], fmt.Sprintf("%v: run %s", ErrDiffers, e.Run)})
		}
	}
	slices.SortStableFunc(kept, func(a, b Entry) int {
		if c := a.Started.Compare(b.Started); c != 0 {
			return c
		}
		return strings.Compare(a.Run, b.Run)
	})
	r.Entries = kept
}

func sortPromotions(p []Promotion) {
	slices.SortStableFunc(p, func(a, b Promotion) int { return a.Promoted.Compare(b.Promoted) })
}

// same compares entries as they are written. Plans that an older signoff did not
// keep are not held against its entry; what a run compared with always counts, as
// its figures mean something else.
func same(a, b Entry) bool {
	if a.Queries == nil || b.Queries == nil {
		a.Queries, b.Queries = nil, nil
	}
	one, err := encode(a)
	two, otherErr := encode(b)
	return err == nil && otherErr == nil && string(one) == string(two)
}

// encode writes a value as one line of JSON, always the same bytes for the same
// value.
func encode(v any) ([]byte, error) {
	return strict.Marshal(v, strict.Deterministic(true))
}

// plain takes out of an error of the JSON library what only its users understand.
func plain(err error) error {
	var semantic *strict.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it was cut short, as by a machine that went down while writing it")
	case errors.As(err, &syntactic):
		return fmt.Errorf("it is no JSON from byte %d on: %w", syntactic.ByteOffset+1, syntactic.Err)
	case errors.As(err, &semantic) && semantic.Err != nil:
		return fmt.Errorf("its %s cannot be read: %w", semantic.JSONPointer, semantic.Err)
	case errors.As(err, &semantic):
		return fmt.Errorf("its %s cannot be read", semantic.JSONPointer)
	default:
		return err
	}
}

// Named finds the promotion of a name that fits a profile and an environment:
// the newest of them. Where none fits it is the newest of the name, for whoever
// compares to say what does not fit; without any it is false.
func Named(all []Promotion, name, profile, environment string) (Promotion, bool) {
	var newest, fitting *Promotion
	for i := range all {
		p := &all[i]
		if p.Name != name {
			continue
		}
		newest = p
		if p.Entry.Profile == profile && p.Entry.Environment.ID == environment {
			fitting = p
		}
	}
	switch {
	case fitting != nil:
		return *fitting, true
	case newest != nil:
		return *newest, true
	default:
		return Promotion{}, false
	}
}

// baselineName is what a baseline may be called: nothing that looks like a path.
var baselineName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)

// NewPromotion gives e a name at a time. A run against another version gets
// none.
func NewPromotion(name string, e Entry, at time.Time) (Promotion, error) {
	if !baselineName.MatchString(name) {
		return Promotion{}, fmt.Errorf("%q is no name of a baseline: use letters, digits, -, _ and dots inside", name)
	}
	if e.Against != nil {
		return Promotion{}, fmt.Errorf("making run %s the baseline %s: %w", e.Run, name, errCompares)
	}
	return Promotion{Format: Format, Name: name, Promoted: at.UTC(), Entry: e}, nil
}
