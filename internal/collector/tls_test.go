package collector_test

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

func TestOnlyDisableHasNoTLS(t *testing.T) {
	t.Parallel()
	for _, mode := range append(fleet.TLSModes(), "") {
		config, err := collector.TLSConfig(fleet.Target{Host: "db.test.", TLSMode: mode})
		if err != nil || (config == nil) != (mode == fleet.TLSDisable) {
			t.Errorf("mode %q: %v, %v", mode, config, err)
		}
		if config != nil && (config.MinVersion != tls.VersionTLS12 || config.ServerName != "db.test" || config.ClientSessionCache != nil) {
			t.Errorf("mode %q: %+v", mode, config)
		}
	}
}

func TestFieldsThatCannotWorkAreNamed(t *testing.T) {
	t.Parallel()
	for field, target := range map[string]fleet.Target{
		"tls_mode: ": {TLSMode: "prefer"},
		"tls_ca: ":   {TLSMode: fleet.TLSVerifyCA, TLSCA: "none"},
	} {
		if config, err := collector.TLSConfig(target); config != nil || err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// The name is asked for in every mode, because a server may have several
// certificates and show the wrong one otherwise.
func TestNameIsAskedForInEveryMode(t *testing.T) {
	t.Parallel()
	ours := collectortest.NewAuthority(t)
	for _, mode := range []fleet.TLSMode{fleet.TLSVerifyFull, fleet.TLSVerifyCA, fleet.TLSRequire} {
		asked := ""
		server := ours.Issue(t, collectortest.Valid, "db.test").Config(t)
		server.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			asked = hello.ServerName
			return nil, nil //nolint:nilnil // the same configuration
		}
		client, err := collector.TLSConfig(fleet.Target{Host: "10.0.0.1", TLSServerName: "db.test", TLSMode: mode, TLSCA: ours.PEM})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := shake(t, client, server); err != nil || asked != "db.test" {
			t.Errorf("mode %s: %v, asked for %q", mode, err, asked)
		}
	}
}

// The collectors keep no sessions to resume; who begins to must not lose the check.
func TestResumedSessionIsCheckedToo(t *testing.T) {
	t.Parallel()
	ours, other := collectortest.NewAuthority(t), collectortest.NewAuthority(t)
	server, cache := ours.Issue(t, collectortest.Valid, "db.test").Config(t), tls.NewLRUClientSessionCache(1)
	connect := func(ca string) (bool, error) {
		config, err := collector.TLSConfig(fleet.Target{Host: "db.test", TLSMode: fleet.TLSVerifyCA, TLSCA: ca})
		if err != nil {
			t.Fatal(err)
		}
		config.ClientSessionCache = cache
		return shake(t, config, server)
	}
	if _, err := connect(ours.PEM); err != nil {
		t.Fatal(err)
	}
	if resumed, err := connect(ours.PEM); err != nil || !resumed {
		t.Fatalf("resumed: %t, %v", resumed, err)
	}
	if resumed, err := connect(other.PEM); err == nil {
		t.Errorf("a session (resumed: %t) was accepted unchecked", resumed)
	}
}

// shake makes a handshake and reads one byte, with which a session comes.
func shake(t *testing.T, client, server *tls.Config) (resumed bool, err error) {
	t.Helper()
	fake := collectortest.Serve(t, func(ctx context.Context, c net.Conn) {
		s := tls.Server(c, server)
		_, _ = s.Write([]byte{1})
		collectortest.Silent(ctx, s)
	})
	var dialer net.Dialer
	raw, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(fake.Port())))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	c := tls.Client(raw, client)
	_, err = c.Read(make([]byte, 1))
	return c.ConnectionState().DidResume, err
}
