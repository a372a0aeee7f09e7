package netguard

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Setting is the environment variable that holds the allow list; the reasons
// below name it, so that the reader knows what to change.
const Setting = "DBFLEET_TARGET_ALLOW"

// ErrNotAllowed is wrapped by every refusal; the text says which address and why.
var ErrNotAllowed = errors.New("not allowed")

// Policy says which addresses may be connected to. Make one with ParsePolicy;
// the zero value allows nothing. Goroutines may share it; nothing changes it.
type Policy struct {
	allow   []rule
	special []specialRange
	own     []netip.AddrPort
}

// rule is one entry of the allow list.
type rule struct {
	prefix netip.Prefix
	ports  []portRange
}

type portRange struct{ first, last uint16 }

// Deny returns a policy that also denies our own servers: an entry must name
// such an address and port exactly to allow it.
func (p Policy) Deny(own ...netip.AddrPort) Policy {
	p.own = slices.Clone(p.own)
	for _, a := range own {
		p.own = append(p.own, plain(a))
	}
	return p
}

// Check returns nil when addr may be connected to, else an error that wraps
// ErrNotAllowed. IPv4 addresses written as IPv6 count as the IPv4 ones.
func (p Policy) Check(addr netip.AddrPort) error {
	addr = plain(addr)
	inRanges := p.specialOf(addr.Addr())
	isOwn := slices.Contains(p.own, addr)
	covered := false
	for _, r := range p.allow {
		if !r.covers(addr) {
			continue
		}
		covered = true
		if r.insideAll(inRanges) && (!isOwn || r.exact()) {
			return nil
		}
	}
	return refusal(addr, covered, isOwn, inRanges)
}

// plain removes what spells one address in several ways.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

func (p Policy) specialOf(addr netip.Addr) []specialRange {
	var in []specialRange
	for _, s := range p.special {
		if s.prefix.Contains(addr) {
			in = append(in, s)
		}
	}
	return in
}

func (r rule) covers(addr netip.AddrPort) bool {
	return addr.Port() != 0 && r.prefix.Contains(addr.Addr()) &&
		slices.ContainsFunc(r.ports, func(p portRange) bool {
			return p.first <= addr.Port() && addr.Port() <= p.last
		})
}

func (r rule) insideAll(ranges []specialRange) bool {
	for _, s := range ranges {
		if r.prefix.Bits() < s.prefix.Bits() || !s.prefix.Contains(r.prefix.Addr()) {
			return false
		}
	}
	return true
}

// exact reports whether the entry names one address and one port.
func (r rule) exact() bool {
	return r.prefix.IsSingleIP() && len(r.ports) == 1 && r.ports[0].first == r.ports[0].last
}

func refusal(addr netip.AddrPort, covered, isOwn bool, in []specialRange) error {
	switch {
	case isOwn:
		return fmt.Errorf("%w: %s is a server of DBFleet itself and %s does not name exactly it", ErrNotAllowed, addr, Setting)
	case len(in) > 0:
		narrow := slices.MaxFunc(in, func(a, b specialRange) int { return cmp.Compare(a.prefix.Bits(), b.prefix.Bits()) })
		return fmt.Errorf("%w: %s is %s and %s has no entry within %s", ErrNotAllowed, addr, narrow.name, Setting, narrow.prefix)
	case covered:
		return fmt.Errorf("%w: %s", ErrNotAllowed, addr)
	}
	return fmt.Errorf("%w: %s is not in %s", ErrNotAllowed, addr, Setting)
}
