package collectortest

import (
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

func addrOf(t fleet.Target) string { return net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) }

func startTLS(t testing.TB, h Harness, p Pair) Server {
	t.Helper()
	certFile, keyFile := p.Files(t)
	return h.StartTLS(t, certFile, keyFile)
}

// encrypted are the modes with TLS.
func encrypted() []fleet.TLSMode {
	return []fleet.TLSMode{fleet.TLSVerifyFull, fleet.TLSVerifyCA, fleet.TLSRequire}
}

// wantTLS reads a target. With a text the read must fail in TLS and tell it
// first; with none it must succeed.
func wantTLS(t testing.TB, h Harness, target fleet.Target, begins string) {
	t.Helper()
	s, err := h.NewReader(t, loopback(t)).ReadAccounts(t.Context(), target, patient(), nil)
	if begins == "" {
		if err != nil {
			t.Errorf("mode %s: %v", target.TLSMode, err)
		}
		return
	}
	wantNothing(t, s)
	wantFault(t, err, session.CodeTLS, session.PhaseTLS)
	if text := session.AsFault(err).Err.Error(); !strings.HasPrefix(text, begins) {
		t.Errorf("mode %s: fault %q does not begin with %s", target.TLSMode, text, begins)
	}
}

// A showing is a certificate and what the modes say of it; "" is that it is good
// enough. In the mode require everything is.
type showing struct {
	name     string
	pair     Pair
	trusts   string // the instance's tls_ca
	full, ca string
}

func (s showing) says(mode fleet.TLSMode) string {
	switch mode {
	case fleet.TLSVerifyFull, "":
		return s.full
	case fleet.TLSVerifyCA:
		return s.ca
	case fleet.TLSRequire, fleet.TLSDisable:
	}
	return ""
}

func showings(t testing.TB) []showing {
	t.Helper()
	ours, other, self := NewAuthority(t), NewAuthority(t), IssueSelf(t, "127.0.0.1")
	const here = "127.0.0.1"
	return []showing{
		{"right", ours.Issue(t, Valid, here), ours.PEM, "", ""},
		{"of another authority", other.Issue(t, Valid, here), ours.PEM, "tls_ca: ", "tls_ca: "},
		{"of an authority that the system does not know", ours.Issue(t, Valid, here), "", "tls_ca: ", "tls_ca: "},
		{"expired", ours.Issue(t, Expired, here), ours.PEM, "tls_ca: the certificate is not valid", "tls_ca: the certificate is not valid"},
		{"not yet valid", ours.Issue(t, NotYetValid, here), ours.PEM, "tls_ca: the certificate is not valid", "tls_ca: the certificate is not valid"},
		{"for another name", ours.Issue(t, Valid, "other.test"), ours.PEM, "tls_server_name: ", ""},
		{"for no name", ours.Issue(t, Valid), ours.PEM, "tls_mode: the certificate has no name", ""},
		{"self-signed", self, ours.PEM, "tls_ca: ", "tls_ca: "},
		{"self-signed and trusted", self, self.PEM, "", ""},
	}
}

// testTLS reads servers that speak TLS themselves.
func testTLS(t *testing.T, h Harness) {
	t.Helper()
	all := showings(t)
	for _, s := range []showing{all[0], all[3], all[5]} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			server := startTLS(t, h, s.pair)
			for _, mode := range append(encrypted(), "", fleet.TLSDisable) {
				target := server.Target()
				target.TLSMode, target.TLSCA = mode, s.trusts
				wantTLS(t, h, target, s.says(mode))
			}
		})
	}
	t.Run("fields of the instance", func(t *testing.T) {
		t.Parallel()
		testTLSFields(t, h)
	})
}

