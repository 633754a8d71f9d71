package report_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/evidence"
	"github.com/signoff-dev/signoff/harness/measure"
)

// TestMain knows the flag that writes the pictures anew:
// go test ./harness/report -run Bullet -update.
func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files anew")
	m.Run()
}

func TestABulletStandsAgainstItsLimit(t *testing.T) {
	fast, slow := experiment("ms", 46, 2.48, .04, 10, true), experiment("ms", 46, .7, .04, 10, true)
	tests := map[string]evidence.Scenario{
		"at_least_holds":      one(measure.Value{Name: "m", Pairs: &fast}, "at least 2 × baseline"),
		"at_least_far_beyond": one(measure.Value{Name: "m", Pairs: &fast}, "at least 1.1 × baseline"),
		"duration_too_long":   one(measure.Value{Name: "m", Pairs: &slow}, "at most 105 % of baseline"),
		"at_most_holds":       one(measure.Value{Name: "m", Unit: "ms", Amount: &measure.Amount{Value: 20, Of: 5}}, "at most 50 ms"),
		"at_most_missed":      one(measure.Value{Name: "m", Unit: "ms", Amount: &measure.Amount{Value: 70, Of: 5}}, "at most 50 ms"),
		"exactly_none":        one(measure.Value{Name: "m", Share: &measure.Share{Of: 10}}, "exactly 0"),
		"exactly_none_missed": one(measure.Value{Name: "m", Share: &measure.Share{Hits: 3, Of: 10}}, "exactly 0"),
		"exactly_ten":         one(measure.Value{Name: "m", Share: &measure.Share{Hits: 10, Of: 10}}, "exactly 10"),
		"nearly_whole":        one(measure.Value{Name: "m", Unit: "%", Share: &measure.Share{Hits: 99995, Of: 100000}}, "at least 99.99 %"),
		"not_measured":        one(measure.Value{Name: "other", Share: &measure.Share{Of: 1}}, "at most 50 ms"),
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			page := drawn(t, with("pr", s), trusted())
			got := regexp.MustCompile(`(?s)<td class="c5".*?</td>`).FindString(page)
			got = strings.ReplaceAll(got, "><", ">\n<") + "\n"
			file := filepath.Join("testdata", name+".html")
			if flag.Lookup("update").Value.String() == "true" {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func one(v measure.Value, target string) evidence.Scenario {
	return scenario("SLO-A-01", "One", "Rule", v).holds("m", target).done()
}
