package mysql_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// certificate writes a certificate for db.test and 127.0.0.1 that is its own
// authority, and returns its text and the paths of it and of its key.
func certificate(t *testing.T) (text, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"db.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	certFile, keyFile = filepath.Join(t.TempDir(), "crt"), filepath.Join(t.TempDir(), "key")
	keyText := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	for name, text := range map[string]string{certFile: text, keyFile: keyText} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return text, certFile, keyFile
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ours, certFile, keyFile := certificate(t)
	s := startWith(t, map[string]string{"ssl-cert": certFile, "ssl-key": keyFile})
	s.Exec(t, "", "ALTER USER dbfleet REQUIRE SSL")
	other, _, _ := certificate(t)
	for name, test := range map[string]struct {
		set  func(*fleet.Target)
		says string // empty: it works
	}{
		"own authority":              {func(*fleet.Target) {}, ""},
		"other name of the server":   {func(t *fleet.Target) { t.TLSServerName = "db.test" }, ""},
		"zero mode is the strongest": {func(t *fleet.Target) { t.TLSMode = "" }, ""},
		"no authority":               {func(t *fleet.Target) { t.TLSCA = "" }, "tls_ca"},
		"other authority":            {func(t *fleet.Target) { t.TLSCA = other }, "tls_ca"},
		"broken authority":           {func(t *fleet.Target) { t.TLSCA = "none" }, "tls_ca"},
		"wrong name":                 {func(t *fleet.Target) { t.TLSServerName = "other.test" }, "tls_server_name"},
		"mode of later":              {func(t *fleet.Target) { t.TLSMode = fleet.TLSRequire }, "tls_mode"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := s.Target()
			target.TLSMode, target.TLSCA = fleet.TLSVerifyFull, ours
			test.set(&target)
			_, err := mysql.New(localDialer(t)).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
			var f *session.Fault
			if test.says == "" && err != nil {
				t.Error(err)
			}
			if test.says != "" && (!errors.As(err, &f) || f.Code != session.CodeTLS || f.Phase != session.PhaseTLS ||
				!strings.HasPrefix(f.Err.Error(), test.says)) {
				t.Errorf("%v, want %s", err, test.says)
			}
		})
	}
}
