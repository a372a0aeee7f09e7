package netguard_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/netguard"
)

// newHang returns the address of a server whose kernel answers no SYN any more:
// nobody accepts and its queue is full.
func newHang(tb testing.TB) string {
	tb.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		tb.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		tb.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		tb.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 16 {
		c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return addr
		}
		tb.Cleanup(func() { _ = c.Close() })
	}
	tb.Fatal("this kernel answers every SYN")
	return ""
}

func TestConnectTimeoutHasItsName(t *testing.T) {
	t.Parallel()
	addr := newHang(t)
	j := newJob(t, netguard.Dialer{Policy: policy(t, addr), ConnectTimeout: 50 * time.Millisecond})
	_, err := j.DialContext(t.Context(), "tcp", addr)
	if netguard.Classify(err) != netguard.Timeout || !strings.Contains(err.Error(), "no connection within 50ms") {
		t.Errorf("err = %v", err)
	}
	if ne := net.Error(nil); !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("not a timeout to drivers: %v", err)
	}
	if j.Open() != 0 {
		t.Errorf("%d open", j.Open())
	}
}

func TestEndOfTheJobGivesUpConnecting(t *testing.T) {
	t.Parallel()
	addr := newHang(t)
	d := netguard.Dialer{Policy: policy(t, addr), ConnectTimeout: time.Minute}
	ctx, cancel := context.WithCancelCause(t.Context())
	j := d.Job(ctx)
	defer func() { _ = j.Close() }()
	dialled := make(chan error)
	go func() { _, err := j.DialContext(context.Background(), "tcp", addr); dialled <- err }()
	reason := errors.New("shutting down")
	cancel(reason)
	if err := <-dialled; !errors.Is(err, reason) || netguard.Classify(err) != netguard.Other {
		t.Errorf("err = %v, want the cause", err)
	}
}
