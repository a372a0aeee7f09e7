package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/user"
)

func TestAccountListIsFilteredAndPagedByName(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.accounts.set(func(f *fakeAccounts) { f.next = account.Cursor{Name: `a"b.c`, ID: 12} })
	var page struct {
		Items []map[string]any
		Next  *string `json:"next_cursor"`
	}
	const search = "/accounts?engine=mysql&tag=prod&instance_id=3&name=x%0A&name_contains=y&kind=role&superuser=true&locked=true" +
		"&can_login=false&system=false&privilege=SELECT&object_type=column&database=d&schema=s&object=o&column=c&deleted=true"
	b.must(t, 200, "GET", search, "", &page)
	instance, kind, yes, no := fleet.InstanceID(3), account.Role, true, false
	want := account.Filter{
		Engine: fleet.MySQL, Instance: &instance, Tag: "prod", Name: "x\n", NameContains: "y", Kind: &kind, Superuser: &yes, Locked: &yes,
		CanLogin: &no, System: &no, Deleted: true,
		Grant: account.GrantFilter{Privilege: "SELECT", Type: "column", Database: "d", Schema: "s", Object: "o", Column: "c"},
	}
	if diff := cmp.Diff(want, b.accounts.filter); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	if page.Items[0]["grant_count"] != 2.0 || page.Items[0]["deleted_at"] != nil {
		t.Errorf("account %v", page.Items[0])
	}
	b.must(t, 200, "GET", search+"&cursor="+*page.Next, "", nil)
	if got := b.accounts.after; got.Name != `a"b.c` || got.ID != 12 {
		t.Errorf("went on after %+v", got)
	}
	if a := b.must(t, 400, "GET", "/accounts?cursor="+*page.Next, "", nil); a.problem.Field != "cursor" {
		t.Errorf("the cursor of another search: %s", a.body)
	}
}

func TestAccountCursorHoldsTheWorstName(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	worst := account.Cursor{Name: strings.Repeat("\x01", 255), ID: 12}
	b.accounts.set(func(f *fakeAccounts) { f.next = worst })
	var page struct {
		Next *string `json:"next_cursor"`
	}
	b.must(t, 200, "GET", "/accounts", "", &page)
	b.must(t, 200, "GET", "/accounts?cursor="+*page.Next, "", nil)
	if b.accounts.after != worst {
		t.Errorf("went on after %+v", b.accounts.after)
	}
}

func TestAccountSearchesThatAreRefused(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for _, wrong := range [][2]string{
		{"/accounts?schema=public", "privilege"},
		{"/accounts?engine=sybase", "engine"},
		{"/accounts?locked=perhaps", "locked"},
		{"/accounts?name=%00", "name"},
		{"/accounts?tag=%0A", "tag"},
		{"/accounts?object=" + strings.Repeat("x", 201), "object"},
		{"/accounts/1?at=yesterday", "at"},
		{"/accounts/1?at=2099-01-01T00:00:00Z", "at"},
		{"/accounts/diff", "instance_id"},
		{"/accounts/diff?instance_id=1", "from"},
		{"/accounts/diff?instance_id=1&to=2026-01-01T00:00:00Z&other_id=2", "to"},
		{"/accounts/diff?instance_id=1&other_id=1", "other_id"},
		{"/accounts/diff?instance_id=1&other_id=2&at=2099-01-01T00:00:00Z", "at"},
		{"/accounts/diff?instance_id=1&from=2026-01-02T00:00:00Z&other_id=2", "other_id"},
	} {
		path, field := wrong[0], wrong[1]
		if a := b.do(t, request{role: user.Viewer, method: "GET", path: path}); a.status != 400 || a.problem.Field != field {
			t.Errorf("%s: %d about %q, want %q: %s", path, a.status, a.problem.Field, field, a.body)
		}
	}
}

func TestAccountIsShownAsItWas(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.must(t, 200, "GET", "/accounts/1?at=2026-11-01T08:00:00%2B08:00", "", nil)
	if want := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC); !b.accounts.at.Equal(want) {
		t.Errorf("asked for %s", b.accounts.at)
	}
	b.accounts.set(func(f *fakeAccounts) { f.err = account.ErrNotThere })
	if a := b.must(t, 404, "GET", "/accounts/1?at=2026-11-01T00:00:00Z", "", nil); a.problem.Code != "account_not_there" {
		t.Errorf("%s", a.body)
	}
}

