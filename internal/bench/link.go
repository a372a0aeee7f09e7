package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// link is a line to a target: it passes on what both sides send, later by a
// delay, and notes when connections open and close. It keeps the throughput:
// what is on its way does not hold up what follows.
type link struct {
	listener net.Listener
	to       string
	delay    time.Duration // each way
	running  sync.WaitGroup

	mu     sync.Mutex        // guards what follows
	conns  map[net.Conn]bool // whether it counts
	open   int               // of those that count
	opened time.Time         // the last one of those
	closed time.Time         // the same
}

// newLink listens on a loopback port. trip is the round trip that it adds. The
// caller calls close.
func newLink(ctx context.Context, to string, trip time.Duration) (*link, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("make link: %w", err)
	}
	k := &link{listener: l, to: to, delay: trip / 2, conns: map[net.Conn]bool{}}
	k.running.Go(k.accept)
	return k, nil
}

func (k *link) port() int {
	addr, _ := k.listener.Addr().(*net.TCPAddr) // it listens on tcp
	return addr.Port
}

// close ends all connections and waits for them.
func (k *link) close() {
	_ = k.listener.Close() // nobody comes any more
	k.mu.Lock()
	for conn := range k.conns {
		_ = conn.Close() // whoever used it is told
	}
	k.mu.Unlock()
	k.running.Wait()
}

func (k *link) accept() {
	for {
		conn, err := k.listener.Accept()
		if err != nil {
			return
		}
		k.running.Go(func() { k.serve(conn) })
	}
}

func (k *link) serve(conn net.Conn) {
	k.arrive(conn)
	defer k.leave(conn)
	target, err := (&net.Dialer{Timeout: targetTime}).Dial("tcp", k.to)
	if err != nil {
		return
	}
	defer func() { _ = target.Close() }() // whatever ended it
	var both sync.WaitGroup
	// What a client sends first has also waited for the handshake.
	both.Go(func() { pass(conn, target, k.delay, 2*k.delay, func(first []byte) { k.speak(conn, first) }) })
	both.Go(func() { pass(target, conn, k.delay, 0, func([]byte) {}) })
	both.Wait()
}

const targetTime = 5 * time.Second

func (k *link) arrive(conn net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns[conn] = false
}

// cancelRequest begins a connection of PostgreSQL that only asks to cancel the
// statement of another one. https://www.postgresql.org/docs/current/protocol-message-formats.html
var cancelRequest = []byte{0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e}

// speak counts a connection by its client's first words: one that asks to
// cancel a statement is not there to read anything.
func (k *link) speak(conn net.Conn, first []byte) {
	if bytes.HasPrefix(first, cancelRequest) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns[conn] = true
	k.open++
	k.opened = time.Now()
}

func (k *link) leave(conn net.Conn) {
	_ = conn.Close() // whatever ended it
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conns[conn] {
		k.open--
		k.closed = time.Now()
	}
	delete(k.conns, conn)
}

// seen returns how many connections are open that have said something, and when
// the last one did and the last one closed.
func (k *link) seen() (open int, opened, closed time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.open, k.opened, k.closed
}

// chunk is what was read at once, and when it is due at the other side.
type chunk struct {
	data []byte
	due  time.Time
}

const chunksAhead = 1024 // on their way at most

// pass copies from one side to the other until either ends, each chunk later by
// delay, the first one also by extra; begins is told the first one. Then it ends
// both.
func pass(from, to net.Conn, delay, extra time.Duration, begins func(first []byte)) {
	chunks := make(chan chunk, chunksAhead)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(chunks)
		for first := true; ; {
			buf := make([]byte, 16<<10)
			n, err := from.Read(buf)
			if n > 0 {
				if first {
					begins(buf[:n])
				}
				first = false
				chunks <- chunk{buf[:n], time.Now().Add(delay + extra)}
				extra = 0
			}
			if err != nil {
				return
			}
		}
	})
	deliver(chunks, to)
	_ = errors.Join(from.Close(), to.Close()) // the other direction ends with this one
	for range chunks {                        // the reader must not wait for us
	}
	reader.Wait()
}

// deliver writes every chunk when it is due, until the sender ends or the
// receiver has gone.
func deliver(chunks <-chan chunk, to net.Conn) {
	for c := range chunks {
		if wait := time.Until(c.due); wait > 0 {
			<-time.After(wait)
		}
		if _, err := to.Write(c.data); err != nil {
			return
		}
	}
}
