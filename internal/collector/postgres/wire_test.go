package postgres_test

import (
	"io"
	"net"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
)

func wireTLS() collectortest.Wire {
	return collectortest.Wire{
		Strip: func(client, _ net.Conn) error { return answerOnce(client, 'N') },
		// Without TLS on the way on, the server cannot tell that the proof of the
		// password was made for another certificate.
		Agree: func(client, server net.Conn) (net.Conn, error) { return server, answerOnce(client, 'S') },
	}
}

// answerOnce answers a request for TLS.
func answerOnce(c net.Conn, answer byte) error {
	if _, err := io.ReadFull(c, make([]byte, 8)); err != nil {
		return err
	}
	_, err := c.Write([]byte{answer})
	return err
}
