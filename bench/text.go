package bench

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// median returns the middle value, or the mean of the two in the middle. It sorts a copy.
func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	mid := len(v) / 2
	if len(v)%2 == 1 {
		return v[mid]
	}
	return (v[mid-1] + v[mid]) / 2
}

// rate writes a number of commands a second.
func rate(perSecond float64) string {
	switch {
	case perSecond >= 999_500:
		return fmt.Sprintf("%.2fM", perSecond/1e6)
	case perSecond >= 1000:
		return fmt.Sprintf("%.0fk", perSecond/1e3)
	}
	return fmt.Sprintf("%.0f", perSecond)
}

// round leaves three or four digits of a duration.
func round(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 10_000 {
		unit *= 10
	}
	return d.Round(unit)
}

// thousands writes n with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func percent(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f%%", 100*float64(part)/float64(whole))
}
