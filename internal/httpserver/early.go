package httpserver

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
)

// net/http answers a request that it cannot read by itself, as plain text and
// before any handler. A listener of this kind lets such an answer out as the
// problem document that every other fault is answered with.
type problemListener struct {
	net.Listener
	log *slog.Logger
}

// Accept implements net.Listener.
func (l problemListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &problemConn{Conn: conn, log: l.log}, nil
}

type problemConn struct {
	net.Conn
	log *slog.Logger
}

// CloseWrite is what net/http calls before it waits for the caller to read.
func (c *problemConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// earlyHead is how the header of such an answer goes on after its status line;
// no answer of a handler has these two lines alone.
var earlyHead = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

// Write implements net.Conn. net/http writes an answer of its own at once.
func (c *problemConn) Write(p []byte) (int, error) {
	status, ok := earlyStatus(p)
	if !ok {
		return c.Conn.Write(p)
	}
	id := rand.Text()
	c.log.Info("request not readable", "status", status, "request_id", id, "remote_addr", c.RemoteAddr().String())
	if _, err := c.Conn.Write(earlyAnswer(status, id)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// earlyStatus reports whether p is an answer of net/http's own.
func earlyStatus(p []byte) (int, bool) {
	line, _, found := bytes.Cut(p, earlyHead)
	if !found || bytes.Contains(line, []byte("\r\n")) || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) || len(line) < 12 {
		return 0, false
	}
	status, err := strconv.Atoi(string(line[9:12]))
	return status, err == nil && status >= http.StatusBadRequest
}

func earlyAnswer(status int, id string) []byte {
	body, err := json.Marshal(describe(plainKind(status), nil, id))
	if err != nil {
		panic(err) // a bug: texts and numbers
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	header := http.Header{
		"Content-Type": {problemType}, "Content-Length": {strconv.Itoa(len(body))}, "Connection": {"close"}, "X-Request-Id": {id},
	}
	setSecurity(header)
	_ = header.Write(&b) // a buffer takes everything
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}
