package httpserver

import "time"

// pace is how a bucket fills: so many a second, up to most. The zero value
// bounds nothing.
type pace struct{ perSecond, most float64 }

func (r Rate) perToken() pace { return pace{float64(r.PerSecond), float64(r.Burst)} }

func (r Rate) perAddress() pace { return pace{float64(r.FailedLogins) / 60, float64(r.FailedLogins)} }

// bucket holds what may still be spent, as it was at a time.
type bucket struct {
	left float64
	at   time.Time
}

func (b bucket) filled(p pace, now time.Time) bucket {
	return bucket{left: min(p.most, b.left+p.perSecond*now.Sub(b.at).Seconds()), at: now}
}

// wait is how long it takes until one more may be spent.
func (b bucket) wait(p pace) time.Duration {
	if b.left >= 1 {
		return 0
	}
	return time.Duration((1 - b.left) / p.perSecond * float64(time.Second))
}

// maxBuckets bounds the memory: about a megabyte.
const maxBuckets = 10_000

// buckets are those of all callers. One that is not there is full.
type buckets[K comparable] map[K]bucket

// peek is how long the caller has to wait until it may spend.
func (b buckets[K]) peek(key K, p pace, now time.Time) time.Duration {
	one, there := b[key]
	if !there || p.perSecond <= 0 {
		return 0
	}
	return one.filled(p, now).wait(p)
}

// take spends one, or returns how long the caller has to wait.
func (b buckets[K]) take(key K, p pace, now time.Time) time.Duration {
	one, there := b[key]
	if !there {
		b.makeRoom(p, now)
		one = bucket{left: p.most, at: now}
	}
	one = one.filled(p, now)
	wait := time.Duration(0)
	if p.perSecond > 0 {
		if wait = one.wait(p); wait == 0 {
			one.left--
		}
	}
	b[key] = one
	return wait
}

// giveBack returns one that was taken.
func (b buckets[K]) giveBack(key K, p pace, now time.Time) {
	if one, there := b[key]; there {
		one = one.filled(p, now)
		one.left = min(p.most, one.left+1)
		b[key] = one
	}
}

// makeRoom forgets the full ones once there are too many, and any others until
// half is left: a forgotten caller is treated like a new one.
func (b buckets[K]) makeRoom(p pace, now time.Time) {
	if len(b) < maxBuckets {
		return
	}
	for key, one := range b {
		if one.filled(p, now).left >= p.most {
			delete(b, key)
		}
	}
	for key := range b {
		if len(b) <= maxBuckets/2 {
			return
		}
		delete(b, key)
	}
}
