package httpserver

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/user"
)

// limits is a Limiter whose time stands still until it is moved.
type limits struct {
	*Limiter

	rate Rate
	time time.Time
}

func newLimits(rate Rate) *limits {
	l := &limits{rate: rate, time: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
	l.Limiter = NewLimiter(func() Rate { return l.rate })
	l.now = func() time.Time { return l.time }
	return l
}

func token(n int) user.Hash { return user.Hash{byte(n), byte(n >> 8), byte(n >> 16), 1} }

// admitted is how many of so many requests pass, and the wait that the last
// refusal names.
func (l *limits) admitted(requests int, hash user.Hash, address string) (n int, wait time.Duration) {
	for range requests {
		err := l.admit(hash, address)
		var tooMany *tooManyError
		if errors.As(err, &tooMany) {
			wait = tooMany.wait
			continue
		}
		n++
	}
	return n, wait
}

func TestTokenHasItsBurstAndThenItsRate(t *testing.T) {
	t.Parallel()
	l := newLimits(Rate{PerSecond: 10, Burst: 20, FailedLogins: 5})
	l.passed(token(1))
	l.passed(token(2))
	n, wait := l.admitted(50, token(1), "10.0.0.1")
	if n != 19 || wait != 100*time.Millisecond { // the login itself was the first of them
		t.Errorf("%d passed, wait %s", n, wait)
	}
	if n, _ := l.admitted(5, token(2), "10.0.0.1"); n != 5 {
		t.Errorf("another token: %d", n)
	}
	l.time = l.time.Add(time.Second)
	if n, _ := l.admitted(50, token(1), "10.0.0.1"); n != 10 {
		t.Errorf("a second later: %d", n)
	}
	l.time = l.time.Add(time.Hour)
	if n, _ := l.admitted(50, token(1), "10.0.0.1"); n != 20 {
		t.Errorf("an hour later: %d", n)
	}
}

func TestAddressThatFailsIsRefusedButForItsValidTokens(t *testing.T) {
	t.Parallel()
	l := newLimits(Rate{PerSecond: 10, Burst: 20, FailedLogins: 6})
	l.passed(token(1))
	for i := range 6 {
		if err := l.admit(token(100+i), "10.0.0.1"); err != nil {
			t.Fatalf("attempt %d: %v", i, err)
		}
		l.failed(token(100+i), "10.0.0.1")
	}
	var tooMany *tooManyError
	if err := l.admit(token(200), "10.0.0.1"); !errors.As(err, &tooMany) || tooMany.seconds() != 10 {
		t.Errorf("a seventh: %v", err)
	}
	if err := l.admit(token(1), "10.0.0.1"); err != nil {
		t.Errorf("a valid token from there: %v", err)
	}
	if err := l.admit(token(200), "10.0.0.2"); err != nil {
		t.Errorf("another address: %v", err)
	}
	l.failed(token(1), "10.0.0.9") // it was revoked
	if err := l.admit(token(1), "10.0.0.1"); err == nil {
		t.Error("a token that is valid no more still passes")
	}
	l.time = l.time.Add(10 * time.Second)
	if err := l.admit(token(200), "10.0.0.1"); err != nil {
		t.Errorf("ten seconds later: %v", err)
	}
}

func TestAddressesOfOneSiteCountTogether(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff::9"}, {"10.0.0.1", "::ffff:10.0.0.1"}, {"fe80::1%eth0", "fe80::2"}, {"", "garbage"},
	} {
		if networkOf(same[0]) != networkOf(same[1]) {
			t.Errorf("%v differ", same)
		}
	}
	for _, different := range [][2]string{{"2001:db8:1:2::1", "2001:db8:1:3::1"}, {"10.0.0.1", "10.0.0.2"}} {
		if networkOf(different[0]) == networkOf(different[1]) {
			t.Errorf("%v are the same", different)
		}
	}
}

func TestMemoryOfTheLimiterIsBounded(t *testing.T) {
	t.Parallel()
	l := newLimits(Rate{PerSecond: 1, Burst: 2, FailedLogins: 1})
	for i := range 5 * maxBuckets {
		l.failed(token(i), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&0xff, i&0xff))
		l.passed(token(i))
		l.time = l.time.Add(time.Millisecond)
	}
	if len(l.addresses) > maxBuckets || len(l.tokens) > maxBuckets {
		t.Errorf("%d addresses, %d tokens", len(l.addresses), len(l.tokens))
	}
	if len(l.addresses) == 0 || len(l.tokens) == 0 {
		t.Error("nothing is remembered")
	}
}

func TestChangedRateHoldsAtOnce(t *testing.T) {
	t.Parallel()
	l := newLimits(Rate{PerSecond: 1, Burst: 1000, FailedLogins: 1})
	l.passed(token(1))
	l.rate = Rate{PerSecond: 1, Burst: 5, FailedLogins: 1}
	if n, _ := l.admitted(50, token(1), ""); n != 5 {
		t.Errorf("%d passed", n)
	}
	l.rate = Rate{}
	if n, _ := l.admitted(500, token(1), ""); n != 500 {
		t.Errorf("without a limit %d passed", n)
	}
}
