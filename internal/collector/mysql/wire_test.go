package mysql_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
)

func wireTLS() collectortest.Wire {
	return collectortest.Wire{
		Strip: func(client, server net.Conn) error {
			packet, err := readPacket(server)
			if err != nil {
				return err
			}
			const speaksTLS = 0x08 // in the second byte of the capabilities
			version := 4 + 1
			capabilities := version + bytes.IndexByte(packet[version:], 0) + 1 + 4 + 8 + 1
			packet[capabilities+1] &^= speaksTLS
			_, err = client.Write(packet)
			return err
		},
		Agree: func(client, server net.Conn) (net.Conn, error) {
			if err := passPacket(client, server); err != nil { // the greeting
				return nil, err
			}
			if err := passPacket(server, client); err != nil { // the wish for TLS
				return nil, err
			}
			return tls.Client(server, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}), nil
		},
	}
}

// readPacket returns a packet with its head.
func readPacket(c net.Conn) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	packet := make([]byte, 4+(int(head[0])|int(head[1])<<8|int(head[2])<<16))
	copy(packet, head[:])
	_, err := io.ReadFull(c, packet[4:])
	return packet, err
}

func passPacket(to, from net.Conn) error {
	packet, err := readPacket(from)
	if err != nil {
		return err
	}
	_, err = to.Write(packet)
	return err
}
