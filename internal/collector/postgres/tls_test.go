package postgres_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/session"
)

// An authority signs certificates for one test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate, key, encodePEM("CERTIFICATE", der)}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func encodePEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// options are those of a server with a certificate for db.test and 127.0.0.1.
func (a *authority) options(t *testing.T, notAfter time.Time) localsvc.PostgresOptions {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: notAfter,
		DNSNames: []string{"db.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	opts := localsvc.PostgresOptions{
		CertFile: filepath.Join(t.TempDir(), "crt"), KeyFile: filepath.Join(t.TempDir(), "key"),
	}
	for name, text := range map[string]string{opts.CertFile: encodePEM("CERTIFICATE", der), opts.KeyFile: encodePEM("PRIVATE KEY", keyDER)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return opts
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	s := start(t, ours.options(t, time.Now().Add(time.Hour)))
	tests := []struct {
		name string
		set  func(*fleet.Target)
		says string // empty: it works
	}{
		{"own authority", func(*fleet.Target) {}, ""},
		{"other name of the server", func(t *fleet.Target) { t.TLSServerName = "db.test" }, ""},
		{"zero mode is the strongest", func(t *fleet.Target) { t.TLSMode = "" }, ""},
		{"no authority", func(t *fleet.Target) { t.TLSCA = "" }, "tls_ca"},
		{"other authority", func(target *fleet.Target) { target.TLSCA = newAuthority(t).pem }, "tls_ca"},
		{"broken authority", func(t *fleet.Target) { t.TLSCA = "none" }, "tls_ca"},
		{"wrong name", func(t *fleet.Target) { t.TLSServerName = "other.test" }, "tls_server_name"},
		{"mode of later", func(t *fleet.Target) { t.TLSMode = fleet.TLSRequire }, "tls_mode"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target := s.Target()
			target.TLSMode, target.TLSCA = fleet.TLSVerifyFull, ours.pem
			test.set(&target)
			checkTLS(t, target, test.says)
		})
	}
}

func checkTLS(t *testing.T, target fleet.Target, says string) {
	t.Helper()
	_, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
	if says == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err == nil {
		t.Fatal("the read has worked")
	}
	f := session.AsFault(err)
	if f.Code != session.CodeTLS || f.Phase != session.PhaseTLS || !strings.Contains(f.Err.Error(), says) {
		t.Errorf("fault %v, want %s naming %s", f, session.CodeTLS, says)
	}
}

func TestExpiredCertificateIsRefused(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	s := start(t, ours.options(t, time.Now().Add(-time.Hour)))
	target := s.Target()
	target.TLSMode, target.TLSCA = fleet.TLSVerifyFull, ours.pem
	checkTLS(t, target, "renew it on the server")
}

// A server that wants the password as it is must not get it without TLS.
func TestPlainPasswordIsNotSentWithoutTLS(t *testing.T) {
	t.Parallel()
	fake := collectortest.Serve(t, askPlainPassword)
	target := fake.Target(fleet.TLSDisable)
	_, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
	f := session.AsFault(err)
	if f.Code != session.CodeTLS || !strings.Contains(f.Err.Error(), "tls_mode") {
		t.Errorf("fault %v, want %s naming tls_mode", f, session.CodeTLS)
	}
	if fake.Heard(target.Password.Reveal()) {
		t.Error("the password was sent")
	}
}

func TestPlainPasswordIsSentWithTLS(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	opts := ours.options(t, time.Now().Add(time.Hour))
	opts.HBA = []string{"hostssl all dbfleet all password"}
	s := start(t, opts)
	target := s.Target()
	target.TLSMode, target.TLSCA = fleet.TLSVerifyFull, ours.pem
	checkTLS(t, target, "")
}

func localDialer(t testing.TB) *netguard.Dialer {
	t.Helper()
	policy, err := netguard.ParsePolicy("127.0.0.0/8:*")
	if err != nil {
		t.Fatal(err)
	}
	return &netguard.Dialer{Policy: policy}
}
