package collectortest

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Handler serves one connection of a fake server. ctx ends with the test; the
// connection is closed then, too.
type Handler func(ctx context.Context, c net.Conn)

// A Fake is a server that misbehaves on a port of its own. Its Ear hears what is
// on the wire.
type Fake struct {
	Ear

	listener net.Listener
	mu       sync.Mutex // guards accepted
	accepted int
}

// Serve starts a fake server that ends with the test, its handlers included.
func Serve(t testing.TB, handle Handler) *Fake {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &Fake{listener: l}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { f.accept(ctx, &running, handle) })
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		running.Wait()
	})
	return f
}

func (f *Fake) accept(ctx context.Context, running *sync.WaitGroup, handle Handler) {
	for {
		c, err := f.listener.Accept()
		if err != nil {
			return // the test is over
		}
		f.mu.Lock()
		f.accepted++
		f.mu.Unlock()
		running.Go(func() {
			defer func() { _ = c.Close() }()
			defer context.AfterFunc(ctx, func() { _ = c.Close() })()
			handle(ctx, f.On(c))
		})
	}
}

// Port is the port on 127.0.0.1.
func (f *Fake) Port() int {
	return f.listener.Addr().(*net.TCPAddr).Port
}

// Accepted returns how many connections were made.
func (f *Fake) Accepted() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.accepted
}

// Silent reads whatever comes and never answers.
func Silent(_ context.Context, c net.Conn) {
	_, _ = io.Copy(io.Discard, c)
}

// Closing closes the connection once it has heard something.
func Closing(_ context.Context, c net.Conn) { hear(c) }

// hear reads a byte. In some protocols the server speaks first; so it does not
// wait for long.
func hear(c net.Conn) {
	const most = 100 * time.Millisecond
	_ = c.SetReadDeadline(time.Now().Add(most))
	_, _ = c.Read(make([]byte, 1))
	_ = c.SetReadDeadline(time.Time{})
}

// Garbage answers in a protocol that no database speaks.
func Garbage(_ context.Context, c net.Conn) {
	hear(c)
	_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
	_, _ = io.Copy(io.Discard, c)
}

// Trickling answers one byte at a time, and never enough of them.
func Trickling(ctx context.Context, c net.Conn) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := c.Write([]byte{0}); err != nil {
				return
			}
		}
	}
}
