package localsvc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func startMariaDB(t *testing.T, opts MariaDBOptions) *MariaDB {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = filepath.Join(t.TempDir(), "maria")
	}
	m, err := StartMariaDB(within(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(t, m.server) })
	return m
}

func openMariaDB(t *testing.T, config *mysql.Config) *sql.DB {
	t.Helper()
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// The path is longer than a socket's may be, and only we can enter it.
func TestMariaDBRestartKeepsPortAndData(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed", strings.Repeat("long", 30))
	if err := os.MkdirAll(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	m := startMariaDB(t, MariaDBOptions{Dir: filepath.Join(closed, "maria"), Settings: map[string]string{"max-connections": "33"}})
	ctx := within(t)
	if err := m.Exec(ctx, "", "CREATE DATABASE kept", "CREATE TABLE kept.t ENGINE=Aria SELECT 7 AS n"); err != nil {
		t.Fatal(err)
	}
	before := m.Addr()
	if err := m.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if m.Addr() != before {
		t.Errorf("address %s after the restart, %s before", m.Addr(), before)
	}
	var n, most int
	err := openMariaDB(t, m.Config("kept")).QueryRowContext(ctx, "SELECT n, @@max_connections FROM t").Scan(&n, &most)
	if err != nil || n != 7 || most != 33 {
		t.Errorf("n = %d, max_connections = %d, %v; want 7, 33", n, most, err)
	}
	if lines, err := m.Lines(ctx, "SELECT n FROM kept.t UNION ALL SELECT 'x'"); err != nil || !slices.Equal(lines, []string{"7", "x"}) {
		t.Errorf("lines %q, %v", lines, err)
	}
}

func TestMariaDBSpeaksTLSOnlyWithACertificate(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	certFile, keyFile := writePair(t, web.TLS.Certificates[0])
	for _, opts := range []MariaDBOptions{{}, {CertFile: certFile, KeyFile: keyFile}} {
		config := startMariaDB(t, opts).Config("")
		config.TLS = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
		config.TLS.RootCAs.AddCert(web.Certificate())
		err := openMariaDB(t, config).PingContext(within(t))
		if (err == nil) != (opts.CertFile != "") {
			t.Errorf("certificate %q: %v", opts.CertFile, err)
		}
	}
}

func writePair(t *testing.T, c tls.Certificate) (certFile, keyFile string) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "crt"), filepath.Join(dir, "key")
	for name, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestMariaDBPausesAndLetsNobodyInWithoutThePassword(t *testing.T) {
	t.Parallel()
	m := startMariaDB(t, MariaDBOptions{})
	for name, password := range map[string]string{"none": "", "a wrong one": "x"} {
		if err := openMariaDB(t, m.ConfigFor("root", password, "")).PingContext(within(t)); err == nil {
			t.Errorf("password %s: let in", name)
		}
	}
	var roots int
	err := openMariaDB(t, m.Config("mysql")).QueryRowContext(within(t), "SELECT count(*) FROM user WHERE User <> 'mariadb.sys'").Scan(&roots)
	if err != nil || roots != 1 {
		t.Errorf("%d accounts, %v; want root@localhost only", roots, err)
	}
	if err := m.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), askTimeout/10)
	defer cancel()
	if err := openMariaDB(t, m.Config("")).PingContext(ctx); err == nil {
		t.Error("answered while paused")
	}
	m.Resume()
	if err := openMariaDB(t, m.Config("")).PingContext(within(t)); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}
