package netguard

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ParsePolicy reads an allow list in the form that the package comment shows.
// Its error joins one for each faulty entry. An empty list is an error: a worker
// that may connect nowhere has no use, and "anywhere" must be said.
func ParsePolicy(list string) (Policy, error) {
	p := Policy{special: special()}
	var faults []error
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		r, err := parseRule(entry)
		if err != nil {
			faults = append(faults, fmt.Errorf("entry %q %w", entry, err))
			continue
		}
		p.allow = append(p.allow, r)
	}
	if len(faults) > 0 {
		return Policy{}, errors.Join(faults...)
	}
	if len(p.allow) == 0 {
		return Policy{}, errors.New("must name at least one network, such as 10.0.0.0/8:3306|5432")
	}
	return p, nil
}

func parseRule(entry string) (rule, error) {
	at := strings.LastIndexByte(entry, ':')
	if at < 0 || strings.HasSuffix(entry, "]") || strings.Contains(entry[at:], "/") {
		return rule{}, errors.New("needs ports, such as :5432 or :*")
	}
	prefix, err := parsePrefix(entry[:at])
	if err != nil {
		return rule{}, err
	}
	ports, err := parsePorts(entry[at+1:])
	if err != nil {
		return rule{}, err
	}
	return rule{prefix: prefix, ports: ports}, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	address, bits, hasBits := strings.Cut(s, "/")
	inner, bracketed := strings.CutPrefix(address, "[")
	if bracketed {
		inner, bracketed = strings.CutSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(inner)
	switch {
	case err != nil || addr.Zone() != "":
		return netip.Prefix{}, errors.New("does not start with an address (names are not looked up here)")
	case addr.Is4In6():
		return netip.Prefix{}, errors.New("spells an IPv4 address as IPv6")
	case addr.Is6() != bracketed:
		return netip.Prefix{}, errors.New("must have brackets around an IPv6 address, and around nothing else")
	case !hasBits:
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	n, err := strconv.Atoi(bits)
	if err != nil || n < 0 || n > addr.BitLen() {
		return netip.Prefix{}, fmt.Errorf("needs a prefix length of 0 to %d", addr.BitLen())
	}
	prefix := netip.PrefixFrom(addr, n)
	if prefix != prefix.Masked() {
		return netip.Prefix{}, fmt.Errorf("has an address beyond its prefix: write %s or %s/%d", prefix.Masked(), addr, addr.BitLen())
	}
	return prefix, nil
}

func parsePorts(s string) ([]portRange, error) {
	if s == "*" {
		return []portRange{{1, 65535}}, nil
	}
	var ports []portRange
	for part := range strings.SplitSeq(s, "|") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.ParseUint(first, 10, 16)
		to, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || from == 0 || from > to {
			return nil, fmt.Errorf("has a bad port %q: write 5432, 3306|5432, 5432-5440 or *", part)
		}
		ports = append(ports, portRange{uint16(from), uint16(to)})
	}
	return ports, nil
}