func TestAccountsAreCompared(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.accounts.set(func(f *fakeAccounts) { f.next = account.Cursor{Name: "app", ID: 1} })
	var page struct {
		Items []map[string]any
		Next  *string `json:"next_cursor"`
	}
	const path = "/accounts/diff?instance_id=1&other_id=2"
	b.must(t, 200, "GET", path, "", &page)
	if c := b.accounts.compare; c.Instance != 1 || *c.Other != 2 {
		t.Errorf("asked for %+v", c)
	}
	want := []map[string]any{
		{"side": "only_second", "name": "ann", "host": "", "kind": "user", "first_id": nil, "second_id": 7.0, "diff": map[string]any{}, "names": map[string]any{}},
		{
			"side": "both", "name": "app", "host": "", "kind": "user", "first_id": 1.0, "second_id": 1.0, "names": map[string]any{},
			"diff": map[string]any{"fields": []any{map[string]any{"name": "superuser", "from": false, "to": true}}},
		},
	}
	if diff := cmp.Diff(want, page.Items); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	b.must(t, 200, "GET", path+"&cursor="+*page.Next, "", nil)
	b.must(t, 400, "GET", "/accounts/diff?instance_id=2&other_id=1&cursor="+*page.Next, "", nil)
}

func TestAccountShowsGrantsAndNames(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var got map[string]any
	b.must(t, 200, "GET", "/accounts/1", "", &got)
	for field, want := range map[string]any{
		"expired": true, "names": map[string]any{"16385": "readers"},
		"memberships": []any{map[string]any{"role": "16385", "admin": true}},
		"scopes": []any{map[string]any{"level": "object", "database": "", "grants": []any{
			map[string]any{"type": "table", "object": "t", "privileges": []any{"SELECT"}, "source": "explicit"},
		}}},
		"superuser_path": []any{map[string]any{
			"role": "16385", "name": "readers", "host": "", "everybody": false, "membership": map[string]any{"role": "16385", "admin": true},
		}},
	} {
		if diff := cmp.Diff(want, got[field]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
}

func TestAccountHistoryIsPagedPerAccount(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var page struct {
		Items []struct {
			Change string
			State  map[string]any
			Diff   map[string]any
		}
		Next *string `json:"next_cursor"`
	}
	b.must(t, 200, "GET", "/accounts/1/history", "", &page)
	if gone, born := page.Items[0], page.Items[1]; gone.State != nil || gone.Diff == nil || born.State["name"] != "app" {
		t.Errorf("history %+v", page.Items)
	}
	b.must(t, 200, "GET", "/accounts/1/history?cursor="+*page.Next, "", nil)
	if b.accounts.version != 8 {
		t.Errorf("went on after %d", b.accounts.version)
	}
	b.must(t, 400, "GET", "/accounts/2/history?cursor="+*page.Next, "", nil)
}

func TestHoldIsDecidedByItsOperator(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for path, confirm := range map[string]bool{"/holds/5/confirm": true, "/holds/5/reject": false} {
		a := b.do(t, request{role: user.Operator, method: "POST", path: path})
		if by := one[int64](t, b, `SELECT id FROM users WHERE role = 'operator'`); a.status != 200 || *b.accounts.decided != confirm || b.accounts.by != by {
			t.Errorf("%s: %d, decided %v by %d", path, a.status, *b.accounts.decided, b.accounts.by)
		}
	}
	b.must(t, 200, "GET", "/holds?status=open&instance_id=1", "", nil)
	if f := b.accounts.holds; *f.Status != account.HoldOpen || *f.Instance != 1 {
		t.Errorf("asked for %+v", f)
	}
	b.accounts.set(func(f *fakeAccounts) { f.err = account.ErrHoldDecided })
	if a := b.must(t, 409, "POST", "/holds/5/confirm", "", nil); a.problem.Code != "hold_decided" {
		t.Errorf("%s", a.body)
	}
	b.accounts.set(func(f *fakeAccounts) { f.err = account.ErrHoldNotFound })
	b.must(t, 404, "GET", "/holds/5", "", nil)
	b.accounts.set(func(f *fakeAccounts) { f.err = account.ErrNotFound })
	b.must(t, 404, "GET", "/accounts/5", "", nil)
}
