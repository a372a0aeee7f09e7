package postgres

import "net"

// How a server answers the question for TLS.
const (
	acceptsTLS = 'S'
	refusesTLS = 'N'
)

// A watchedConn remembers the first byte that was read, because the driver does
// not tell a server without TLS from one that is no PostgreSQL at all.
type watchedConn struct {
	net.Conn
	first byte
	seen  bool
}

// Read reads from the connection.
func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && !c.seen {
		c.first, c.seen = b[0], true
	}
	return n, err
}
