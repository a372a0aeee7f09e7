package httpserver

import (
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/dbfleet/dbfleet/internal/user"
)

// Rate bounds how fast and how much one caller may ask of one process. The zero
// value bounds nothing.
type Rate struct {
	PerSecond int // requests of one token, on average
	Burst     int // requests of one token at once
	// FailedLogins of one address per minute, and at once. An address that has
	// used them up is refused, but for tokens that were valid before.
	FailedLogins int
	// Streams is how many may be open at once, StreamsPerUser how many of them
	// may be one user's; 0 bounds nothing.
	Streams        int
	StreamsPerUser int
}

// Limiter counts the requests of tokens, the failed logins of addresses and the
// open streams of users, in the memory of one process and a bounded part of it. Goroutines may share it.
// A nil Limiter lets everything pass.
type Limiter struct {
	rate func() Rate
	now  func() time.Time

	mu        sync.Mutex // guards what follows
	tokens    buckets[user.Hash]
	addresses buckets[netip.Prefix]
	underWay  map[user.Hash]int // logins, by token; as many as there are requests at most
	streams   map[user.ID]int   // that are open
	open      int               // all of those
}

// NewLimiter returns a Limiter that asks rate, which must not block, at every
// request.
func NewLimiter(rate func() Rate) *Limiter {
	return &Limiter{
		rate: rate, now: time.Now, tokens: buckets[user.Hash]{}, addresses: buckets[netip.Prefix]{}, underWay: map[user.Hash]int{},
		streams: map[user.ID]int{},
	}
}

// tooManyError refuses a request that came too soon.
type tooManyError struct {
	wait    time.Duration
	streams bool // not requests
}

func (e *tooManyError) Error() string { return fmt.Sprintf("%s: wait %s", e.title(), e.wait) }

func (e *tooManyError) title() string {
	if e.streams {
		return "Too many streams of events are open"
	}
	return "Too many requests"
}

// seconds is the wait in the form of Retry-After.
func (e *tooManyError) seconds() int { return max(1, int(math.Ceil(e.wait.Seconds()))) }

// attempt is a login under way. It must be ended, by one of its methods.
type attempt struct {
	limits  *Limiter // nil: nothing is counted
	token   user.Hash
	network netip.Prefix
	paid    bool // it was taken from the network's bucket
}

// admit lets a request of a known token pass at that token's rate, and one of
// any other while its address has not failed too often. Such a login is taken
// for a failed one until its end, so that many at once are no way around the
// limit; those of the same token count once until they have failed.
func (l *Limiter) admit(token user.Hash, address string) (attempt, error) {
	if l == nil {
		return attempt{}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	rate, now := l.rate(), l.now()
	a := attempt{limits: l, token: token, network: networkOf(address)}
	var wait time.Duration
	switch _, known := l.tokens[token]; {
	case known:
		wait = l.tokens.take(token, rate.perToken(), now)
	case l.underWay[token] > 0:
		wait = l.addresses.peek(a.network, rate.perAddress(), now)
	default:
		wait = l.addresses.take(a.network, rate.perAddress(), now)
		a.paid = true
	}
	if wait > 0 {
		return attempt{}, &tooManyError{wait: wait}
	}
	l.underWay[token]++
	return a, nil
}

// passed notes that the token is valid.
func (a attempt) passed() {
	a.end(func(l *Limiter) {
		if _, known := l.tokens[a.token]; !known {
			l.tokens.take(a.token, l.rate().perToken(), l.now())
		}
		a.giveBack(l)
	})
}

// failed notes that the token is not valid.
func (a attempt) failed() {
	a.end(func(l *Limiter) {
		delete(l.tokens, a.token) // revoked since
		if !a.paid {
			l.addresses.take(a.network, l.rate().perAddress(), l.now())
		}
	})
}

// unanswered notes that nobody could be asked, which is not the caller's doing.
func (a attempt) unanswered() { a.end(a.giveBack) }

// abandoned notes that there was no answer in time: it stays counted, or slow
// look-ups would be a way around the limit.
func (a attempt) abandoned() { a.end(func(*Limiter) {}) }

func (a attempt) giveBack(l *Limiter) {
	if a.paid {
		l.addresses.giveBack(a.network, l.rate().perAddress(), l.now())
	}
}

func (a attempt) end(count func(*Limiter)) {
	l := a.limits
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.underWay[a.token]--; l.underWay[a.token] == 0 {
		delete(l.underWay, a.token)
	}
	count(l)
}

// streamWait is how long a caller waits whose stream was one too many.
const streamWait = 5 * time.Second

// openStream counts a stream of a user until leave is called, once.
func (l *Limiter) openStream(id user.ID) (leave func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	rate := l.rate()
	if rate.Streams > 0 && l.open >= rate.Streams || rate.StreamsPerUser > 0 && l.streams[id] >= rate.StreamsPerUser {
		return nil, &tooManyError{wait: streamWait, streams: true}
	}
	l.open++
	l.streams[id]++
	return func() { l.closeStream(id) }, nil
}

func (l *Limiter) closeStream(id user.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.streams[id]--; l.streams[id] == 0 {
		delete(l.streams, id)
	}
}

// Streams is how many streams are open now.
func (l *Limiter) Streams() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// networkOf is what counts as one caller: an IPv4 address, or the /64 that a
// site has of IPv6.
func networkOf(address string) netip.Prefix {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{} // all of those together
	}
	bits := 64
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		bits = 32
	}
	network, _ := ip.Prefix(bits) // bits fit
	return network
}
