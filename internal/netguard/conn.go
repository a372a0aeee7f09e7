package netguard

import (
	"fmt"
	"net"
)

// conn is a connection that counts what it reads and says why the guard closed
// it. It offers no file descriptor: a read past it would not be counted.
type conn struct {
	net.Conn
	job   *Job
	entry *closer
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.job.read.Add(int64(n)) > c.job.maxBytes {
		c.job.stop(fmt.Errorf("%w: over %d bytes", ErrTooMuch, c.job.maxBytes))
		return 0, c.job.Err()
	}
	return n, c.explain(err)
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	return n, c.explain(err)
}

// Close closes the connection; the job forgets it.
func (c *conn) Close() error {
	c.job.remove(c.entry)
	return c.Conn.Close()
}

func (c *conn) explain(err error) error {
	if err == nil {
		return nil
	}
	if cause := c.job.Err(); cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
