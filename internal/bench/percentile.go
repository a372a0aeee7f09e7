package main

import (
	"slices"
	"time"
)

// percentile returns the smallest of the values that is not below p (0 … 1) of
// them, 0 when there is none. It sorts them.
func percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	at := int(p*float64(len(values))+0.999999) - 1
	return values[min(max(at, 0), len(values)-1)]
}

// median is the 50th percentile.
func median(values []time.Duration) time.Duration { return percentile(values, 0.5) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// perSecond is how many of n happened in each second of d.
func perSecond(n int, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}
