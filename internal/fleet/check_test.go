package fleet_test

import (
	"encoding/pem"
	"net/http/httptest"
	"testing"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
)

func TestCertificatesOfAnInstance(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	for name, tt := range map[string]struct {
		ca string
		ok bool
	}{
		"none":                   {"", true},
		"one":                    {certificate, true},
		"two":                    {certificate + certificate, true},
		"remarks around it":      {"our own CA\n" + certificate + "\n# end\n", true},
		"no certificate":         {"garbage", false},
		"NUL after it":           {certificate + "\x00", false}, // Postgres cannot hold it
		"a certificate of noise": {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", false},
	} {
		_, err := fleet.Instance{
			Name: "a", Engine: fleet.PostgreSQL, Host: "10.0.0.1", CredentialID: 1, TLSCA: tt.ca,
		}.Normalise()
		if tt.ok && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if faults := invalid.All(err); !tt.ok && (len(faults) != 1 || faults[0].Field != "tls_ca") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNamesAreSeen(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"orders-1": true, "中文 实例": true, "a/b": true,
		" ": false, "\u00a0": false, " padded": false, "padded ": false,
	} {
		_, err := fleet.Instance{Name: name, Engine: fleet.PostgreSQL, Host: "10.0.0.1", CredentialID: 1}.Normalise()
		if (err == nil) != ok {
			t.Errorf("instance %q: %v", name, err)
		}
		if err := (fleet.Credential{Name: name, Username: "monitor"}).Validate(); (err == nil) != ok {
			t.Errorf("credential %q: %v", name, err)
		}
	}
}
