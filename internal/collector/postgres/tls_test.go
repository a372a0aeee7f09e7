package postgres_test

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/session"
)

// inside serves what handle does inside TLS, and passes what it hears there to
// the fake that it is given.
func inside(t *testing.T, pair collectortest.Pair, handle collectortest.Handler) (*collectortest.Fake, *collectortest.Ear) {
	t.Helper()
	config, ear := pair.Config(t), &collectortest.Ear{}
	return collectortest.Serve(t, func(ctx context.Context, c net.Conn) {
		if answerOnce(c, 'S') == nil {
			handle(ctx, ear.On(tls.Server(c, config)))
		}
	}), ear
}

// A server that wants the password as it is gets it only when it was checked.
func TestPlainPasswordIsSentOnlyToCheckedServers(t *testing.T) {
	t.Parallel()
	ours := collectortest.NewAuthority(t)
	pair := ours.Issue(t, collectortest.Valid, "127.0.0.1")
	for mode, shown := range map[fleet.TLSMode]bool{
		fleet.TLSVerifyFull: true, fleet.TLSVerifyCA: true, fleet.TLSRequire: false, fleet.TLSDisable: false,
	} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			fake, ear := inside(t, pair, askPlainPassword)
			if mode == fleet.TLSDisable {
				fake = collectortest.Serve(t, func(ctx context.Context, c net.Conn) { askPlainPassword(ctx, ear.On(c)) })
			}
			target := fake.Target(mode)
			target.TLSCA = ours.PEM
			_, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
			if ear.Heard(target.Password.Reveal()) != shown {
				t.Errorf("password shown: %t, want %t", !shown, shown)
			}
			if f := session.AsFault(err); !shown && (f.Code != session.CodeTLS || !strings.HasPrefix(f.Err.Error(), "tls_mode: ")) {
				t.Errorf("fault %v, want %s naming tls_mode", f, session.CodeTLS)
			}
		})
	}
}

func TestPlainPasswordWorksOnACheckedServer(t *testing.T) {
	t.Parallel()
	ours := collectortest.NewAuthority(t)
	opts := localsvc.PostgresOptions{HBA: []string{"hostssl all dbfleet all password"}}
	opts.CertFile, opts.KeyFile = ours.Issue(t, collectortest.Valid, "127.0.0.1").Files(t)
	s := start(t, opts)
	target := s.Target()
	target.TLSMode, target.TLSCA = fleet.TLSVerifyFull, ours.PEM
	if _, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), target, fleet.Limits{}, nil); err != nil {
		t.Error(err)
	}
	target.TLSMode = fleet.TLSRequire
	_, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
	if f := session.AsFault(err); f.Code != session.CodeTLS || !strings.HasPrefix(f.Err.Error(), "tls_mode: ") {
		t.Errorf("fault %v, want %s naming tls_mode", f, session.CodeTLS)
	}
}

// A server may ask for a certificate of ours; with TLS 1.3 it says so only when
// the handshake looks complete.
func TestServerThatWantsACertificateOfOursIsNamed(t *testing.T) {
	t.Parallel()
	ours := collectortest.NewAuthority(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			config := ours.Issue(t, collectortest.Valid, "127.0.0.1").Config(t)
			config.ClientAuth, config.MaxVersion = tls.RequireAnyClientCert, version
			fake := collectortest.Serve(t, func(ctx context.Context, c net.Conn) {
				if answerOnce(c, 'S') == nil {
					_ = tls.Server(c, config).HandshakeContext(ctx)
					collectortest.Silent(ctx, c) // so that the alert is not lost
				}
			})
			target := fake.Target(fleet.TLSVerifyFull)
			target.TLSCA = ours.PEM
			_, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
			if f := session.AsFault(err); f.Code != session.CodeTLS || !strings.HasPrefix(f.Err.Error(), "tls_mode: ") {
				t.Errorf("fault %v, want %s naming tls_mode", f, session.CodeTLS)
			}
		})
	}
}

func TestUnsupportedWayToLogInIsNoMatterOfTLS(t *testing.T) {
	t.Parallel()
	fake := collectortest.Serve(t, func(_ context.Context, c net.Conn) {
		backend := pgproto3.NewBackend(c, c)
		if _, err := backend.ReceiveStartupMessage(); err == nil {
			backend.Send(&pgproto3.AuthenticationGSS{})
			_ = backend.Flush()
		}
	})
	_, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), fake.Target(fleet.TLSDisable), fleet.Limits{}, nil)
	if f := session.AsFault(err); f.Code != session.CodeAuthFailed || f.Phase != session.PhaseLogin {
		t.Errorf("fault %v, want %s", f, session.CodeAuthFailed)
	}
}

func localDialer(t testing.TB) *netguard.Dialer {
	t.Helper()
	policy, err := netguard.ParsePolicy("127.0.0.0/8:*")
	if err != nil {
		t.Fatal(err)
	}
	return &netguard.Dialer{Policy: policy}
}
