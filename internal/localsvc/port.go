package localsvc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
)

// Ports are taken from below the range from which the system serves outgoing
// connections: nobody gets a server's port by chance while it restarts.
const (
	lowestPort  = 15000
	highestPort = 32000
)

// startTries bounds the starts of one server: another process can take the
// chosen port between the choice and the start.
const startTries = 5

// freePort returns a port that can be opened on every one of the addresses.
func freePort(ctx context.Context, addrs []string) (int, error) {
	const tries = 200
	var last error
	for range tries {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if last = canListen(ctx, addrs, port); last == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a free port on %s: %w", strings.Join(addrs, ","), last)
}

func canListen(ctx context.Context, addrs []string, port int) error {
	for _, addr := range addrs {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(addr, strconv.Itoa(port)))
		if err != nil {
			return err
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

// splitAddrs returns the listen addresses, by default the loopback one. Other
// addresses than loopback ones are refused: the servers are unprotected.
func splitAddrs(list string) ([]string, error) {
	if list == "" {
		return []string{"127.0.0.1"}, nil
	}
	addrs := strings.Split(list, ",")
	for i, addr := range addrs {
		addrs[i] = strings.TrimSpace(addr)
		if ip := net.ParseIP(addrs[i]); ip == nil || !ip.IsLoopback() {
			return nil, fmt.Errorf("listen address %q is not a loopback address", addr)
		}
	}
	return addrs, nil
}

var errPortTaken = errors.New("port was taken by another process")
