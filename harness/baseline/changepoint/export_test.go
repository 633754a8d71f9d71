package changepoint

// Best is the best division of a whole series, which the tests compute again
// in the plainest way.
func Best(series []float64) (at int, distance float64) {
	d := newSearch(series).cut[0]
	return d.at, d.distance
}
