package netguard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/netguard"
)

func TestRefusalNamesTheAddressOnce(t *testing.T) {
	t.Parallel()
	j := (&netguard.Dialer{}).Job(t.Context()) // it may not connect to anything
	defer func() { _ = j.Close() }()
	_, err := j.DialContext(t.Context(), "tcp", "192.0.2.1:5432")
	if err == nil || strings.Count(err.Error(), "192.0.2.1") != 1 || !strings.Contains(err.Error(), netguard.Setting) {
		t.Errorf("error %v", err)
	}
	_, err = j.DialContext(t.Context(), "tcp", "localhost:5432")
	if err == nil || strings.Count(err.Error(), "localhost:5432") != 1 || !strings.Contains(err.Error(), netguard.Setting) {
		t.Errorf("error %v does not name the host", err)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// target is a server on loopback that handles each connection with serve.
type target struct {
	addr string
	port uint16
}

func newTarget(tb testing.TB, serve func(net.Conn)) target {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { serve(c); _ = c.Close() })
		}
	})
	tb.Cleanup(func() { _ = l.Close(); served.Wait() })
	return target{addr: l.Addr().String(), port: netip.MustParseAddrPort(l.Addr().String()).Port()}
}

// silent reads until the client goes away.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func (s target) allow() string { return s.addr }

func newJob(tb testing.TB, d netguard.Dialer) *netguard.Job {
	tb.Helper()
	j := d.Job(context.Background())
	tb.Cleanup(func() { _ = j.Close() })
	return j
}

func mustDial(tb testing.TB, j *netguard.Job, addr string) net.Conn {
	tb.Helper()
	c, err := j.DialContext(tb.Context(), "tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestDialReachesAnAllowedTarget(t *testing.T) {
	t.Parallel()
	srv := newTarget(t, func(c net.Conn) { _, _ = io.WriteString(c, "hello") })
	j := newJob(t, netguard.Dialer{Policy: policy(t, srv.allow())})
	c := mustDial(t, j, srv.addr)
	got, err := io.ReadAll(c)
	if err != nil || string(got) != "hello" || j.BytesRead() != 5 || j.Open() != 1 {
		t.Errorf("read %q, %v; counted %d bytes, %d open", got, err, j.BytesRead(), j.Open())
	}
	if err := c.Close(); err != nil || j.Open() != 0 || j.Err() != nil {
		t.Errorf("after Close: %v, %d open, job %v", err, j.Open(), j.Err())
	}
}

func TestDialRefusesWithoutConnecting(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	j := newJob(t, netguard.Dialer{Policy: policy(t, "0.0.0.0/0:*,[::]/0:*")})
	for _, to := range [][2]string{
		{"tcp", l.Addr().String()},
		{"tcp4", "localhost:" + port},
		{"tcp", "[::ffff:127.0.0.1]:" + port},
		{"tcp", "0.0.0.0:" + port},
		{"tcp", "127.1:" + port},
		{"tcp", ":" + port},
		{"tcp", "127.0.0.1:http"},
		{"tcp", "127.0.0.1"},
		{"tcp", "10.0.0.1:0"},
		{"unix", "/var/run/x"},
		{"unixgram", "@x"},
		{"udp", "127.0.0.1:" + port},
		{"ip", "127.0.0.1"},
		{"", ""},
	} {
		_, err := j.DialContext(t.Context(), to[0], to[1])
		var dial *netguard.DialError
		if !errors.Is(err, netguard.ErrNotAllowed) || netguard.Classify(err) != netguard.NotAllowed || !errors.As(err, &dial) {
			t.Errorf("%v: err = %v, want a DialError with ErrNotAllowed", to, err)
		}
	}
	_ = l.(*net.TCPListener).SetDeadline(time.Now())
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("somebody connected: %v", err)
	}
}

