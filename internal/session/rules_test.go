package session

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dbfleet/dbfleet/internal/fleet"
)

// codes lists every code, and what it means for the next attempt and for the
// target's life.
func codes() map[Code]struct {
	passing bool
	contact fleet.Contact
} {
	const alive, silent, unknown = fleet.ContactAlive, fleet.ContactUnreachable, fleet.ContactUnknown
	return map[Code]struct {
		passing bool
		contact fleet.Contact
	}{
		CodeNotAllowed: {false, unknown}, CodeDNS: {true, unknown}, CodeNoRoute: {true, silent},
		CodeConnectTimeout: {true, silent}, CodeRefused: {true, alive}, CodeReset: {true, alive},
		CodeTLS: {false, alive}, CodeProtocol: {false, alive}, CodeTimeout: {true, alive},
		CodeAuthFailed: {false, alive}, CodeTooMany: {true, alive}, CodeStarting: {true, alive},
		CodeUnknownDatabase: {false, alive}, CodePermission: {false, alive}, CodeUnsupported: {false, alive},
		CodeQuery: {false, alive}, CodeDeadlock: {true, alive}, CodeTooLarge: {false, alive},
		CodeCredential: {false, unknown}, CodeInternal: {false, unknown}, CodeStuck: {true, unknown}, CodeStorage: {true, unknown},
	}
}

func TestCodesSayWhatComesNext(t *testing.T) {
	t.Parallel()
	for code, want := range codes() {
		if code.Passing() != want.passing || code.Contact() != want.contact {
			t.Errorf("%s: passing %v, contact %s; want %v, %s", code, code.Passing(), code.Contact(), want.passing, want.contact)
		}
	}
	for _, code := range []Code{CodeHostDown, CodeSessionDeadline, CodePoison, CodeCredentialRejected} {
		if code.Passing() {
			t.Errorf("%s is tried again in the same session", code)
		}
	}
}

func TestAsFaultFindsTheFault(t *testing.T) {
	t.Parallel()
	f := &Fault{Code: CodeTLS, Phase: PhaseTLS, Err: errors.New("expired")}
	if got := AsFault(fmt.Errorf("read: %w", f)); got != f {
		t.Errorf("got %v", got)
	}
	if got := AsFault(errors.New("a bug")); got.Code != CodeInternal || got.Err.Error() != "a bug" {
		t.Errorf("got %v", got)
	}
	if f.Error() != "tls_failed (tls): expired" || !errors.Is(f, f.Err) {
		t.Errorf("text %q", f.Error())
	}
}

func TestRetriesAreBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := RetryPolicy{MaxAttempts: rapid.IntRange(1, 10).Draw(t, "attempts")}
		failures := rapid.IntRange(1, 20).Draw(t, "failures")
		wait, again := p.Next(CodeRefused, failures)
		if again != (failures < p.MaxAttempts) {
			t.Fatalf("again %v after %d of %d", again, failures, p.MaxAttempts)
		}
		if again && (wait < firstBackoff*3/4 || wait > maxBackoff*5/4) || !again && wait != 0 {
			t.Fatalf("wait %s", wait)
		}
		if _, again := p.Next(CodeAuthFailed, failures); again {
			t.Fatal("a permanent failure was tried again")
		}
	})
}

func TestBackoffGrows(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int]time.Duration{
		1: 2 * time.Second, 2: 8 * time.Second, 3: 32 * time.Second, 4: 2 * time.Minute, 100: 2 * time.Minute,
	} {
		if got := backoff(failures); got != want {
			t.Errorf("after %d failures %s, want %s", failures, got, want)
		}
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		load            Load
		window, missing int
	}{
		"nobody serves it":          {Load{}, 0, 0},
		"nobody, but records out":   {Load{Busy: 50}, 0, 0},
		"one small worker":          {Load{Workers: 1, Concurrency: 1}, 200, 200},
		"two big workers":           {Load{Workers: 2, Concurrency: 128}, 384, 384},
		"exactly half":              {Load{Workers: 1, Concurrency: 100, Busy: 150}, 300, 150},
		"just above half":           {Load{Workers: 1, Concurrency: 100, Busy: 151}, 300, 0},
		"full":                      {Load{Workers: 1, Concurrency: 100, Busy: 300}, 300, 0},
		"over, after a worker left": {Load{Workers: 1, Concurrency: 100, Busy: 900}, 300, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if w, m := test.load.Window(), test.load.Missing(); w != test.window || m != test.missing {
				t.Errorf("window %d, missing %d; want %d, %d", w, m, test.window, test.missing)
			}
		})
	}
}

func TestWindowIsNeverExceeded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := Load{
			Workers:     rapid.IntRange(0, 100).Draw(t, "workers"),
			Concurrency: rapid.IntRange(0, 10_000).Draw(t, "concurrency"),
			Busy:        rapid.IntRange(0, 50_000).Draw(t, "busy"),
		}
		missing := l.Missing()
		if missing < 0 || missing > 0 && l.Busy+missing > l.Window() {
			t.Fatalf("%d missing of a window of %d", missing, l.Window())
		}
		if n := Candidates(missing); n < missing && n < 4000 || n > 4000 {
			t.Fatalf("%d candidates for %d", n, missing)
		}
	})
}
