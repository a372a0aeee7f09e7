package store

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

// granted returns accounts that may do things, by name.
func granted() []account.Account {
	all := named("reader", "writer", "owner", "revoked", "locked", "row")
	table := func(object string, privileges ...string) account.Grant {
		return account.Grant{Type: "table", Database: "shop", Schema: "public", Object: object, Privileges: privileges, Source: account.Explicit}
	}
	all[0].Grants = []account.Grant{table("orders", "SELECT"), table("bills", "SELECT")}
	all[1].Grants = []account.Grant{table("orders", "SELECT", "UPDATE"), {Type: "schema", Database: "shop", Object: "public", Privileges: []string{"USAGE"}}}
	all[2].Grants = []account.Grant{{Type: "table", Database: "shop", Schema: "public", Object: "orders", Privileges: []string{"OWNER"}, Source: account.Owner}}
	all[3].Grants = []account.Grant{table("orders", "UPDATE"), table("orders", "SELECT")}
	all[3].Grants[1].Effect, all[3].Grants[1].Grantor = account.Revoked, "10"
	all[4].Attributes = map[string]any{account.AttributeLocked: true}
	all[4].CanLogin, all[4].Grants = false, nil
	all[5].Grants = []account.Grant{{Type: "column", Database: "other", Schema: "public", Object: "orders", Column: "total", Privileges: []string{"SELECT"}}}
	all[5].System = true
	return all
}

func TestAccountsAreFoundByWhatTheyMayDo(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	b.merge(t, snapshot(granted()))
	b.exec(t, `INSERT INTO instance_tags (instance_id, tag) VALUES ($1, 'production')`, b.instance)
	one := b.instance
	b.instance = b.newInstance(t, "orders-2")
	b.merge(t, snapshot(granted()[:1]))
	yes, no := true, false
	tests := map[string]struct {
		filter account.Filter
		want   []string
	}{
		"privilege":             {account.Filter{Grant: account.GrantFilter{Privilege: "SELECT"}}, []string{"reader", "reader", "row", "writer"}},
		"its letters count":     {account.Filter{Grant: account.GrantFilter{Privilege: "select"}}, nil},
		"owner":                 {account.Filter{Grant: account.GrantFilter{Privilege: "OWNER"}}, []string{"owner"}},
		"object":                {account.Filter{Grant: account.GrantFilter{Object: "bills"}}, []string{"reader", "reader"}},
		"both of one grant":     {account.Filter{Grant: account.GrantFilter{Privilege: "UPDATE", Object: "orders"}}, []string{"revoked", "writer"}},
		"not of two grants":     {account.Filter{Grant: account.GrantFilter{Privilege: "USAGE", Object: "orders"}}, nil},
		"type":                  {account.Filter{Grant: account.GrantFilter{Privilege: "SELECT", Type: "column"}}, []string{"row"}},
		"database":              {account.Filter{Grant: account.GrantFilter{Privilege: "SELECT", Database: "other"}}, []string{"row"}},
		"database alone":        {account.Filter{Grant: account.GrantFilter{Database: "other"}}, []string{"row"}},
		"superuser with it":     {account.Filter{Superuser: &yes, Grant: account.GrantFilter{Privilege: "SELECT"}}, nil},
		"locked with it":        {account.Filter{Locked: &yes, Grant: account.GrantFilter{Privilege: "SELECT"}}, nil},
		"schema":                {account.Filter{Grant: account.GrantFilter{Privilege: "SELECT", Schema: "public", Database: "shop"}}, []string{"reader", "reader", "writer"}},
		"column":                {account.Filter{Grant: account.GrantFilter{Object: "orders", Column: "total"}}, []string{"row"}},
		"and the instance":      {account.Filter{Instance: &one, Grant: account.GrantFilter{Privilege: "SELECT"}}, []string{"reader", "row", "writer"}},
		"and a name":            {account.Filter{Name: "writer", Grant: account.GrantFilter{Privilege: "SELECT"}}, []string{"writer"}},
		"and a tag":             {account.Filter{Tag: "production", Grant: account.GrantFilter{Privilege: "SELECT"}}, []string{"reader", "row", "writer"}},
		"and another engine":    {account.Filter{Engine: fleet.MySQL, Grant: account.GrantFilter{Privilege: "SELECT"}}, nil},
		"tag alone":             {account.Filter{Tag: "production", Superuser: &no, System: &yes}, []string{"row"}},
		"engine alone":          {account.Filter{Engine: fleet.PostgreSQL, Name: "owner"}, []string{"owner"}},
		"locked":                {account.Filter{Locked: &yes}, []string{"locked"}},
		"not locked":            {account.Filter{Locked: &no, CanLogin: &no}, nil},
		"locked cannot log in":  {account.Filter{CanLogin: &no}, []string{"locked"}},
		"made by the server":    {account.Filter{System: &yes}, []string{"row"}},
		"nobody has that right": {account.Filter{Grant: account.GrantFilter{Privilege: "TRUNCATE"}}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, limit := range []int{1, 10} {
				if got := b.names(t, tt.filter, limit); !slices.Equal(tt.want, got) {
					t.Errorf("pages of %d: got %v, want %v", limit, got, tt.want)
				}
			}
		})
	}
}

