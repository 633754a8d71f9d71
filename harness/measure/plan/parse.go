package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Bounds of what is read. A plan over ten thousand partitions stays below them.
const (
	mostBytes = 64 << 20
	mostNodes = 200_000
	deepest   = 500
)

// wire is a step as Postgres writes it. What it writes differently from
// version to version is read as text first.
type wire struct {
	Type      string `json:"Node Type"`
	Role      string `json:"Parent Relationship"`
	Name      string `json:"Subplan Name"`
	Relation  string `json:"Relation Name"`
	Alias     string `json:"Alias"`
	Index     string `json:"Index Name"`
	CTE       string `json:"CTE Name"`
	Function  string `json:"Function Name"`
	Join      string `json:"Join Type"`
	Direction string `json:"Scan Direction"`
	Strategy  string `json:"Strategy"`
	Operation string `json:"Operation"`
	Conflict  string `json:"Conflict Resolution"`

	IndexCond   text `json:"Index Cond"`
	RecheckCond text `json:"Recheck Cond"`
	TIDCond     text `json:"TID Cond"`
	HashCond    text `json:"Hash Cond"`
	MergeCond   text `json:"Merge Cond"`
	JoinFilter  text `json:"Join Filter"`
	Filter      text `json:"Filter"`
	OneTime     text `json:"One-Time Filter"`
	RunCond     text `json:"Run Condition"`
	SortKey     text `json:"Sort Key"`
	Presorted   text `json:"Presorted Key"`
	GroupKey    text `json:"Group Key"`
	CacheKey    text `json:"Cache Key"`
	Arbiter     text `json:"Conflict Arbiter Indexes"`

	Estimated float64  `json:"Plan Rows"`
	Rows      *float64 `json:"Actual Rows"`
	Loops     *float64 `json:"Actual Loops"`
	ByFilter  float64  `json:"Rows Removed by Filter"`
	ByJoin    float64  `json:"Rows Removed by Join Filter"`
	ByRecheck float64  `json:"Rows Removed by Index Recheck"`
	Removed   int      `json:"Subplans Removed"`
	Hit       *int64   `json:"Shared Hit Blocks"`
	Read      *int64   `json:"Shared Read Blocks"`
	Plans     []wire   `json:"Plans"`
}

// text is a string or a list of strings.
type text string

// UnmarshalJSON joins a list with commas.
func (t *text) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte("[")) {
		var list []string
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		*t = text(strings.Join(list, ", "))
		return nil
	}
	var one string
	if err := json.Unmarshal(raw, &one); err != nil {
		return err
	}
	*t = text(one)
	return nil
}

// Parse reads one plan as EXPLAIN (FORMAT JSON) writes it: a list of one
// object with the key Plan. What it does not know it leaves out; what cannot
// be a plan is an error that says where it went wrong.
func Parse(explainJSON []byte) (Node, error) {
	if len(explainJSON) > mostBytes {
		return Node{}, fmt.Errorf("reading a plan: it has %d bytes, and no plan has more than %d", len(explainJSON), mostBytes)
	}
	var plans []struct {
		Plan *wire `json:"Plan"`
	}
	if err := json.Unmarshal(explainJSON, &plans); err != nil {
		return Node{}, fmt.Errorf("reading a plan: %w", understood(err))
	}
	if len(plans) != 1 || plans[0].Plan == nil {
		return Node{}, errors.New("reading a plan: want a list of one object with the key Plan, as EXPLAIN (FORMAT JSON) prints it")
	}
	r := reader{left: mostNodes}
	n, err := r.node(*plans[0].Plan, 1)
	if err != nil {
		return Node{}, fmt.Errorf("reading a plan: %w", err)
	}
	return n, nil
}

// understood leaves the names of our types out of an error.
func understood(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("%s at %s cannot be a plan's (byte %d)", kind.Value, orTop(kind.Field), kind.Offset)
	}
	return err
}

func orTop(field string) string {
	if field == "" {
		return "the top"
	}
	return field
}

type reader struct{ left int }

func (r *reader) node(w wire, depth int) (Node, error) {
	if r.left--; r.left < 0 {
		return Node{}, fmt.Errorf("it has more than %d steps", mostNodes)
	}
	if depth > deepest {
		return Node{}, fmt.Errorf("it is more than %d steps deep", deepest)
	}
	if w.Type == "" {
		return Node{}, fmt.Errorf("a step at depth %d has no Node Type", depth)
	}
	n := Node{
		Type: w.Type, Role: w.Role, Name: w.Name, Detail: w.detail(),
		Relation: w.Relation, Alias: w.Alias, Index: w.Index,
		Conditions: w.conditions(), Estimated: w.Estimated, Removed: w.Removed,
	}
	if w.Rows != nil && w.Loops != nil {
		n.Actual = &Actual{Rows: *w.Rows, Loops: *w.Loops, Discarded: w.ByFilter + w.ByJoin + w.ByRecheck}
	}
	if w.Hit != nil && w.Read != nil {
		n.Buffers = &Buffers{Hit: *w.Hit, Read: *w.Read}
	}
	if !n.counts() {
		return Node{}, fmt.Errorf("%s at depth %d has a number that cannot be a count", n.Type, depth)
	}
	for _, below := range w.Plans {
		child, err := r.node(below, depth+1)
		if err != nil {
			return Node{}, err
		}
		n.Children = append(n.Children, child)
	}
	return n, nil
}

// counts reports whether every number of the step can be a count.
func (n Node) counts() bool {
	good := func(figures ...float64) bool {
		for _, f := range figures {
			if math.IsNaN(f) || math.IsInf(f, 0) || f < 0 {
				return false
			}
		}
		return true
	}
	if n.Actual != nil && !good(n.Actual.Rows, n.Actual.Loops, n.Actual.Discarded) {
		return false
	}
	return good(n.Estimated) && n.Removed >= 0
}

// detail is what belongs to the type, leaving out what is the ordinary case.
func (w wire) detail() string {
	var said []string
	for _, word := range []string{w.Operation, w.Conflict, w.Join, w.Strategy, w.Direction, w.CTE, w.Function} {
		switch word {
		case "", "Inner", "Plain", "Forward", "None":
		default:
			said = append(said, word)
		}
	}
	return strings.Join(said, " ")
}

func (w wire) conditions() []Condition {
	var all []Condition
	for _, c := range []struct {
		kind string
		text text
	}{
		{"Index Cond", w.IndexCond},
		{"Recheck Cond", w.RecheckCond},
		{"TID Cond", w.TIDCond},
		{"Hash Cond", w.HashCond},
		{"Merge Cond", w.MergeCond},
		{"Join Filter", w.JoinFilter},
		{"Filter", w.Filter},
		{"One-Time Filter", w.OneTime},
		{"Run Condition", w.RunCond},
		{"Sort Key", w.SortKey},
		{"Presorted Key", w.Presorted},
		{"Group Key", w.GroupKey},
		{"Cache Key", w.CacheKey},
		{"Conflict Arbiter Indexes", w.Arbiter},
	} {
		if c.text != "" {
			all = append(all, Condition{c.kind, string(c.text)})
		}
	}
	return all
}
