package httpapi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/account"
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
	b.must(t, 200, "GET", "/accounts?instance_id=3&name=x&name_contains=y&kind=role&superuser=true&deleted=true", "", &page)
	f := b.accounts.filter
	if *f.Instance != 3 || f.Name != "x" || f.NameContains != "y" || *f.Kind != account.Role || !*f.Superuser || !f.Deleted {
		t.Errorf("asked for %+v", f)
	}
	if page.Items[0]["grant_count"] != 2.0 || page.Items[0]["deleted_at"] != nil {
		t.Errorf("account %v", page.Items[0])
	}
	b.must(t, 200, "GET", "/accounts?cursor="+*page.Next, "", nil)
	if got := b.accounts.after; got.Name != `a"b.c` || got.ID != 12 {
		t.Errorf("went on after %+v", got)
	}
}

func TestAccountShowsGrantsAndNames(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var got map[string]any
	b.must(t, 200, "GET", "/accounts/1", "", &got)
	for field, want := range map[string]any{
		"expired": true, "names": map[string]any{"16385": "readers"},
		"memberships": []any{map[string]any{"role": "16385", "admin": true}},
		"grants":      []any{map[string]any{"type": "table", "object": "t", "privileges": []any{"SELECT"}, "source": "explicit"}},
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
