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

// login tries a token, and ends the attempt as the answer was.
func (l *limits) login(hash user.Hash, address string, end func(attempt)) error {
	a, err := l.admit(hash, address)
	if err == nil {
		end(a)
	}
	return err
}

// admitted is how many of so many requests pass, and the wait that the last
// refusal names.
func (l *limits) admitted(requests int, hash user.Hash, address string) (n int, wait time.Duration) {
	for range requests {
		err := l.login(hash, address, attempt.passed)
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
	n, wait := l.admitted(50, token(1), "10.0.0.1")
	if n != 20 || wait != 100*time.Millisecond {
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
	if err := l.login(token(1), "10.0.0.1", attempt.passed); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		if err := l.login(token(100+i), "10.0.0.1", attempt.failed); err != nil {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	var tooMany *tooManyError
	if err := l.login(token(200), "10.0.0.1", attempt.failed); !errors.As(err, &tooMany) || tooMany.seconds() != 10 {
		t.Errorf("a seventh: %v", err)
	}
	if err := l.login(token(1), "10.0.0.1", attempt.passed); err != nil {
		t.Errorf("a valid token from there: %v", err)
	}
	if err := l.login(token(200), "10.0.0.2", attempt.failed); err != nil {
		t.Errorf("another address: %v", err)
	}
	_ = l.login(token(1), "10.0.0.9", attempt.failed) // it was revoked
	if err := l.login(token(1), "10.0.0.1", attempt.passed); err == nil {
		t.Error("a token that is valid no more still passes")
	}
	l.time = l.time.Add(10 * time.Second)
	if err := l.login(token(200), "10.0.0.1", attempt.failed); err != nil {
		t.Errorf("ten seconds later: %v", err)
	}
}

// TestLoginsAtOnceAreNoWayAroundTheLimit begins many before the first has ended.
func TestLoginsAtOnceAreNoWayAroundTheLimit(t *testing.T) {
	t.Parallel()
	l := newLimits(Rate{PerSecond: 1000, Burst: 1000, FailedLogins: 6})
	begin := func(n int, hash func(int) user.Hash) (begun []attempt) {
		for i := range n {
			if a, err := l.admit(hash(i), "10.0.0.1"); err == nil {
				begun = append(begun, a)
			}
		}
		return begun
	}
	guesses := begin(100, token)
	if len(guesses) != 6 {
		t.Errorf("%d of a hundred guesses were looked up", len(guesses))
	}
	for _, a := range guesses {
		a.passed()
	}
	same := begin(100, func(int) user.Hash { return token(500) }) // a script that begins with many requests
	if len(same) != 100 {
		t.Errorf("%d of a hundred requests of one token pass", len(same))
	}
	for _, a := range same {
		a.failed()
	}
	if again := begin(100, func(int) user.Hash { return token(500) }); len(again) != 0 {
		t.Errorf("after they have failed %d pass", len(again))
	}
	if len(l.underWay) != 0 {
		t.Errorf("%d logins have no end", len(l.underWay))
	}
}

func TestOnlyALoginWithoutAnAnswerInTimeStaysCounted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end  func(attempt)
		want int
	}{
		"nobody could be asked": {attempt.unanswered, 50},
		"no answer in time":     {attempt.abandoned, 6},
	} {
		l := newLimits(Rate{PerSecond: 10, Burst: 20, FailedLogins: 6})
		n := 0
		for i := range 50 {
			if l.login(token(i), "10.0.0.1", tt.end) == nil {
				n++
			}
		}
		if n != tt.want {
			t.Errorf("%s: %d of fifty pass, want %d", name, n, tt.want)
		}
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
		_ = l.login(token(i), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&0xff, i&0xff), attempt.failed)
		_ = l.login(token(i), fmt.Sprintf("11.%d.%d.%d", i>>16, i>>8&0xff, i&0xff), attempt.passed)
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
	_ = l.login(token(1), "", attempt.passed)
	l.rate = Rate{PerSecond: 1, Burst: 5, FailedLogins: 1}
	if n, _ := l.admitted(50, token(1), ""); n != 5 {
		t.Errorf("%d passed", n)
	}
	l.rate = Rate{}
	if n, _ := l.admitted(500, token(1), ""); n != 500 {
		t.Errorf("without a limit %d passed", n)
	}
}
