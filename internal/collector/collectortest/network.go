package collectortest

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
)

// fakePassword must never reach a server that has not proven itself.
const fakePassword = "fake-Pa55word"

// Target returns how to reach a fake server.
func (f *Fake) Target(mode fleet.TLSMode) fleet.Target { return targetAt(f.Port(), mode) }

func targetAt(port int, mode fleet.TLSMode) fleet.Target {
	return fleet.Target{
		Host: "127.0.0.1", Port: port, TLSMode: mode,
		Username: "dbfleet", Password: secret.New(fakePassword), AppName: "dbfleet/fake",
	}
}

// testFakes runs each way to misbehave; every one must end in time, with a code
// and a phase, and without the password being sent readable.
func testFakes(t *testing.T, h Harness) {
	t.Helper()
	type row struct {
		name   string
		handle Handler
		mode   fleet.TLSMode
		code   session.Code  // empty: any
		phase  session.Phase // empty: any
		words  string        // in the fault
		limits fleet.Limits
	}
	off, full := fleet.TLSDisable, fleet.TLSVerifyFull
	never, login, query := patient(), patient(), patient()
	login.Connect, query.Statement = 2*time.Second, 700*time.Millisecond // a test can wait for these
	for _, test := range []row{
		{"silent at login", Silent, off, session.CodeTimeout, session.PhaseLogin, "log in: over", login},
		{"silent at TLS", Silent, full, session.CodeTimeout, session.PhaseTLS, "log in: over", login},
		{"trickles", Trickling, off, "", session.PhaseLogin, "", login},
		{"closes at login", Closing, off, session.CodeReset, session.PhaseLogin, "", never},
		{"closes at TLS", Closing, full, session.CodeReset, session.PhaseTLS, "", never},
		{"garbage at login", Garbage, off, session.CodeProtocol, session.PhaseLogin, "", never},
		{"garbage at TLS", Garbage, full, session.CodeProtocol, session.PhaseTLS, "", never},
		{"offers no TLS", h.Fakes.NoTLS, full, session.CodeTLS, session.PhaseTLS, "tls_mode", never},
		{"hangs in TLS", h.Fakes.HangTLS, full, session.CodeTimeout, session.PhaseTLS, "", login},
		{"hangs at login", h.Fakes.HangLogin, off, session.CodeTimeout, session.PhaseLogin, "", login},
		{"hangs at a query", h.Fakes.HangQuery, off, session.CodeTimeout, "", "over 700ms", query},
		{"unsupported version", h.Fakes.Unsupported, off, session.CodeUnsupported, "", "", never},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fake := Serve(t, test.handle)
			s, err := h.NewReader(t, loopback(t)).ReadAccounts(t.Context(), fake.Target(test.mode), test.limits, nil)
			wantNothing(t, s)
			wantFault(t, err, test.code, test.phase)
			if !strings.Contains(err.Error(), test.words) {
				t.Errorf("fault %q does not say %q", err, test.words)
			}
			if fake.Heard(fakePassword) || strings.Contains(err.Error(), fakePassword) {
				t.Error("the password has got out")
			}
		})
	}
	t.Run("answers without end", func(t *testing.T) {
		t.Parallel()
		testEndless(t, h)
	})
}

// testEndless expects the cap on bytes to end an answer that does not.
func testEndless(t *testing.T, h Harness) {
	t.Helper()
	fake := Serve(t, h.Fakes.Endless)
	dialer := loopback(t)
	dialer.MaxBytes = 8 << 20
	s, err := h.NewReader(t, dialer).ReadAccounts(t.Context(), fake.Target(fleet.TLSDisable), patient(), nil)
	wantNothing(t, s)
	wantFault(t, err, session.CodeTooLarge, "")
}

// testNetwork runs what happens before a byte is said.
func testNetwork(t *testing.T, h Harness) {
	t.Helper()
	t.Run("hangs at connect", func(t *testing.T) {
		t.Parallel()
		target := targetAt(Unaccepting(t), fleet.TLSDisable)
		limits := patient()
		limits.Connect = 500 * time.Millisecond
		_, err := h.NewReader(t, loopback(t)).ReadAccounts(t.Context(), target, limits, nil)
		wantFault(t, err, session.CodeConnectTimeout, session.PhaseConnect)
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		fake := Serve(t, Silent)
		if err := fake.listener.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := h.NewReader(t, loopback(t)).ReadAccounts(t.Context(), fake.Target(fleet.TLSVerifyFull), patient(), nil)
		wantFault(t, err, session.CodeRefused, session.PhaseConnect)
	})
	t.Run("not allowed", func(t *testing.T) {
		t.Parallel()
		testNotAllowed(t, h)
	})
	t.Run("no such name", func(t *testing.T) {
		t.Parallel()
		target := targetAt(1, fleet.TLSDisable)
		target.Host = "nowhere.invalid"
		dialer := loopback(t)
		dialer.Resolver = Resolver(t, func(string) []netip.Addr { return nil })
		_, err := h.NewReader(t, dialer).ReadAccounts(t.Context(), target, patient(), nil)
		wantFault(t, err, session.CodeDNS, session.PhaseResolve)
	})
	t.Run("cancelled before it began", func(t *testing.T) {
		t.Parallel()
		fake := Serve(t, Silent)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.NewReader(t, loopback(t)).ReadAccounts(ctx, fake.Target(fleet.TLSDisable), patient(), nil)
		wantFault(t, err, session.CodeTimeout, "")
		if fake.Heard("dbfleet") {
			t.Error("the target was spoken to")
		}
	})
}

// testNotAllowed expects that an address outside the list is not even dialled.
func testNotAllowed(t *testing.T, h Harness) {
	t.Helper()
	fake := Serve(t, Silent)
	policy, err := netguard.ParsePolicy("10.0.0.0/8:*")
	if err != nil {
		t.Fatal(err)
	}
	reader := h.NewReader(t, &netguard.Dialer{Policy: policy})
	_, err = reader.ReadAccounts(t.Context(), fake.Target(fleet.TLSDisable), patient(), nil)
	wantFault(t, err, session.CodeNotAllowed, session.PhaseConnect)
	if addr := addrOf(fake.Target(fleet.TLSDisable)); strings.Count(err.Error(), addr) != 1 {
		t.Errorf("fault %q does not name %s once", err, addr)
	}
	if fake.Accepted() > 0 {
		t.Error("the target was dialled")
	}
}
