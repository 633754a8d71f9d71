package report_test

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTextCanBeRead computes the contrast of every colour that is used for text
// on both kinds of paper, light and dark (WCAG 2.2, 1.4.3: 4.5 to 1).
func TestTextCanBeRead(t *testing.T) {
	page := drawn(t, sample(), trusted())
	light, dark, found := strings.Cut(page, "prefers-color-scheme: dark")
	require.True(t, found)
	themes := map[string]map[string]string{"light": colours(light)}
	themes["dark"] = colours(dark)
	for theme, c := range themes {
		for _, ink := range []string{"ink", "ink-2", "ink-3", "accent", "pass", "fail", "inconclusive", "unfit", "notrun", "current"} {
			for _, paper := range []string{"paper", "paper-2"} {
				require.GreaterOrEqual(t, contrast(t, c[ink], c[paper]), 4.5, "%s: --%s on --%s", theme, ink, paper)
			}
		}
	}
}

// colours reads the first value of every custom property that is a colour.
func colours(css string) map[string]string {
	found := map[string]string{}
	for _, at := range regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{6})\b`).FindAllStringSubmatch(css, -1) {
		if found[at[1]] == "" {
			found[at[1]] = at[2]
		}
	}
	return found
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + .05) / (min(la, lb) + .05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	require.Len(t, colour, 7, "no such colour")
	sum := 0.0
	for i, weight := range []float64{.2126, .7152, .0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		require.NoError(t, err)
		c := float64(n) / 255
		if c <= .04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+.055)/1.055, 2.4)
		}
	}
	return sum
}
