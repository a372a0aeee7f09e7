package netguard_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/netguard"
)

// book is a resolver with fixed answers; every other name is unknown.
type book map[string][]string

func (b book) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, a := range b[strings.ToLower(strings.TrimSuffix(host, "."))] {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	if addrs == nil {
		return nil, errors.New("no such host")
	}
	return addrs, nil
}

var names = book{
	"localhost":       {"127.0.0.1", "::1"},
	"rebind.test":     {"127.0.0.1"},
	"meta.test":       {"169.254.169.254"},
	"mapped.test":     {"::ffff:127.0.0.1"},
	"db.test":         {"10.0.0.7"},
	"9db.test":        {"10.0.0.7"},
	"4f2a9c0d11ee":    {"10.0.0.7"},
	"both.test":       {"127.0.0.1", "10.0.0.7"},
	"xn--bcher-kva.x": {"10.0.0.7"},
	"127.1":           {"127.0.0.1"}, // what the C library makes of it
	"0x7f.1":          {"127.0.0.1"},
}

func TestHostSpellings(t *testing.T) {
	t.Parallel()
	allowed := []string{
		"10.0.0.7", "db.test", "DB.test", "db.test.", "9db.test", "4f2a9c0d11ee", "both.test",
		"::ffff:10.0.0.7", "::FFFF:10.0.0.7", "::ffff:a00:7", "0:0:0:0:0:ffff:10.0.0.7",
		"xn--bcher-kva.x", "not-yet-known.test", "under_score.test",
	}
	denied := []string{
		"127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "0177.0.0.1", "0x7f.1", "0x7f.0.0.1", "0x7f000001",
		"2130706433", "017700000001", "0", "0.0.0.0", "00.0.0.0", "127.0.0.1.", "127.1.", "127.0.0.1..", "127.127.127.127",
		"::1", "0:0:0:0:0:0:0:1", "0000::0001", "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:0:127.0.0.1",
		"::127.0.0.1", "::7f00:1", "64:ff9b::127.0.0.1", "2002:7f00:1::", "[::1]", "[::]", "[127.0.0.1]", "fe80::1", "fe80::1%eth0", "::1%lo",
		"localhost", "LOCALHOST", "LocalHost.", "localhost.localdomain..", "rebind.test", "meta.test", "mapped.test",
		"169.254.169.254", "0xa9.0xfe.0xa9.0xfe", "2852039166", "169.254.43518", "::ffff:169.254.169.254", "fd00:ec2::254",
		"１２７.0.0.1", "127。0。0。1", "ⓛocalhost", "①②⑦.⓪.⓪.①", "localhost\u200b", "lоcalhost", // the last o is Cyrillic
		"10.0.0.7 ", " 10.0.0.7", "10.0.0.7\x00", "10.0.0.7\n127.0.0.1", "10.0.0.7:22", "10.0.0.7/", "10.0.0.7#@127.0.0.1", "user@10.0.0.7",
		"10.0.0.7,127.0.0.1", "10.0.0.7?host=127.0.0.1", "/var/run/postgresql", "@socket", `\\.\pipe\mysql`, "unix:/tmp/x", "", ".", "..", "a..b", ".db.test",
		"(DESCRIPTION=(ADDRESS=(HOST=127.0.0.1)))", "tcp(127.0.0.1)", "10.0.0.7%2f", "%31%30.0.0.7", strings.Repeat("a.", 127) + "b", "1.2.3.4.5", "10.0.7", "10.7",
		"8.8.8.8", "11.0.0.7",
	}
	p := policy(t, "10.0.0.0/8:5432,0.0.0.0/1:1,[::]/0:5432")
	if n := len(allowed) + len(denied); n < 60 {
		t.Errorf("%d spellings", n)
	}
	for _, host := range allowed {
		if err := p.CheckHost(t.Context(), names, host, 5432); err != nil {
			t.Errorf("%q refused: %v", host, err)
		}
	}
	for _, host := range denied {
		if err := p.CheckHost(t.Context(), names, host, 5432); !errors.Is(err, netguard.ErrNotAllowed) {
			t.Errorf("%q: err = %v, want ErrNotAllowed", host, err)
		}
	}
}

func TestOwnServersAreFoundByNameAndByInterface(t *testing.T) {
	t.Parallel()
	own, err := netguard.Own(t.Context(), names, "db.test:5432", "10.9.9.9:6379", ":8080", "[::]:8081")
	if err != nil {
		t.Fatal(err)
	}
	p := policy(t, "10.0.0.0/8:*,127.0.0.0/8:*").Deny(own...)
	for addr, want := range map[string]bool{
		"10.0.0.7:5432": false, "10.0.0.7:5433": true, "10.9.9.9:6379": false, "127.0.0.1:8080": false, "127.0.0.1:8081": false, "127.0.0.1:9": true,
	} {
		if err := p.Check(netip.MustParseAddrPort(addr)); (err == nil) != want {
			t.Errorf("%s: %v, want allowed %v", addr, err, want)
		}
	}
	for _, bad := range []string{"nobody.test:1", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:http"} {
		if _, err := netguard.Own(t.Context(), names, bad); err == nil || !strings.Contains(err.Error(), strings.Split(bad, ":")[0]) {
			t.Errorf("%s: err = %v, want one that names it", bad, err)
		}
	}
}
