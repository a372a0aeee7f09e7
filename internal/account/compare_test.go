package account_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
)

func TestComparisonIsOfMomentsOrOfInstances(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	early, late, later := now.AddDate(0, -2, 0), now.AddDate(0, -1, 0), now.Add(time.Second)
	same, other := fleet.InstanceID(1), fleet.InstanceID(2)
	for name, tt := range map[string]struct {
		c     account.Comparison
		field string
	}{
		"since":            {account.Comparison{From: &early}, ""},
		"between":          {account.Comparison{From: &early, To: &late}, ""},
		"one moment twice": {account.Comparison{From: &early, To: &early}, ""},
		"instances":        {account.Comparison{Other: &other}, ""},
		"instances then":   {account.Comparison{Other: &other, At: &early}, ""},
		"nothing":          {account.Comparison{}, "from"},
		"both":             {account.Comparison{From: &early, Other: &other}, "other_id"},
		"to alone":         {account.Comparison{To: &late, Other: &other}, "to"},
		"at of moments":    {account.Comparison{From: &early, At: &late}, "at"},
		"itself":           {account.Comparison{Other: &same}, "other_id"},
		"backwards":        {account.Comparison{From: &late, To: &early}, "to"},
		"from the future":  {account.Comparison{From: &later}, "from"},
		"to the future":    {account.Comparison{From: &early, To: &later}, "to"},
		"in the future":    {account.Comparison{Other: &other, At: &later}, "at"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.c.Instance = 1
			err := tt.c.Validate(now)
			var fault *invalid.Error
			if errors.As(err, &fault); err != nil && fault == nil || fault != nil && fault.Field != tt.field || fault == nil && tt.field != "" {
				t.Errorf("got %v, want a fault of %q", err, tt.field)
			}
		})
	}
}

func TestByNameMakesServersComparable(t *testing.T) {
	t.Parallel()
	of := func(identity, role, grantor string) account.Account {
		return account.Account{
			Identity: identity, Name: "app", Memberships: []account.Membership{{Role: role, Grantor: grantor}},
			Grants: []account.Grant{{Type: "table", Object: "t", Privileges: []string{"SELECT"}, Grantor: grantor, ForRole: role}},
		}
	}
	here := of("16384", "16385", "10").ByName(map[string]string{"16385": "readers", "10": "postgres"})
	there := of("20000", "20001", "10").ByName(map[string]string{"20001": "readers", "10": "postgres"})
	if d, ok := account.Differ(&here, &there); ok {
		t.Errorf("the same account on two servers differs: %+v", d)
	}
	unknown := of("1", "7", "").ByName(nil)
	if diff := cmp.Diff([]string{"#7"}, unknown.Refers()); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
}

func TestDifferNamesTheSide(t *testing.T) {
	t.Parallel()
	a, b := account.Account{Name: "ann"}, account.Account{Name: "ann", Superuser: true}
	for name, tt := range map[string]struct {
		first, second *account.Account
		want          account.Side
	}{
		"first": {&a, nil, account.OnlyFirst}, "second": {nil, &a, account.OnlySecond}, "both": {&a, &b, account.OnBoth},
		"same": {&a, &a, ""}, "none": {nil, nil, ""},
	} {
		if d, ok := account.Differ(tt.first, tt.second); d.Side != tt.want || ok != (tt.want != "") || ok && d.Name != "ann" {
			t.Errorf("%s: got %+v, %v", name, d, ok)
		}
	}
}

func TestOnlyALockThatSomebodyMadeIsOne(t *testing.T) {
	t.Parallel()
	locked := map[string]any{account.AttributeLocked: true}
	for name, tt := range map[string]struct {
		a    account.Account
		want bool
	}{
		"locked":        {account.Account{Kind: account.User, Attributes: locked}, true},
		"role of MySQL": {account.Account{Kind: account.Role, Attributes: locked}, false},
		"no login":      {account.Account{Kind: account.Role}, false},
		"plain":         {account.Account{Kind: account.User, CanLogin: true}, false},
		"strange":       {account.Account{Kind: account.User, Attributes: map[string]any{account.AttributeLocked: "yes"}}, false},
	} {
		if got := tt.a.Locked(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
