package mysql

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/dbfleet/dbfleet/internal/collector"
)

// maxGreeting bounds the first packet of a server; real ones have about 100 bytes.
const maxGreeting = 4096

// A greetedConn is a connection of which the server's greeting was read and
// found sound. Reading gives it again. It remembers why reading or writing has
// failed, because the driver does not tell.
type greetedConn struct {
	net.Conn
	greeting []byte // what is still to be given
	failed   error
}

// greet reads the first packet. The driver trusts its length and its insides,
// so that nothing else may come through to it.
func greet(ctx context.Context, c net.Conn) (*greetedConn, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	head := make([]byte, 4)
	if _, err := io.ReadFull(c, head); err != nil {
		return nil, err
	}
	n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if head[3] != 0 || n == 0 || n > maxGreeting {
		return nil, fmt.Errorf("%w: the greeting is not that of a MySQL server", collector.ErrProtocol)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c, body); err != nil {
		return nil, err
	}
	if !soundGreeting(body) {
		return nil, fmt.Errorf("%w: the greeting is not that of a MySQL server", collector.ErrProtocol)
	}
	return &greetedConn{Conn: c, greeting: slices.Concat(head, body)}, nil
}

// soundGreeting reports whether b is an error or a handshake of version 10 that
// is as long as it has to be.
func soundGreeting(b []byte) bool {
	const (
		isError  = 0xff
		protocol = 10
		fixed    = 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10 + 13 // after the version's text
	)
	if b[0] == isError {
		return len(b) > 3
	}
	end := bytes.IndexByte(b, 0)
	return b[0] == protocol && end > 0 && len(b) >= end+1+fixed
}

// Read gives the greeting, then what comes.
func (c *greetedConn) Read(b []byte) (int, error) {
	if len(c.greeting) > 0 {
		n := copy(b, c.greeting)
		c.greeting = c.greeting[n:]
		return n, nil
	}
	n, err := c.Conn.Read(b)
	c.note(err)
	return n, err
}

// Write writes to the connection.
func (c *greetedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.note(err)
	return n, err
}

// note keeps the first failure. The driver uses the connection from one
// goroutine at a time; another one only closes it.
func (c *greetedConn) note(err error) {
	if err != nil && c.failed == nil {
		c.failed = err
	}
}