// testTLSFields reads one server with fields that do and do not fit it.
func testTLSFields(t *testing.T, h Harness) {
	t.Helper()
	ours := NewAuthority(t)
	server := startTLS(t, h, ours.Issue(t, Valid, "127.0.0.1", "db.test"))
	for _, test := range []struct {
		name   string
		set    func(*fleet.Target)
		begins string
	}{
		{"other name of the server", func(t *fleet.Target) { t.TLSServerName = "db.test" }, ""},
		{"wrong name", func(t *fleet.Target) { t.TLSServerName = "other.test" }, "tls_server_name: "},
		{"wrong name that nobody checks", func(t *fleet.Target) { t.TLSMode, t.TLSServerName = fleet.TLSVerifyCA, "other.test" }, ""},
		{"authority that nobody looks at", func(t *fleet.Target) { t.TLSMode, t.TLSCA = fleet.TLSRequire, "none" }, ""},
		{"broken authority", func(t *fleet.Target) { t.TLSCA = "none" }, "tls_ca: "},
		{"broken authority of the chain", func(t *fleet.Target) { t.TLSMode, t.TLSCA = fleet.TLSVerifyCA, "none" }, "tls_ca: "},
		{"unknown mode", func(t *fleet.Target) { t.TLSMode = "prefer" }, "tls_mode: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target := server.Target()
			target.TLSMode, target.TLSCA = fleet.TLSVerifyFull, ours.PEM
			test.set(&target)
			wantTLS(t, h, target, test.begins)
		})
	}
}

// testBetween puts somebody with each certificate before a real server, and
// looks at what he gets to know.
func testBetween(t *testing.T, h Harness) {
	t.Helper()
	server := startTLS(t, h, NewAuthority(t).Issue(t, Valid))
	for _, s := range showings(t) {
		for _, mode := range encrypted() {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				if version == tls.VersionTLS12 && s.says(mode) == "" {
					continue // they differ in when the client ends a handshake
				}
				t.Run(s.name+", "+string(mode)+", "+tls.VersionName(version), func(t *testing.T) {
					t.Parallel()
					config := s.pair.Config(t)
					config.MaxVersion = version
					b := ending(t, h.Wire, server.Target(), config)
					target := b.target(server.Target())
					target.TLSMode, target.TLSCA = mode, s.trusts
					wantTLS(t, h, target, s.says(mode))
					if s.says(mode) == "" {
						b.wantLogin(t, target)
						return
					}
					b.wantSilence(t, target)
					if _, err := b.wait(); err == nil {
						t.Error("the handshake was completed")
					}
				})
			}
		}
	}
}

// testStripped hides that the server speaks TLS.
func testStripped(t *testing.T, h Harness) {
	t.Helper()
	ours := NewAuthority(t)
	server := startTLS(t, h, ours.Issue(t, Valid, "127.0.0.1"))
	for _, mode := range encrypted() {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			b := stripping(t, h.Wire, server.Target())
			target := b.target(server.Target())
			target.TLSMode, target.TLSCA = mode, ours.PEM
			wantTLS(t, h, target, "tls_mode: the server offers no TLS")
			b.wantSilence(t, target)
			if passed, err := b.wait(); err != nil || b.fake.Bytes() != passed {
				t.Errorf("%d bytes were sent after the refusal (%v)", b.fake.Bytes()-passed, err)
			}
		})
	}
	t.Run("a mode without TLS does not notice", func(t *testing.T) { // the recorder hears, so its silence says something
		t.Parallel()
		b := newBetween(t, server.Target(), func(c, s net.Conn) (net.Conn, net.Conn, error) { return c, s, nil })
		target := b.target(server.Target())
		wantTLS(t, h, target, "")
		b.wantLogin(t, target)
	})
}

// testOldTLS expects servers that speak only what is broken to be refused.
func testOldTLS(t *testing.T, h Harness) {
	t.Helper()
	ours := NewAuthority(t)
	pair := ours.Issue(t, Valid, "127.0.0.1")
	server := startTLS(t, h, pair)
	old := pair.Config(t)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	for name, before := range map[string]func(testing.TB) *Between{
		"TLS 1.1":  func(t testing.TB) *Between { t.Helper(); return ending(t, h.Wire, server.Target(), old) },
		"hangs up": func(t testing.TB) *Between { t.Helper(); return hangingUp(t, h.Wire, server.Target()) },
	} {
		for _, mode := range encrypted() {
			t.Run(name+", "+string(mode), func(t *testing.T) {
				t.Parallel()
				b := before(t)
				target := b.target(server.Target())
				target.TLSMode, target.TLSCA = mode, ours.PEM
				wantTLS(t, h, target, "tls_mode: the server does not complete a handshake")
				b.wantSilence(t, target)
			})
		}
	}
}