func TestNameThatChangesItsAnswerIsRefused(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	resolver := collectortest.Resolver(t, func(string) []netip.Addr {
		if asked.Add(1) == 1 {
			return []netip.Addr{netip.MustParseAddr("10.0.0.7")}
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	})
	srv := newTarget(t, func(net.Conn) { t.Error("connected to the address behind the flip") })
	p := policy(t, fmt.Sprintf("10.0.0.0/8:%d", srv.port))
	if err := p.CheckHost(t.Context(), resolver, "flip.test.", srv.port); err != nil {
		t.Fatalf("first answer refused: %v", err)
	}
	j := newJob(t, netguard.Dialer{Policy: p, Resolver: resolver})
	_, err := j.DialContext(t.Context(), "tcp", net.JoinHostPort("flip.test.", strconv.Itoa(int(srv.port))))
	if !errors.Is(err, netguard.ErrNotAllowed) {
		t.Errorf("err = %v, want ErrNotAllowed", err)
	}
}

func TestNameWithTwoAnswersReachesTheAllowedOne(t *testing.T) {
	t.Parallel()
	srv := newTarget(t, silent)
	resolver := collectortest.Resolver(t, func(string) []netip.Addr {
		return []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")}
	})
	j := newJob(t, netguard.Dialer{Policy: policy(t, srv.allow()), Resolver: resolver})
	c := mustDial(t, j, fmt.Sprintf("two.test.:%d", srv.port))
	if got := c.RemoteAddr().String(); got != srv.addr {
		t.Errorf("connected to %s, want %s", got, srv.addr)
	}
}

func TestUnknownNameIsClassified(t *testing.T) {
	t.Parallel()
	resolver := collectortest.Resolver(t, func(string) []netip.Addr { return nil })
	j := newJob(t, netguard.Dialer{Policy: policy(t, "10.0.0.0/8:*"), Resolver: resolver})
	_, err := j.DialContext(t.Context(), "tcp", "nobody.test.:5432")
	if got := netguard.Classify(err); got != netguard.NameUnknown {
		t.Errorf("kind %q of %v", got, err)
	}
}

func TestServerCannotRedirectToADeniedAddress(t *testing.T) {
	t.Parallel()
	denied := newTarget(t, func(net.Conn) { t.Error("followed the redirect") })
	srv := newTarget(t, func(c net.Conn) { _, _ = io.WriteString(c, denied.addr) })
	j := newJob(t, netguard.Dialer{Policy: policy(t, srv.allow())})
	elsewhere, err := io.ReadAll(mustDial(t, j, srv.addr))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.DialContext(t.Context(), "tcp", string(elsewhere)); !errors.Is(err, netguard.ErrNotAllowed) {
		t.Errorf("err = %v, want ErrNotAllowed", err)
	}
}

func TestEndOfTheJobClosesASilentConnection(t *testing.T) {
	t.Parallel()
	srv := newTarget(t, silent)
	d := netguard.Dialer{Policy: policy(t, srv.allow())}
	ctx, cancel := context.WithCancelCause(t.Context())
	j := d.Job(ctx)
	defer func() { _ = j.Close() }()
	// A driver with a context of its own does not escape the job's.
	c, err := j.DialContext(context.Background(), "tcp", srv.addr)
	if err != nil {
		t.Fatal(err)
	}
	reason := errors.New("session cancelled")
	read := make(chan error)
	go func() { _, err := c.Read(make([]byte, 1)); read <- err }()
	cancel(reason)
	if err := <-read; !errors.Is(err, reason) || !errors.Is(err, netguard.ErrJobEnded) || !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v, want the cause beside ErrJobEnded and net.ErrClosed", err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, reason) {
		t.Errorf("write: %v, want the cause", err)
	}
	if _, err := j.DialContext(context.Background(), "tcp", srv.addr); !errors.Is(err, netguard.ErrJobEnded) {
		t.Errorf("dial after the end: %v", err)
	}
	if j.Open() != 0 || !errors.Is(j.Err(), reason) {
		t.Errorf("%d open, job %v", j.Open(), j.Err())
	}
}

func TestCloseEndsEveryConnectionOfTheJobAndNoOther(t *testing.T) {
	t.Parallel()
	srv := newTarget(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
	d := netguard.Dialer{Policy: policy(t, srv.allow())}
	j, other := newJob(t, d), newJob(t, d)
	a, b, kept := mustDial(t, j, srv.addr), mustDial(t, j, srv.addr), mustDial(t, other, srv.addr)
	if j.Open() != 2 {
		t.Errorf("%d open, want 2", j.Open())
	}
	_, _ = j.Close(), j.Close()
	for _, c := range []net.Conn{a, b} {
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, netguard.ErrJobEnded) {
			t.Errorf("read after Close: %v", err)
		}
	}
	if _, err := io.WriteString(kept, "x"); err != nil {
		t.Errorf("connection of another job: %v", err)
	}
	if _, err := io.ReadFull(kept, make([]byte, 1)); err != nil {
		t.Errorf("connection of another job: %v", err)
	}
}

func TestJobReadsNoMoreThanItsCap(t *testing.T) {
	t.Parallel()
	endless := newTarget(t, func(c net.Conn) {
		for chunk := make([]byte, 64<<10); ; {
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	})
	const limit = 1 << 20
	j := newJob(t, netguard.Dialer{Policy: policy(t, endless.allow()), MaxBytes: limit})
	first, second := mustDial(t, j, endless.addr), mustDial(t, j, endless.addr)
	if _, err := io.CopyN(io.Discard, first, limit/2); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, second)
	if !errors.Is(err, netguard.ErrTooMuch) || netguard.Classify(err) != netguard.TooMuch || n > limit/2 {
		t.Errorf("second connection read %d bytes, %v", n, err)
	}
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, netguard.ErrTooMuch) {
		t.Errorf("first connection stays open: %v", err)
	}
	if _, err := j.DialContext(t.Context(), "tcp", endless.addr); !errors.Is(err, netguard.ErrTooMuch) || !errors.Is(j.Err(), netguard.ErrTooMuch) {
		t.Errorf("dial over the cap: %v, job %v", err, j.Err())
	}
}

func TestRefusedAndResetAreClassified(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := l.Addr().String()
	_ = l.Close()
	rude := newTarget(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1)) // the client is connected
		_ = c.(*net.TCPConn).SetLinger(0)
	})
	j := newJob(t, netguard.Dialer{Policy: policy(t, "127.0.0.1/32:*")})
	if _, err := j.DialContext(t.Context(), "tcp", gone); netguard.Classify(err) != netguard.Refused {
		t.Errorf("kind %q of %v", netguard.Classify(err), err)
	}
	c := mustDial(t, j, rude.addr)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); netguard.Classify(err) != netguard.Reset {
		t.Errorf("kind %q of %v", netguard.Classify(err), err)
	}
}
