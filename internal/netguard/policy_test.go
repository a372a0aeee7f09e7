package netguard_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/netguard"
)

func policy(tb testing.TB, list string) netguard.Policy {
	tb.Helper()
	p, err := netguard.ParsePolicy(list)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestPolicyAllowsWhatAnEntryCovers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, list, addr string
		want             bool
	}{
		{"network and port", "10.0.0.0/8:3306|5432", "10.1.2.3:5432", true},
		{"first port", "10.0.0.0/8:3306|5432", "10.1.2.3:3306", true},
		{"other port", "10.0.0.0/8:3306|5432", "10.1.2.3:22", false},
		{"other network", "10.0.0.0/8:5432", "11.1.2.3:5432", false},
		{"range of ports, inside", "10.0.0.0/8:5432-5440", "10.0.0.1:5440", true},
		{"range of ports, outside", "10.0.0.0/8:5432-5440", "10.0.0.1:5441", false},
		{"every port", "10.0.0.0/8:*", "10.0.0.1:65535", true},
		{"port 0", "10.0.0.0/8:*", "10.0.0.1:0", false},
		{"one address", "10.0.0.1:5432", "10.0.0.1:5432", true},
		{"its neighbour", "10.0.0.1:5432", "10.0.0.2:5432", false},
		{"second entry", "10.0.0.0/8:5432, 192.168.1.0/24:3306", "192.168.1.9:3306", true},
		{"ports do not mix between entries", "10.0.0.0/8:5432,192.168.1.0/24:3306", "10.0.0.1:3306", false},
		{"IPv6", "[fd00::]/8:5432", "[fd12::1]:5432", true},
		{"IPv6 elsewhere", "[fd00::]/8:5432", "[2a00::1]:5432", false},
		{"IPv4 written as IPv6", "10.0.0.0/8:5432", "[::ffff:10.0.0.1]:5432", true},
		{"IPv4 is not IPv6", "[::]/0:5432", "10.0.0.1:5432", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := policy(t, tt.list).Check(netip.MustParseAddrPort(tt.addr))
			if (err == nil) != tt.want || (err != nil && !errors.Is(err, netguard.ErrNotAllowed)) {
				t.Errorf("Check(%s) with %s: %v", tt.addr, tt.list, err)
			}
			if err != nil && !strings.Contains(err.Error(), netguard.Setting) {
				t.Errorf("reason does not name the setting: %v", err)
			}
		})
	}
}

func TestSpecialAddressesNeedAnEntryOfTheirOwn(t *testing.T) {
	t.Parallel()
	const anywhere = "0.0.0.0/0:*,[::]/0:*"
	tests := []struct{ addr, named string }{
		{"127.0.0.1", "127.0.0.0/8"},
		{"127.9.9.9", "127.9.9.9"},
		{"::1", "[::1]"},
		{"::ffff:127.0.0.1", "127.0.0.1/32"},
		{"169.254.1.1", "169.254.0.0/16"},
		{"fe80::1", "[fe80::]/64"},
		{"fe80::1%eth0", "[fe80::]/64"},
		{"169.254.169.254", "169.254.169.254"},
		{"100.100.100.200", "100.100.100.200/32"},
		{"192.0.0.192", "192.0.0.192"},
		{"168.63.129.16", "168.63.129.16"},
		{"fd00:ec2::254", "[fd00:ec2::254]"},
		{"fd20:ce::254", "[fd20:ce::254]"},
		{"224.0.0.1", "224.0.0.0/8"},
		{"255.255.255.255", "255.255.255.255"},
		{"ff02::1", "[ff02::]/16"},
		{"0.0.0.0", "0.0.0.0"},
		{"0.1.2.3", "0.0.0.0/8"},
		{"::", "[::]"},
		{"::127.0.0.1", "[::]/96"},
		{"64:ff9b::7f00:1", "[64:ff9b::]/96"},
		{"2001:0:1::", "[2001::]/32"},
		{"2002:7f00:1::", "[2002:7f00:1::]/48"},
	}
	for _, tt := range tests {
		t.Run(tt.addr, func(t *testing.T) {
			t.Parallel()
			addr := netip.AddrPortFrom(netip.MustParseAddr(tt.addr), 5432)
			if err := policy(t, anywhere).Check(addr); !errors.Is(err, netguard.ErrNotAllowed) {
				t.Errorf("allowed by %s", anywhere)
			}
			if err := policy(t, tt.named+":5432").Check(addr); err != nil {
				t.Errorf("refused although %s names it: %v", tt.named, err)
			}
		})
	}
}

