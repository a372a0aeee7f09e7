package netguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

const maxHostBytes = 253

// Resolver looks up a host; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// CheckHost tells early what a connection to host and port would meet. It
// returns nil when an address of host is allowed, and also when host cannot be
// looked up now: the dialer has the last word. Otherwise the error wraps
// ErrNotAllowed. It blocks for the look-up; bound it with ctx.
func (p Policy) CheckHost(ctx context.Context, r Resolver, host string, port uint16) error {
	addrs, err := lookUp(ctx, r, host)
	if err != nil {
		if errors.Is(err, ErrNotAllowed) {
			return err
		}
		return nil
	}
	var first error
	for _, a := range addrs {
		err := p.Check(netip.AddrPortFrom(a, port))
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// Own returns the addresses of our own servers for Policy.Deny. Each is given
// as host:port; an empty or unspecified host means every address of this
// machine. The error names the server that cannot be looked up.
func Own(ctx context.Context, r Resolver, servers ...string) ([]netip.AddrPort, error) {
	var own []netip.AddrPort
	for _, s := range servers {
		host, port, err := splitHostPort(s)
		if err != nil {
			return nil, err
		}
		addrs, err := ownAddrs(ctx, r, host)
		if err != nil {
			return nil, fmt.Errorf("look up our own server %q: %w", s, err)
		}
		for _, a := range addrs {
			own = append(own, netip.AddrPortFrom(a, port))
		}
	}
	return own, nil
}

func ownAddrs(ctx context.Context, r Resolver, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); host != "" && (err != nil || !addr.IsUnspecified()) {
		return lookUp(ctx, r, host)
	}
	local, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, l := range local {
		if prefix, err := netip.ParsePrefix(l.String()); err == nil {
			addrs = append(addrs, prefix.Addr())
		}
	}
	return addrs, nil
}

func lookUp(ctx context.Context, r Resolver, host string) ([]netip.Addr, error) {
	if err := checkSpelling(host); err != nil {
		return nil, err
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	return r.LookupNetIP(ctx, "ip", host)
}

// checkSpelling refuses what is neither an IP address in its usual form nor a
// DNS name, since resolvers differ in what they make of it: 0x7f.1, 127.1, a
// path of a socket, other scripts' digits.
func checkSpelling(host string) error {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	name := strings.TrimSuffix(host, ".")
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.ContainsFunc(label, notInLabel) {
			return badSpelling(host)
		}
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if _, err := strconv.ParseUint(last, 0, 64); err == nil || strings.Trim(last, "0123456789") == "" || len(name) > maxHostBytes {
		return badSpelling(host) // some resolvers read an address there
	}
	return nil
}

func badSpelling(host string) error {
	return fmt.Errorf("%w: %.60q is neither an IP address nor a host name", ErrNotAllowed, host)
}

func notInLabel(r rune) bool {
	return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

func splitHostPort(addr string) (string, uint16, error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %.60q is not host:port", ErrNotAllowed, addr)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return "", 0, fmt.Errorf("%w: %.60q has no port from 1 to 65535", ErrNotAllowed, addr)
	}
	return host, uint16(port), nil
}
