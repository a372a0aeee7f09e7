package collectortest

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"
)

// Unaccepting returns a port of 127.0.0.1 on which connections are never
// completed, as behind a firewall that drops packets: its queue is full.
func Unaccepting(t testing.TB) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := name.(*syscall.SockaddrInet4).Port
	fillQueue(t, port)
	return port
}

// fillQueue connects until that does not work any more.
func fillQueue(t testing.TB, port int) {
	t.Helper()
	const most = 16
	for range most {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String())
		cancel()
		if err != nil {
			return
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatalf("%d connections did not fill a queue of none", most)
}
