package cli

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/client"
)

func TestCertificatesComeFromAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	b := &bench{api: serve(t, routes{"POST /instances": answerJSON(201, sampleInstance())})}
	add := func(file string) ran {
		return b.run(t, "instance", "add", "x", "--engine", "postgresql", "--host", "h", "--credential", "3", "--tls-ca", file)
	}
	add(write("ca.pem", "-----BEGIN CERTIFICATE-----\n")).want(t, 0)
	if body := b.api.last().body; !strings.Contains(body, `"tls_ca":"-----BEGIN CERTIFICATE-----\n"`) {
		t.Errorf("body = %s", body)
	}
	for name, file := range map[string]string{
		"holds a private key": write("key.pem", "-----BEGIN PRIVATE KEY-----\n"),
		"is over 65536 bytes": write("big.pem", strings.Repeat("x", maxCertificates+1)),
		"no such file":        filepath.Join(dir, "missing"),
	} {
		got := add(file)
		got.want(t, 2)
		got.wantErr(t, name)
	}
}

func TestUpdateSendsTheNewCertificates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte("-----BEGIN CERTIFICATE-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bench{api: serve(t, routes{"PATCH /instances/{id}": answerJSON(200, sampleInstance())})}
	for file, want := range map[string]string{path: `{"tls_ca":"-----BEGIN CERTIFICATE-----\n"}`, "": `{"tls_ca":""}`} {
		b.run(t, "instance", "update", "12", "--tls-ca", file).want(t, 0, "dbfleet sync start --id 12 --watch")
		if body := strings.TrimSpace(b.api.last().body); body != want {
			t.Errorf("body = %s, want %s", body, want)
		}
	}
}

func TestInstanceShowNamesTheCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	in := sampleInstance()
	in.TlsCa = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no certificate")}))
	b := &bench{api: serve(t, routes{"GET /instances/{id}": answerJSON(200, in), "GET /credentials/{id}": answerJSON(200, sampleCredential())})}
	b.run(t, "instance", "show", "12").want(t, 0, "O=Acme Co, until 2084", "not readable: x509")
}

func TestInstanceShowSaysWhatAModeLeavesOpen(t *testing.T) {
	t.Parallel()
	for mode, want := range map[client.TLSMode][]string{
		client.TLSModeVerifyFull: {"verify-full\n", "not readable: x509", "TLS server name"},
		client.TLSModeVerifyCa:   {"verify-ca (the name is not checked)", "not readable: x509"},
		client.TLSModeRequire:    {"require (encrypted; nobody checks who the server is)", "kept, without effect", "TLS server name"},
		client.TLSModeDisable:    {"disable (plain text)", "kept, without effect"},
	} {
		in := sampleInstance()
		in.TlsMode = mode
		in.TlsCa = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no certificate")}))
		b := &bench{api: serve(t, routes{"GET /instances/{id}": answerJSON(200, in), "GET /credentials/{id}": answerJSON(200, sampleCredential())})}
		b.run(t, "instance", "show", "12").want(t, 0, want...)
	}
}
