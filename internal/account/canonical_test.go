package account_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dbfleet/dbfleet/internal/account"
)

func TestEncodeDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := accounts().Draw(t, "account")
		b := a
		b.Memberships = rapid.Permutation(a.Memberships).Draw(t, "memberships")
		b.Grants = rapid.Permutation(a.Grants).Draw(t, "grants")
		for i := range b.Grants {
			b.Grants[i].Privileges = rapid.Permutation(b.Grants[i].Privileges).Draw(t, "privileges")
		}
		if encode(t, a) != encode(t, b) {
			t.Fatal("another order is another state")
		}
	})
}

func TestEncodeMergesGrantsOfOneKey(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := accounts().Draw(t, "account")
		b := a
		b.Grants = nil
		for _, g := range a.Grants {
			for _, p := range g.Privileges {
				one := g
				one.Privileges, one.Grantable = []string{p, p}, nil
				if slices.Contains(g.Grantable, p) {
					one.Grantable = []string{p}
				}
				b.Grants = append(b.Grants, one)
			}
		}
		if encode(t, a) != encode(t, b) {
			t.Fatal("one grant per privilege is another state")
		}
	})
}

func TestDecodeReturnsCanonicalForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := accounts().Draw(t, "account")
		state, _, err := account.Encode(a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := account.Decode(state)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a.Canonical(), b); diff != "" {
			t.Fatalf("after a way through JSON (-before +after):\n%s", diff)
		}
	})
}

func TestHashCoversEveryPartOfTheState(t *testing.T) {
	t.Parallel()
	until := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	changes := map[string]func(*account.Account){
		"nothing":     func(*account.Account) {},
		"identity":    func(a *account.Account) { a.Identity = "2" },
		"name":        func(a *account.Account) { a.Name = "Ann" },
		"host":        func(a *account.Account) { a.Host = "%" },
		"kind":        func(a *account.Account) { a.Kind = account.Role },
		"system":      func(a *account.Account) { a.System = true },
		"can_login":   func(a *account.Account) { a.CanLogin = true },
		"superuser":   func(a *account.Account) { a.Superuser = true },
		"valid_until": func(a *account.Account) { a.ValidUntil = &until },
		"attributes":  func(a *account.Account) { a.Attributes = map[string]any{"conn_limit": 3} },
		"memberships": func(a *account.Account) { a.Memberships = []account.Membership{{Role: "9"}} },
		"admin":       func(a *account.Account) { a.Memberships = []account.Membership{{Role: "9", Admin: true}} },
		"grants":      func(a *account.Account) { a.Grants = []account.Grant{{Type: "t", Privileges: []string{"X"}}} },
		"revoked grant": func(a *account.Account) {
			a.Grants = []account.Grant{{Type: "t", Privileges: []string{"X"}, Effect: account.Revoked}}
		},
	}
	seen := map[account.Hash]string{}
	for name, change := range changes {
		a := account.Account{Identity: "1", Name: "ann", Kind: account.User}
		change(&a)
		hash := encode(t, a)
		if other, double := seen[hash]; double {
			t.Errorf("%s and %s give the same hash", name, other)
		}
		seen[hash] = name
	}
}

func TestEncodeTakesAsEqual(t *testing.T) {
	t.Parallel()
	moment := time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	shanghai := moment.In(time.FixedZone("", 8*3600)).Add(300 * time.Nanosecond)
	far, farther := time.Date(30000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(294276, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := map[string][2]account.Account{
		"nil and empty": {
			{}, {Attributes: map[string]any{}, Memberships: []account.Membership{}, Grants: []account.Grant{}},
		},
		"null and absent attribute": {{Attributes: map[string]any{"a": nil}}, {}},
		"number types": {
			{Attributes: map[string]any{"a": 3, "b": int64(-1)}}, {Attributes: map[string]any{"a": 3.0, "b": int32(-1)}},
		},
		"lists":            {{Attributes: map[string]any{"a": []any{"x"}}}, {Attributes: map[string]any{"a": []string{"x"}}}},
		"time zones":       {{ValidUntil: &moment}, {ValidUntil: &shanghai}},
		"beyond JSON":      {{ValidUntil: &far}, {ValidUntil: &farther}},
		"grant of nothing": {{Grants: []account.Grant{{Type: "table", Object: "t"}}}, {}},
	}
	for name, pair := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if encode(t, pair[0]) != encode(t, pair[1]) {
				t.Error("the states differ")
			}
		})
	}
}

func TestEncodeAcceptsHostileText(t *testing.T) {
	t.Parallel()
	a := account.Account{
		Name:       "a\x00b\xff",
		Attributes: map[string]any{"\x00": math.NaN(), "inf": math.Inf(1), "list": []string{"\x00"}},
		Grants:     []account.Grant{{Type: "table", Object: "\x00", Privileges: []string{"\xff"}}},
	}
	state, _, err := account.Encode(a)
	if err != nil {
		t.Fatal(err)
	}
	b, err := account.Decode(state)
	if err != nil {
		t.Fatal(err)
	}
	if b.Name != "a\uFFFDb\uFFFD" || b.Grants[0].Object != "\uFFFD" {
		t.Errorf("got %q, %q", b.Name, b.Grants[0].Object)
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	later := now.Add(time.Second)
	for name, tt := range map[string]struct {
		until *time.Time
		want  bool
	}{"for ever": {nil, false}, "ends now": {&now, true}, "ends later": {&later, false}} {
		if got := (account.Account{ValidUntil: tt.until}).Expired(now); got != tt.want {
			t.Errorf("%s: expired %t", name, got)
		}
	}
}

func encode(t interface{ Fatal(args ...any) }, a account.Account) account.Hash {
	_, hash, err := account.Encode(a)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}
