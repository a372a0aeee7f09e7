package netguard

import "net/netip"

type specialRange struct {
	prefix netip.Prefix
	name   string
}

// special returns the ranges that only an entry inside them allows. An address
// may be in several; then the entry must be inside each.
func special() []specialRange {
	in := func(prefix, name string) specialRange {
		return specialRange{netip.MustParsePrefix(prefix), name}
	}
	return []specialRange{
		in("127.0.0.0/8", "a loopback address"),
		in("::1/128", "a loopback address"),
		in("169.254.0.0/16", "a link-local address"),
		in("fe80::/10", "a link-local address"),
		in("169.254.169.254/32", "a cloud metadata address"),
		in("169.254.170.2/32", "a cloud metadata address"),   // AWS ECS
		in("100.100.100.200/32", "a cloud metadata address"), // Alibaba
		in("192.0.0.192/32", "a cloud metadata address"),     // Oracle
		in("168.63.129.16/32", "a cloud metadata address"),   // Azure
		in("fd00:ec2::/32", "a cloud metadata address"),      // AWS
		in("fd20:ce::254/128", "a cloud metadata address"),   // Google
		in("224.0.0.0/4", "a multicast address"),
		in("ff00::/8", "a multicast address"),
		in("0.0.0.0/8", "an unspecified address"),
		in("240.0.0.0/4", "a reserved address"),
		in("::/96", "an unspecified address"), // and the obsolete IPv4-compatible ones
		in("::ffff:0:0:0/96", "a translated IPv4 address"),
		in("64:ff9b::/96", "a translated IPv4 address"),
		in("64:ff9b:1::/48", "a translated IPv4 address"),
		in("2001::/32", "a tunnelled IPv4 address"), // Teredo
		in("2002::/16", "a tunnelled IPv4 address"), // 6to4
	}
}
