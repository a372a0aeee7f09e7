package postgres_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/session"
)

// With SCRAM the proof of the password is made for the certificate that was
// shown, so that nobody can pass it on to a server that speaks TLS.
func TestProofOfThePasswordCannotBePassedOn(t *testing.T) {
	t.Parallel()
	ours := collectortest.NewAuthority(t)
	var opts localsvc.PostgresOptions
	opts.CertFile, opts.KeyFile = ours.Issue(t, collectortest.Valid, "127.0.0.1").Files(t)
	s := start(t, opts)
	target := s.Target()
	target.TLSMode = fleet.TLSRequire
	if _, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), target, fleet.Limits{}, nil); err != nil {
		t.Fatal(err)
	}
	relay := collectortest.Serve(t, relayTLS(net.JoinHostPort(s.Host(), strconv.Itoa(s.Port())), collectortest.IssueSelf(t).Config(t)))
	target.Port = relay.Port()
	_, err := newReader(t, localDialer(t)).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
	if f := session.AsFault(err); f.Phase != session.PhaseLogin || !strings.Contains(f.Err.Error(), "channel binding") {
		t.Errorf("fault %v, want one of channel binding", f)
	}
}

// relayTLS ends TLS with config and speaks TLS on to the server.
func relayTLS(server string, config *tls.Config) collectortest.Handler {
	return func(ctx context.Context, c net.Conn) {
		var dialer net.Dialer
		raw, err := dialer.DialContext(ctx, "tcp", server)
		if err != nil || answerOnce(c, 'S') != nil {
			return
		}
		defer func() { _ = raw.Close() }()
		if _, err := raw.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil { // the wish for TLS
			return
		}
		if _, err := io.ReadFull(raw, make([]byte, 1)); err != nil {
			return
		}
		client := tls.Server(c, config)
		on := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
		back := make(chan struct{})
		go func() {
			defer close(back)
			_, _ = io.Copy(client, on)
			_ = client.Close()
		}()
		_, _ = io.Copy(on, client)
		_ = raw.Close()
		<-back
	}
}
