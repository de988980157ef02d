package load

import (
	"math"
	"slices"
)

// Median returns the median of values; 0 of none.
func Median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	switch n := len(s); {
	case n == 0:
		return 0
	case n%2 == 1:
		return s[n/2]
	default:
		return (s[n/2-1] + s[n/2]) / 2
	}
}

// Ratios divides ours by theirs, round by round: what disturbed a whole round
// disturbed both.
func Ratios(ours, theirs []float64) []float64 {
	out := make([]float64, 0, len(ours))
	for i := range min(len(ours), len(theirs)) {
		if theirs[i] > 0 {
			out = append(out, ours[i]/theirs[i])
		}
	}
	return out
}

// student holds the two-sided 95 % points of Student's distribution by degrees
// of freedom, from 1; beyond the last, 2 is close enough.
var student = []float64{12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09, 2.09}

// Interval returns the 95 % confidence interval of the geometric mean of
// ratios, from 0 to infinity for fewer than two.
func Interval(ratios []float64) (low, high float64) {
	n := len(ratios)
	if n < 2 {
		return 0, math.Inf(1)
	}
	var mean, square float64
	for _, r := range ratios {
		mean += math.Log(r) / float64(n)
	}
	for _, r := range ratios {
		square += math.Pow(math.Log(r)-mean, 2) / float64(n-1)
	}
	t := 2.0
	if n-2 < len(student) {
		t = student[n-2]
	}
	half := t * math.Sqrt(square/float64(n))
	return math.Exp(mean - half), math.Exp(mean + half)
}
