package collectortest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An Authority signs certificates for one test.
type Authority struct {
	PEM         string // of its own certificate
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority returns one that nobody knows yet.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	p := sign(t, template, template, key, key)
	return &Authority{PEM: p.PEM, certificate: p.leaf, key: key}
}

// A Validity is the time of a certificate as seen from now.
type Validity int

// The validities.
const (
	Valid Validity = iota
	Expired
	NotYetValid
)

func (v Validity) around(now time.Time) (from, to time.Time) {
	const span = 2 * time.Hour
	switch v {
	case Expired:
		return now.Add(-2 * span), now.Add(-span)
	case NotYetValid:
		return now.Add(span), now.Add(2 * span)
	case Valid:
	}
	return now.Add(-span), now.Add(span)
}

// A Pair is a server's certificate with its key.
type Pair struct {
	PEM  string // of the certificate
	key  string
	leaf *x509.Certificate
}

// Issue returns a certificate for names; one that is an IP address stands for
// itself.
func (a *Authority) Issue(t testing.TB, validity Validity, names ...string) Pair {
	t.Helper()
	return sign(t, serverTemplate(validity, names), a.certificate, newKey(t), a.key)
}

// IssueSelf returns a certificate that nobody but its own key has signed.
func IssueSelf(t testing.TB, names ...string) Pair {
	t.Helper()
	key, template := newKey(t), serverTemplate(Valid, names)
	return sign(t, template, template, key, key)
}

func serverTemplate(validity Validity, names []string) *x509.Certificate {
	c := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "test server"}}
	c.NotBefore, c.NotAfter = validity.around(time.Now())
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
			continue
		}
		c.DNSNames = append(c.DNSNames, name)
	}
	return c
}

func sign(t testing.TB, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) Pair {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Pair{PEM: encodePEM("CERTIFICATE", der), key: encodePEM("PRIVATE KEY", keyDER), leaf: leaf}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
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

// Files writes certificate and key to files that end with the test.
func (p Pair) Files(t testing.TB) (certFile, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "crt"), filepath.Join(dir, "key")
	for name, text := range map[string]string{certFile: p.PEM, keyFile: p.key} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// Config is that of a server which shows the certificate.
func (p Pair) Config(t testing.TB) *tls.Config {
	t.Helper()
	c, err := tls.X509KeyPair([]byte(p.PEM), []byte(p.key))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12}
}
