package session

import (
	"math/rand/v2"
	"time"
)

// MaxLost is how many workers a record may lose before it ends as poison.
const MaxLost = 3

// RetryPolicy says how often and how soon a record is tried again.
type RetryPolicy struct {
	MaxAttempts int // real failures until the record fails for good; at least 1
}

const (
	firstBackoff = 2 * time.Second
	maxBackoff   = 2 * time.Minute
)

// Next returns how long to wait before the next attempt after the given number
// of failures (this one included), or false when the record has failed for good.
func (p RetryPolicy) Next(code Code, failures int) (time.Duration, bool) {
	if !code.Passing() || failures >= p.MaxAttempts {
		return 0, false
	}
	return jitter(backoff(failures)), true
}

// backoff grows fourfold from firstBackoff up to maxBackoff.
func backoff(failures int) time.Duration {
	d := firstBackoff
	for i := 1; i < failures && d < maxBackoff; i++ {
		d *= 4
	}
	return min(d, maxBackoff)
}

// jitter spreads d over ± 25 %, so that records that failed together do not
// come back together.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2)
}
