package steps_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signoff-dev/signoff/harness/objective"
	"github.com/signoff-dev/signoff/steps"
)

func TestEverySentenceIsAnchoredAndItsExampleFitsItAlone(t *testing.T) {
	catalogue := steps.Catalogue()
	for _, d := range catalogue {
		t.Run(d.Example, func(t *testing.T) {
			require.True(t, strings.HasPrefix(d.Pattern, "^") && strings.HasSuffix(d.Pattern, "$"), "the pattern is not anchored")
			require.Contains(t, []string{"Given", "When", "Then"}, d.Keyword)
			require.NotEmpty(t, d.Help)
			fits := 0
			for _, other := range catalogue {
				if regexp.MustCompile(other.Pattern).MatchString(d.Example) {
					fits++
				}
			}
			require.Equal(t, 1, fits, "the example fits another sentence too, or none")
		})
	}
}

func TestEverySentenceIsUsedByAFeature(t *testing.T) {
	features := strings.Join(featureLines(t), "\n")
	for _, d := range steps.Catalogue() {
		pattern := strings.TrimSuffix(strings.TrimPrefix(d.Pattern, "^"), "$")
		require.Regexp(t, `(?m)^\s*(Given|When|Then|And|But) `+pattern+`$`, features, "no feature uses %q", d.Example)
	}
}

func TestEveryYieldCanBePromised(t *testing.T) {
	for _, d := range steps.Catalogue() {
		for _, y := range d.Yields {
			target := "at most 1 " + y.Unit
			if y.Unit == "× baseline" {
				target = "at least 1 × baseline"
			}
			_, err := objective.Parse(y.Measure, target)
			require.NoError(t, err, "no target can be written in the unit of %q", y.Measure)
			require.Contains(t, []steps.Shape{steps.Share, steps.Amount, steps.Series, steps.Histogram, steps.Pairs}, y.Shape, "%q has no shape", y.Measure)
			require.Equal(t, y.Unit == "× baseline", y.Shape == steps.Pairs, "only a comparison, and every comparison, is told in × baseline: %q", y.Measure)
		}
	}
}

func TestTheCatalogueOnPaperIsTheCatalogueInForce(t *testing.T) {
	var want bytes.Buffer
	require.NoError(t, steps.Document(&want))
	got, err := os.ReadFile(filepath.Join(featuresDir, "STEPS.md"))
	require.NoError(t, err)
	require.Equal(t, want.String(), string(got), "run make steps")
}

const featuresDir = "../features"

func featureLines(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(featuresDir, "*.feature"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var lines []string
	for _, p := range paths {
		raw, err := os.ReadFile(p)
		require.NoError(t, err)
		lines = append(lines, strings.Split(string(raw), "\n")...)
	}
	return lines
}
