package secret_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/secret"
)

var here = secret.Binding{Table: "credentials", Row: 12, Field: "password", Version: 3}

// keys is one key pair and the ring that holds it.
type keys struct {
	private secret.PrivateKey
	public  secret.PublicKey
	ring    secret.Keyring
}

func newKeys(tb testing.TB) keys {
	tb.Helper()
	k, err := secret.NewPrivateKey()
	if err != nil {
		tb.Fatal(err)
	}
	return keys{private: k, public: k.Public(), ring: ring(tb, k)}
}

func ring(tb testing.TB, of ...secret.PrivateKey) secret.Keyring {
	tb.Helper()
	file := "# keys of the workers\n\n"
	for _, k := range of {
		line, err := k.Line()
		if err != nil {
			tb.Fatal(err)
		}
		file += line.Reveal() + "\n"
	}
	r, err := secret.ParseKeyring([]byte(file))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func (k keys) seal(tb testing.TB, b secret.Binding, text string) []byte {
	tb.Helper()
	sealed, err := k.public.Seal(b, secret.New(text))
	if err != nil {
		tb.Fatal(err)
	}
	return sealed
}

func TestSealedSecretOpensInItsPlace(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	sealed := k.seal(t, here, canary)
	if bytes.Contains(sealed, []byte(canary)) {
		t.Error("sealed bytes show the secret")
	}
	if bytes.Equal(sealed, k.seal(t, here, canary)) {
		t.Error("two seals of one secret are the same")
	}
	text, err := k.ring.Open(here, sealed)
	if err != nil || text.Reveal() != canary {
		t.Errorf("opened %q, %v", text.Reveal(), err)
	}
	if id, err := secret.SealedBy(sealed); err != nil || id != k.public.ID() {
		t.Errorf("sealed by %q, %v; want %q", id, err, k.public.ID())
	}
}

func TestSealedSecretOpensNowhereElse(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	other := here
	other.Row++
	a, b := k.seal(t, here, "one"), k.seal(t, other, "two")
	elsewhere := map[string]struct {
		at     secret.Binding
		sealed []byte
	}{
		"rows swapped":       {here, b},
		"rows swapped back":  {other, a},
		"another table":      {secret.Binding{Table: "tokens", Row: 12, Field: "password", Version: 3}, a},
		"another field":      {secret.Binding{Table: "credentials", Row: 12, Field: "key", Version: 3}, a},
		"an older version":   {secret.Binding{Table: "credentials", Row: 12, Field: "password", Version: 2}, a},
		"parts pushed along": {secret.Binding{Table: "credentials\"|12", Row: 12, Field: "password", Version: 3}, a},
	}
	for name, tt := range elsewhere {
		if text, err := k.ring.Open(tt.at, tt.sealed); !errors.Is(err, secret.ErrTampered) || !text.IsZero() {
			t.Errorf("%s: err = %v, want ErrTampered", name, err)
		}
	}
}

func TestFlippedByteNeverOpens(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	sealed := k.seal(t, here, canary)
	for i := range sealed {
		for _, bit := range []byte{1, 0x80, 0xff} {
			changed := bytes.Clone(sealed)
			changed[i] ^= bit
			if text, err := k.ring.Open(here, changed); err == nil || !text.IsZero() {
				t.Errorf("byte %d changed by %x: opened", i, bit)
			}
		}
	}
	for n := range len(sealed) {
		if _, err := k.ring.Open(here, sealed[:n]); err == nil {
			t.Errorf("cut to %d bytes: opened", n)
		}
	}
}

func TestOpenNamesTheReason(t *testing.T) {
	t.Parallel()
	k, other := newKeys(t), newKeys(t)
	sealed := k.seal(t, here, canary)
	newer := bytes.Clone(sealed)
	newer[0] = 2
	tests := map[string]struct {
		ring   secret.Keyring
		at     secret.Binding
		sealed []byte
		want   error
	}{
		"key was retired": {other.ring, here, sealed, secret.ErrUnknownKey},
		"no key at all":   {secret.Keyring{}, here, sealed, secret.ErrUnknownKey},
		"newer format":    {k.ring, here, newer, secret.ErrUnknownFormat},
		"nothing stored":  {k.ring, here, nil, secret.ErrUnknownFormat},
		"no place":        {k.ring, secret.Binding{}, sealed, secret.ErrIncomplete},
	}
	for name, tt := range tests {
		_, err := tt.ring.Open(tt.at, tt.sealed)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: err = %v, want %v", name, err, tt.want)
		}
		if err != nil {
			wantNoCanary(t, name, err.Error())
		}
	}
}

