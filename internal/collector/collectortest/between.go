package collectortest

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/dbfleet/dbfleet/internal/fleet"
)

// A Between stands between a collector and a server, and keeps what the
// collector sends.
type Between struct {
	fake   *Fake // hears what is on the wire
	server string
	inside Ear // hears what is said where TLS has ended

	mu     sync.Mutex // guards what follows
	closed *sync.Cond // told when open falls
	open   int        // connections
	passed int        // bytes on the wire when the first connection had begun
	err    error      // why a connection did not begin
}

// begin brings a connection to where data flow, and returns its two ends.
type begin func(client, server net.Conn) (net.Conn, net.Conn, error)

// newBetween starts one before the server of target. It ends with the test.
func newBetween(t testing.TB, target fleet.Target, start begin) *Between {
	t.Helper()
	b := &Between{server: addrOf(target)}
	b.closed = sync.NewCond(&b.mu)
	b.mu.Lock() // so that its first connection finds the fake
	defer b.mu.Unlock()
	b.fake = Serve(t, func(ctx context.Context, c net.Conn) {
		b.count(1)
		defer b.count(-1)
		b.serve(ctx, c, start)
	})
	return b
}

func (b *Between) count(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open += n
	b.closed.Broadcast()
}

// wait returns when all connections have ended, with why one did not begin and
// how many bytes were on the wire when the first one had.
func (b *Between) wait() (passed int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.open > 0 {
		b.closed.Wait()
	}
	return b.passed, b.err
}

// stripping hides TLS, and passes on whatever is said without it.
func stripping(t testing.TB, w Wire, target fleet.Target) *Between {
	t.Helper()
	return newBetween(t, target, func(client, server net.Conn) (net.Conn, net.Conn, error) {
		return client, server, w.Strip(client, server)
	})
}

// ending ends TLS with a configuration of its own, and passes on what is inside.
func ending(t testing.TB, w Wire, target fleet.Target, config *tls.Config) *Between {
	t.Helper()
	return newBetween(t, target, func(client, server net.Conn) (net.Conn, net.Conn, error) {
		server, err := w.Agree(client, server)
		if err != nil {
			return nil, nil, err
		}
		c := tls.Server(client, config)
		return c, server, c.Handshake()
	})
}

// hangingUp lets TLS begin and closes the connection at the first byte of it.
func hangingUp(t testing.TB, w Wire, target fleet.Target) *Between {
	t.Helper()
	return newBetween(t, target, func(client, server net.Conn) (net.Conn, net.Conn, error) {
		if _, err := w.Agree(client, server); err != nil {
			return nil, nil, err
		}
		_, err := client.Read(make([]byte, 1))
		if err == nil {
			err = io.EOF
		}
		return nil, nil, err
	})
}

func (b *Between) serve(ctx context.Context, client net.Conn, start begin) {
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, "tcp", b.server)
	if err != nil {
		b.began(err)
		return
	}
	defer func() { _ = server.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	c, s, err := start(client, server)
	b.began(err)
	if err != nil {
		return
	}
	b.pass(c, s)
}

// pass copies both ways until one side has ended.
func (b *Between) pass(client, server net.Conn) {
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	_, _ = io.Copy(server, b.inside.On(client))
	_ = server.Close()
	back.Wait()
}

// began keeps the first error.
func (b *Between) began(err error) {
	heard := b.fake.Bytes()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.passed == 0 {
		b.passed = heard
	}
	if b.err == nil {
		b.err = err
	}
}

// target is how a collector comes by it to the server.
func (b *Between) target(t fleet.Target) fleet.Target {
	t.Host, t.Port = "127.0.0.1", b.fake.Port()
	return t
}

// wantSilence fails the test unless the collector has kept everything about the
// login to itself. Its read must have ended.
func (b *Between) wantSilence(t testing.TB, target fleet.Target) {
	t.Helper()
	_, _ = b.wait()
	if n := b.inside.Bytes(); n > 0 {
		t.Errorf("%d bytes were said to whom should not be talked to", n)
	}
	for what, text := range map[string]string{
		"user name": target.Username, "password": target.Password.Reveal(), "application name": target.AppName,
	} {
		if b.fake.Heard(text) {
			t.Errorf("the %s is on the wire", what)
		}
	}
}

// wantLogin fails the test unless the collector has said its name inside and
// kept the password to itself all the same.
func (b *Between) wantLogin(t testing.TB, target fleet.Target) {
	t.Helper()
	_, _ = b.wait()
	if !b.inside.Heard(target.Username) || b.inside.Heard(target.Password.Reveal()) {
		t.Error("the user name was not said inside, or the password was")
	}
}