// An address may lie in several special ranges: the narrowest says most.
func TestRefusalNamesTheNarrowestRange(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"[::1]:5432":           "a loopback address",
		"169.254.169.254:5432": "a cloud metadata address",
	} {
		err := policy(t, "10.0.0.0/8:5432").Check(netip.MustParseAddrPort(addr))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", addr, err, want)
		}
	}
}

func TestMetadataIsNotNamedByItsLinkLocalRange(t *testing.T) {
	t.Parallel()
	p := policy(t, "169.254.0.0/16:80")
	if err := p.Check(netip.MustParseAddrPort("169.254.169.254:80")); !errors.Is(err, netguard.ErrNotAllowed) {
		t.Error("metadata allowed")
	}
	if err := p.Check(netip.MustParseAddrPort("169.254.3.4:80")); err != nil {
		t.Errorf("link-local refused: %v", err)
	}
}

func TestOwnServerNeedsExactlyItsAddressAndPort(t *testing.T) {
	t.Parallel()
	own := netip.MustParseAddrPort("10.0.0.5:5432")
	for list, want := range map[string]bool{
		"10.0.0.0/8:5432":                false,
		"10.0.0.5/32:*":                  false,
		"10.0.0.5/32:5432|5433":          false,
		"10.0.0.5/32:5432-5433":          false,
		"10.0.0.5/32:5432":               true,
		"10.0.0.0/8:*,10.0.0.5:5432":     true,
		"10.0.0.4/31:5432,10.0.0.5:5433": false,
	} {
		free := policy(t, list)
		denying := free.Deny(netip.MustParseAddrPort("[::ffff:10.0.0.5]:5432"))
		if err := denying.Check(own); (err == nil) != want {
			t.Errorf("%s: %v, want allowed %v", list, err, want)
		}
		if err := free.Check(own); err != nil {
			t.Errorf("%s: Deny changed the policy it was called on: %v", list, err)
		}
	}
}

func TestZeroPolicyAllowsNothing(t *testing.T) {
	t.Parallel()
	if err := (netguard.Policy{}).Check(netip.MustParseAddrPort("10.0.0.1:5432")); !errors.Is(err, netguard.ErrNotAllowed) {
		t.Errorf("err = %v", err)
	}
}

func TestMalformedAllowListNamesEveryEntry(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		"10.0.0.0/8":                 "needs ports",
		"[fd00::]":                   "needs ports",
		"[fd00::]/8":                 "needs ports",
		"10.0.0.0/8:":                "bad port",
		"10.0.0.0/8:0":               "bad port",
		"10.0.0.0/8:65536":           "bad port",
		"10.0.0.0/8:5433-5432":       "bad port",
		"10.0.0.0/8:5432|":           "bad port",
		"10.0.0.0/8:mysql":           "bad port",
		"10.1.2.3/8:5432":            "write 10.0.0.0/8 or 10.1.2.3/32",
		"10.0.0.0/33:5432":           "0 to 32",
		"10.0.0.0/-1:5432":           "0 to 32",
		"[fd00::]/129:5432":          "0 to 128",
		"fd00::/8:5432":              "brackets",
		"[10.0.0.0]/8:5432":          "brackets",
		"[fe80::1%eth0]:5432":        "address",
		"[::ffff:10.0.0.0]/104:5432": "as IPv6",
		"db.example.net:5432":        "address",
		":5432":                      "address",
		"*:5432":                     "address",
	} {
		_, err := netguard.ParsePolicy("192.168.0.0/16:1," + entry + ",junk")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"junk"`) {
			t.Errorf("%s: err = %v, want it to say %q and name junk too", entry, err, want)
		}
	}
	for _, empty := range []string{"", " ", ",,"} {
		if _, err := netguard.ParsePolicy(empty); err == nil {
			t.Errorf("list %q accepted", empty)
		}
	}
}