func TestSealRefusesWhatIsIncomplete(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	for _, b := range []secret.Binding{
		{},
		{Row: 1, Field: "f", Version: 1},
		{Table: "t", Field: "f", Version: 1},
		{Table: "t", Row: 1, Version: 1},
		{Table: "t", Row: 1, Field: "f"},
	} {
		if _, err := k.public.Seal(b, secret.New("x")); !errors.Is(err, secret.ErrIncomplete) {
			t.Errorf("%+v: err = %v", b, err)
		}
	}
	if _, err := k.public.Seal(here, secret.Text{}); !errors.Is(err, secret.ErrIncomplete) {
		t.Errorf("empty secret: err = %v", err)
	}
	if _, err := (secret.PublicKey{}).Seal(here, secret.New("x")); !errors.Is(err, secret.ErrIncomplete) {
		t.Errorf("no key: err = %v", err)
	}
}

func TestRingOpensWithSeveralKeys(t *testing.T) {
	t.Parallel()
	older, newer := newKeys(t), newKeys(t)
	both := ring(t, older.private, newer.private)
	for _, k := range []keys{older, newer} {
		if text, err := both.Open(here, k.seal(t, here, canary)); err != nil || text.Reveal() != canary {
			t.Errorf("key %s: %v", k.public.ID(), err)
		}
	}
	if ids := both.IDs(); len(ids) != 2 || len(ids[0]) != 16 || ids[0] > ids[1] {
		t.Errorf("ids = %v, want two of 16 digits, sorted", ids)
	}
}

func TestKeysHaveATextForm(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	again, err := secret.ParsePublicKey(" " + k.public.String() + "\n")
	if err != nil || again.ID() != k.public.ID() || again.String() != k.public.String() {
		t.Errorf("public key read again: %v, %v", again, err)
	}
	line, err := k.private.Line()
	if err != nil {
		t.Fatal(err)
	}
	body := strings.TrimPrefix(line.Reveal(), "dbfleet-key-1:")
	if body == line.Reveal() {
		t.Error("a private key's line does not say what it is")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		for _, v := range []any{k.private, &k.private, k.ring, struct{ k secret.PrivateKey }{k.private}} {
			if out := fmt.Sprintf(verb, v); strings.Contains(out, body) {
				t.Errorf("%s prints the private key", verb)
			}
		}
	}
}

func TestMalformedKeysAreNamedAndNotRepeated(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	line, err := k.private.Line()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"", "x", line.Reveal(), "dbfleet-pub-1:", "dbfleet-pub-1:!", "dbfleet-pub-1:QUJD"} {
		_, err := secret.ParsePublicKey(s)
		if err == nil {
			t.Errorf("public key %q accepted", s)
		} else if strings.Contains(err.Error(), strings.TrimPrefix(line.Reveal(), "dbfleet-key-1:")) {
			t.Errorf("error repeats the key: %v", err)
		}
	}
	for _, file := range []string{"", "# none\n", k.public.String(), line.Reveal() + "\njunk", strings.Repeat("x", 1<<20)} {
		if _, err := secret.ParseKeyring([]byte(file)); err == nil {
			t.Errorf("key file %.20q accepted", file)
		}
	}
}

func TestKeyFileMustNotBeOpenToEverybody(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	line, err := k.private.Line()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(line.Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := secret.ReadKeyring(path); err != nil || len(r.IDs()) != 1 {
		t.Errorf("private file refused: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.ReadKeyring(path); err == nil {
		t.Error("file with mode 0644 accepted")
	}
	if _, err := secret.ReadKeyring(path + "-missing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func FuzzOpenNeverOpensForeignBytes(f *testing.F) {
	k := newKeys(f)
	sealed := k.seal(f, here, canary)
	f.Add(sealed)
	f.Add(sealed[:9])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		text, err := k.ring.Open(here, b)
		if err == nil && !bytes.Equal(b, sealed) {
			t.Errorf("opened %x", b)
		}
		if err != nil && !text.IsZero() {
			t.Error("a text beside an error")
		}
	})
}
