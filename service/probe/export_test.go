package probe

// Estimate lets the tests compare it with known values.
func Estimate(ratios []float64) (float64, *Interval) { return estimate(ratios) }

// Judge lets the tests judge a figure that nobody measured.
func Judge(t Target, m Metric) Verdict { return t.judge(m) }

// TwinTables is what makes the tables of both layouts.
func TwinTables() string { return twinTables }
