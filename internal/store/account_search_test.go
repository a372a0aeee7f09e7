package store

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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
			(SELECT g.* FROM accounts a, grants_of(a.id, a.instance_id, a.name, a.grants) g EXCEPT ALL SELECT * FROM account_grants) UNION ALL
			(SELECT * FROM account_grants EXCEPT ALL SELECT g.* FROM accounts a, grants_of(a.id, a.instance_id, a.name, a.grants) g)) x`); n != 0 {
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

// walkInOrder is what WalkInOrder sets.
const walkInOrder = `SET LOCAL enable_sort = off; SET LOCAL enable_hashagg = off;
	SET LOCAL enable_bitmapscan = off; SET LOCAL enable_mergejoin = off`

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
				_, err := q.GrantedAccounts(ctx, grantedParams(listParams(tt.filter, 100, account.Cursor{Name: "etl_100", ID: 7})))
				return err
			}, walkInOrder)
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
			_, err := q.AccountsInOrder(ctx, listParams(f, 100, account.Cursor{}))
			return err
		}, walkInOrder)
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
		_, err := q.AccountsInOrder(ctx, listParams(f, 100, account.Cursor{}))
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

// Looking for few of many accounts reads their index and no wide row.
func TestListOfAccountsLooksAtItsIndexOnly(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	crowd{instances: 20, accounts: 500}.add(t, b)
	yes, role := true, account.Role
	for name, f := range map[string]account.Filter{
		"all":      {},
		"name":     {NameContains: "nobody"},
		"kind":     {Kind: &role},
		"system":   {System: &yes},
		"tag":      {Tag: "pilot", CanLogin: &yes},
		"engine":   {Engine: fleet.MySQL, NameContains: "nobody"},
		"deleted":  {Deleted: true, Kind: &role},
		"instance": {Engine: fleet.MySQL, Kind: &role},
	} {
		plan := explained(t, b.pool, "force_custom_plan", func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.AccountsInOrder(ctx, listParams(f, 100, account.Cursor{Name: "etl_100"}))
			return err
		}, walkInOrder)
		plan.walk(func(n planNode) {
			if n.Relation == "accounts" && (n.Type != "Index Only Scan" || n.Index != "accounts_list") || n.Type == "Sort" {
				t.Errorf("%s: %s %s", name, n.Type, n.Index)
			}
		})
	}
}

// Of few instances, the accounts that have a privilege are found by it.
func TestSearchOfFewInstancesReadsThese(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	crowd{instances: 20, accounts: 500}.add(t, b)
	plan := explained(t, b.pool, "force_custom_plan", func(ctx context.Context, q *dbq.Queries) error {
		f := account.Filter{Tag: "pilot", Grant: account.GrantFilter{Privilege: "SELECT"}}
		_, err := q.GrantedOnInstances(ctx, onInstancesParams(listParams(f, 100, account.Cursor{})))
		return err
	}, walkInOrder)
	served := false
	plan.walk(func(n planNode) {
		served = served || n.Index == "account_grants_instance" && strings.Contains(n.Cond, "instance_id") && strings.Contains(n.Cond, "privilege")
	})
	if !served {
		t.Error("account_grants_instance is not used")
	}
}

// All ways of a search find the same, whichever is taken.
func TestWaysOfASearchAgree(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	crowd{instances: 30, accounts: 400}.add(t, b) // more than maxFew have SELECT
	b.exec(t, `UPDATE accounts SET deleted_at = now(), last_seen_at = now() WHERE id % 10 = 3`)
	b.exec(t, `UPDATE accounts SET kind = 'role' WHERE id % 500 = 1`)
	yes, no, role := true, false, account.Role
	selects := account.GrantFilter{Privilege: "SELECT"}
	for name, f := range map[string]account.Filter{
		"engine":         {Engine: fleet.PostgreSQL, Grant: selects},
		"other engine":   {Engine: fleet.MySQL, Grant: selects},
		"nobody there":   {Engine: fleet.MySQL, Grant: account.GrantFilter{Privilege: "USAGE"}},
		"tag":            {Tag: "production", Grant: selects, Deleted: true},
		"tag and object": {Tag: "production", Grant: account.GrantFilter{Privilege: "SELECT", Object: "t007"}},
		"tag and kind":   {Tag: "production", Kind: &role, Grant: selects},
		"kind":           {Kind: &role, Grant: selects},
		"name":           {NameContains: "TL_", Grant: selects},
		"many":           {CanLogin: &yes, Grant: selects},
		"not super":      {Superuser: &no, System: &no, Grant: account.GrantFilter{Privilege: "SUPER"}},
	} {
		want := values[int64](t, b.pool, `SELECT a.id FROM accounts a JOIN instances i ON i.id = a.instance_id
			WHERE ($1 = '' OR i.engine = $1) AND ($2 = '' OR EXISTS (SELECT FROM instance_tags t WHERE t.instance_id = i.id AND t.tag = $2))
			  AND ($3::text IS NULL OR a.kind = $3) AND a.name ILIKE '%' || $4 || '%' AND ($5 OR a.deleted_at IS NULL)
			  AND ($6::boolean IS NULL OR a.can_login = $6) AND ($7::boolean IS NULL OR a.superuser = $7)
			  AND EXISTS (SELECT FROM account_grants g WHERE g.account_id = a.id AND g.privilege = $8 AND ($9 = '' OR g.object = $9))
			ORDER BY a.name, a.id LIMIT 300`, string(f.Engine), f.Tag, (*string)(f.Kind), f.NameContains, f.Deleted, f.CanLogin, f.Superuser,
			f.Grant.Privilege, f.Grant.Object)
		var got []int64
		for after, pages := (account.Cursor{}), 0; pages < 3 && (pages == 0 || after != account.Cursor{}); pages++ {
			page, next, err := b.ListAccounts(t.Context(), f, 100, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page {
				got = append(got, int64(a.ID))
			}
			after = next
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}