// What is granted is kept beside the accounts; it must follow them.
func TestWhatIsGrantedFollowsTheAccounts(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	reading := account.Filter{Grant: account.GrantFilter{Privilege: "SELECT"}}
	check := func(when string, f account.Filter, want ...string) {
		t.Helper()
		if got := b.names(t, f, 10); !slices.Equal(want, got) {
			t.Errorf("%s: got %v, want %v", when, got, want)
		}
		if n := one[int](t, b.pool, `SELECT count(*) FROM (
			(SELECT g.* FROM accounts a, grants_of(a.id, a.name, a.grants) g EXCEPT ALL SELECT * FROM account_grants) UNION ALL
			(SELECT * FROM account_grants EXCEPT ALL SELECT g.* FROM accounts a, grants_of(a.id, a.name, a.grants) g)) x`); n != 0 {
			t.Errorf("%s: %d rows are not as the accounts say", when, n)
		}
	}
	all := granted()
	b.merge(t, snapshot(all))
	check("first read", reading, "reader", "row", "writer")
	before := one[string](t, b.pool, `SELECT string_agg(ctid::text || xmin, ' ' ORDER BY ctid) FROM account_grants`)
	b.merge(t, snapshot(all))
	if after := one[string](t, b.pool, `SELECT string_agg(ctid::text || xmin, ' ' ORDER BY ctid) FROM account_grants`); after != before {
		t.Error("an unchanged read rewrote what is granted")
	}
	all[0].Name, all[1].Grants, all[5].Superuser = "anna", nil, true
	b.merge(t, snapshot(all))
	check("rename and revoke", reading, "anna", "row")
	b.merge(t, snapshot(all[1:]))
	check("gone", reading, "row")
	check("gone, asked for", account.Filter{Deleted: true, Grant: reading.Grant}, "anna", "row")
	b.exec(t, `DELETE FROM instances`)
	check("no instance", reading)
}

func TestLongNamesOfObjectsAreKept(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	long := ""
	for range 900 { // such as a function of many arguments
		long += string(rune('a'+len(long)%26)) + "integer, "
	}
	all := named("ann")
	all[0].Grants = []account.Grant{{Type: "function", Database: "shop", Schema: "s", Object: long, Privileges: []string{"EXECUTE"}}}
	b.merge(t, snapshot(all))
	if got := b.names(t, account.Filter{Grant: account.GrantFilter{Object: long}}, 10); !slices.Equal(got, []string{"ann"}) {
		t.Errorf("got %v", got)
	}
}

// A search must walk an index in the order of the list: sorting would read
// every account that matches.
func TestSearchWalksAnIndexInOrder(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	crowd{instances: 20, accounts: 500}.add(t, b)
	privilege, object := account.GrantFilter{Privilege: "SELECT"}, account.GrantFilter{Object: "t007"}
	narrow := account.GrantFilter{Privilege: "SELECT", Type: "sequence", Schema: "sales"}
	yes := true
	tests := map[string]struct {
		filter account.Filter
		want   string
	}{
		"privilege":           {account.Filter{Grant: privilege}, "account_grants_privilege"},
		"object":              {account.Filter{Grant: object}, "account_grants_object"},
		"narrow":              {account.Filter{Grant: narrow}, "account_grants_privilege"},
		"database":            {account.Filter{Grant: account.GrantFilter{Database: "shop7", Type: "table"}}, "account_grants_database"},
		"with account fields": {account.Filter{Grant: privilege, CanLogin: &yes, Tag: "pilot", Engine: fleet.MySQL}, "account_grants_privilege"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := explained(t, b.pool, "force_custom_plan", func(ctx context.Context, q *dbq.Queries) error {
				_, err := q.SearchAccounts(ctx, searchParams(listParams(tt.filter, 100, account.Cursor{Name: "etl_100", ID: 7})))
				return err
			}, "SET LOCAL enable_sort = off; SET LOCAL enable_hashagg = off; SET LOCAL enable_bitmapscan = off")
			served := false
			plan.walk(func(n planNode) {
				if n.Type == "Sort" || n.Type == "Seq Scan" && n.Relation == "account_grants" {
					t.Errorf("the plan has a %s", n.Type)
				}
				served = served || n.Index == tt.want && n.Cond != ""
			})
			if !served {
				t.Errorf("%s is not used", tt.want)
			}
		})
	}
}

func TestFewAccountsAreFoundByAnIndexOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	crowd{instances: 20, accounts: 500}.add(t, b)
	yes := true
	for want, f := range map[string]account.Filter{
		"accounts_superuser": {Superuser: &yes, Grant: account.GrantFilter{Privilege: "SELECT"}},
		"accounts_locked":    {Locked: &yes},
	} {
		plan := explained(t, b.pool, "force_custom_plan", func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.ListAccounts(ctx, listParams(f, 100, account.Cursor{}))
			return err
		})
		served := false
		plan.walk(func(n planNode) { served = served || n.Index == want })
		if !served {
			t.Errorf("%s is not used", want)
		}
	}
}

func TestSearchOfOneInstanceReadsItsAccounts(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	crowd{instances: 20, accounts: 500}.add(t, b)
	instance := one[fleet.InstanceID](t, b.pool, `SELECT id FROM instances WHERE name = 'crowd-7'`)
	f := account.Filter{Instance: &instance, Grant: account.GrantFilter{Privilege: "SELECT"}}
	plan := explained(t, b.pool, "force_custom_plan", func(ctx context.Context, q *dbq.Queries) error {
		_, err := q.ListAccounts(ctx, listParams(f, 100, account.Cursor{}))
		return err
	})
	var scans []string
	plan.walk(func(n planNode) {
		if n.Relation == "accounts" || n.Relation == "account_grants" {
			scans = append(scans, n.Index)
		}
	})
	if diff := cmp.Diff(false, slices.Contains(scans, "")); diff != "" {
		t.Errorf("tables are read whole: %q", scans)
	}
}
