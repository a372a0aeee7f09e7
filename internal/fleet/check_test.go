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

func TestEveryTLSModeIsAccepted(t *testing.T) {
	t.Parallel()
	for mode, ok := range map[fleet.TLSMode]bool{
		"": true, fleet.TLSVerifyFull: true, fleet.TLSVerifyCA: true, fleet.TLSRequire: true, fleet.TLSDisable: true,
		"prefer": false, "VERIFY-FULL": false,
	} {
		_, err := fleet.Instance{
			Name: "a", Engine: fleet.MySQL, Host: "10.0.0.1", CredentialID: 1, TLSMode: mode, TLSServerName: "db.test",
		}.Normalise()
		if faults := invalid.All(err); ok && err != nil || !ok && (len(faults) != 1 || faults[0].Field != "tls_mode") {
			t.Errorf("mode %q: %v", mode, err)
		}
	}
}

// Whoever enters an authority believes that something is checked with it; but the
// mode alone can be changed for a while, and back.
func TestAuthorityThatNothingIsCheckedWith(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	ca, none := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})), ""
	for _, weak := range []fleet.TLSMode{fleet.TLSRequire, fleet.TLSDisable} {
		fresh := fleet.Instance{Name: "a", Engine: fleet.MySQL, Host: "10.0.0.1", CredentialID: 1, TLSMode: weak, TLSCA: ca}
		_, err := fresh.Normalise()
		if faults := invalid.All(err); len(faults) != 1 || faults[0].Field != "tls_ca" {
			t.Errorf("%s, registered: %v", weak, err)
		}
		stored := fresh
		stored.ID, stored.TLSMode = 7, fleet.TLSVerifyCA
		for name, tt := range map[string]struct {
			change fleet.InstanceChange
			ok     bool
		}{
			"mode alone":              {fleet.InstanceChange{TLSMode: &weak}, true},
			"mode and authority":      {fleet.InstanceChange{TLSMode: &weak, TLSCA: &ca}, false},
			"authority taken away":    {fleet.InstanceChange{TLSMode: &weak, TLSCA: &none}, true},
			"authority of a checker":  {fleet.InstanceChange{TLSCA: &ca}, true},
			"something else entirely": {fleet.InstanceChange{Name: &ca}, true},
		} {
			if err := tt.change.Check(stored); (err == nil) != tt.ok {
				t.Errorf("%s, %s: %v", weak, name, err)
			}
		}
		stored.TLSMode = weak
		if err := (fleet.InstanceChange{TLSCA: &ca}).Check(stored); err == nil {
			t.Errorf("%s, authority later: no error", weak)
		}
		if _, err := stored.Normalise(); err != nil {
			t.Errorf("%s, stored: %v", weak, err)
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
