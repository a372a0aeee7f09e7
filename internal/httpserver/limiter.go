package httpserver

import (
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/dbfleet/dbfleet/internal/user"
)

// Rate bounds how fast one caller may ask one process. The zero value bounds
// nothing.
type Rate struct {
	PerSecond int // requests of one token, on average
	Burst     int // requests of one token at once
	// FailedLogins of one address per minute, and at once. An address that has
	// used them up is refused, but for tokens that were valid before.
	FailedLogins int
}

// Limiter counts the requests of tokens and the failed logins of addresses, in
// the memory of one process and a bounded part of it. Goroutines may share it.
// A nil Limiter lets everything pass.
type Limiter struct {
	rate func() Rate
	now  func() time.Time

	mu        sync.Mutex // guards what follows
	tokens    buckets[user.Hash]
	addresses buckets[netip.Prefix]
}

// NewLimiter returns a Limiter that asks rate, which must not block, at every
// request.
func NewLimiter(rate func() Rate) *Limiter {
	return &Limiter{rate: rate, now: time.Now, tokens: buckets[user.Hash]{}, addresses: buckets[netip.Prefix]{}}
}

// tooManyError refuses a request that came too soon.
type tooManyError struct{ wait time.Duration }

func (e *tooManyError) Error() string { return fmt.Sprintf("too many requests: wait %s", e.wait) }

// seconds is the wait in the form of Retry-After.
func (e *tooManyError) seconds() int { return max(1, int(math.Ceil(e.wait.Seconds()))) }

// admit lets a request of a known token pass at that token's rate, and one of
// any other while its address has not failed too often.
func (l *Limiter) admit(token user.Hash, address string) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	rate, now := l.rate(), l.now()
	if _, known := l.tokens[token]; known {
		return refusal(l.tokens.take(token, rate.perToken(), now))
	}
	return refusal(l.addresses.peek(networkOf(address), rate.perAddress(), now))
}

// passed notes that a token is valid.
func (l *Limiter) passed(token user.Hash) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.tokens[token]; !known {
		l.tokens.take(token, l.rate().perToken(), l.now())
	}
}

// failed notes that a token is not valid.
func (l *Limiter) failed(token user.Hash, address string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tokens, token) // revoked since
	l.addresses.take(networkOf(address), l.rate().perAddress(), l.now())
}

// refusal is nil when there is nothing to wait for.
func refusal(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return &tooManyError{wait}
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
