package session

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestNormaliseReplacesWhatDiffers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                 "",
		"no answer":                        "no answer",
		"dial tcp 10.1.2.3:5432: over 10s": "dial tcp <address>: over <duration>",
		"dial tcp [fe80::1%eth0]:5432: connect: refused":                                        "dial tcp <address>: connect: refused",
		"dial tcp [2001:db8::7]:3306: i/o timeout":                                              "dial tcp <address>: i/o timeout",
		"no route to 2001:db8::7":                                                               "no route to <address>",
		"lookup db-7 on 10.0.0.2:53: no such host":                                              "lookup <address> on <address>: no such host",
		"lookup db.example.net: no such host":                                                   "lookup <address>: no such host",
		"x509: certificate is valid for db.example.net, not 10.0.0.7":                           "x<n>: certificate is valid for <address>, not <address>",
		"read from db-1.example.net:5432 failed":                                                "read from <address> failed",
		`password authentication failed for user "monitor"`:                                     "password authentication failed for user <name>",
		`FATAL: role "a b" does not exist (SQLSTATE 28000)`:                                     "FATAL: role <name> does not exist (SQLSTATE 28000)",
		"Error 1045 (28000): Access denied for user 'dbfleet'@'10.0.0.9' (using password: YES)": "Error 1045 (28000): Access denied for user <name>@<name> (using password: YES)",
		"Unknown table `shop`.`t1`":                                                             "Unknown table <name>.<name>",
		"can't read it, can't write it":                                                         "can't read it, can't write it",
		"over 1m30s, 200ms and 1.5s":                                                            "over <duration>, <duration> and <duration>",
		"3 other instances did not answer":                                                      "<n> other instances did not answer",
		"12,345 accounts are over the cap of 10000":                                             "<n> accounts are over the cap of <n>",
		"server version 9.6.24 is not supported":                                                "server version <n> is not supported",
		"transaction 0xDEADBEEF":                                                                "transaction <hex>",
		"lock 6f2c1f0e-0a7c-4c53-9b0d-0d6f8e2f4a11 is held":                                     "lock <hex> is held",
		"page 00a7f3c2 is bad":                                                                  "page <hex> is bad",
		"the facade decade":                                                                     "the facade decade",
		"two\n  lines\tof text":                                                                 "two lines of text",
	} {
		if got := Normalise(in); got != want {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want)
		}
	}
}

// messages makes texts of the parts that Normalise looks for, in any order.
func messages() *rapid.Generator[string] {
	part := rapid.OneOf(
		rapid.SampledFrom([]string{
			`"`, "'", "`", " ", ".", ":", "::", "-", "<", ">", "<n>", "10.1.2.3", "[::1]:53", "0x", "1ms", "7", "abc", "deadbeef",
			"SQLSTATE ", "Error ", "lookup ", "28P01", "a.b.c", "é", "\n",
		}),
		rapid.StringN(0, 8, -1),
	)
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(part, 0, 40).Draw(t, "parts"), "")
	})
}

func TestNormaliseIsIdempotentAndBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := messages().Draw(t, "message")
		once := Normalise(in)
		if twice := Normalise(once); twice != once {
			t.Fatalf("%q\nonce  %q\ntwice %q", in, once, twice)
		}
		if len(once) > maxNormalised || utf8.ValidString(in) && !utf8.ValidString(once) {
			t.Fatalf("%d bytes: %q", len(once), once)
		}
	})
}

func TestNormaliseCutsLongTexts(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		strings.Repeat("é", 3000), strings.Repeat(`'`, 4096), strings.Repeat(`1"`, 2048), strings.Repeat("1 ", 2048), strings.Repeat("word ", 900),
	} {
		got := Normalise(in)
		if len(got) > maxNormalised || !utf8.ValidString(got) || got != Normalise(got) {
			t.Errorf("%.10q…: %d bytes, %q", in, len(got), got)
		}
	}
}

func TestFingerprintsNeverMergeCodes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		message := messages().Draw(t, "message")
		seen := map[Fingerprint]Code{}
		for code := range codes() {
			f := FingerprintOf(code, PhaseLogin, message)
			if other, ok := seen[f]; ok {
				t.Fatalf("%s and %s share %s", code, other, f)
			}
			seen[f] = code
			if _, err := ParseFingerprint("f", string(f)); err != nil {
				t.Fatal(err)
			}
			if f == FingerprintOf(code, PhaseConnect, message) {
				t.Fatalf("%s: two phases share %s", code, f)
			}
		}
	})
}

func TestFingerprintIsTheSameForOneKind(t *testing.T) {
	t.Parallel()
	a := FingerprintOf(CodeConnectTimeout, PhaseConnect, "dial tcp 10.1.2.3:5432: over 10s")
	if b := FingerprintOf(CodeConnectTimeout, PhaseConnect, "dial tcp 10.9.9.9:3306: over 2m0s"); a != b {
		t.Errorf("%s and %s", a, b)
	}
	if b := FingerprintOf(CodeConnectTimeout, PhaseConnect, "dial tcp 10.1.2.3:5432: refused"); a == b {
		t.Errorf("other words share %s", a)
	}
	for _, bad := range []string{"", "abc", strings.Repeat("g", 16), strings.Repeat("A", 16), strings.Repeat("0", 17)} {
		if _, err := ParseFingerprint("fingerprint", bad); err == nil {
			t.Errorf("%q was taken for a fingerprint", bad)
		}
	}
}
