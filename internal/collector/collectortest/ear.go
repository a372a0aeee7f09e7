package collectortest

import (
	"bytes"
	"net"
	"strings"
	"sync"
)

// An Ear hears what a server is told, inside of TLS if that is where it listens.
// The zero value is ready. Goroutines may share it.
type Ear struct {
	mu    sync.Mutex // guards heard
	heard bytes.Buffer
}

// On returns c; what is read from it is heard.
func (e *Ear) On(c net.Conn) net.Conn { return &listening{Conn: c, ear: e} }

// Heard reports whether a text was read.
func (e *Ear) Heard(text string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Contains(e.heard.String(), text)
}

// Bytes returns how much was read.
func (e *Ear) Bytes() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.heard.Len()
}

type listening struct {
	net.Conn
	ear *Ear
}

// Read reads from the connection.
func (c *listening) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.ear.mu.Lock()
	defer c.ear.mu.Unlock()
	c.ear.heard.Write(b[:n])
	return n, err
}
