package store_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/user"
)

func (b *bundle) user(t *testing.T, name string, role user.Role) user.Profile {
	t.Helper()
	u, err := b.CreateUser(t.Context(), name, role)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestUserFromCreationToRole(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	alice := b.user(t, "alice", user.Operator)
	if alice.ID != 1 || alice.Name != "alice" || alice.Role != user.Operator || !alice.Living() || alice.LastUsedAt != nil {
		t.Errorf("made %+v", alice)
	}
	if _, err := b.CreateUser(t.Context(), "alice", user.Admin); !errors.Is(err, user.ErrNameTaken) {
		t.Errorf("made twice: %v", err)
	}
	changed, err := b.UpdateUser(t.Context(), alice.ID, user.Change{Role: pointer(user.Viewer)})
	if err != nil || changed.Role != user.Viewer || !changed.Living() {
		t.Errorf("changed %+v, %v", changed, err)
	}
	if _, err := b.UpdateUser(t.Context(), alice.ID, user.Change{Role: pointer(user.Viewer)}); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if got := b.actions(t); got != "user.create 1, user.update 1" {
		t.Errorf("audited %q", got)
	}
	if got := row[string](t, b, `SELECT detail->'role'->>'old' || ' ' || (detail->'role'->>'new') FROM audit_events WHERE action = 'user.update'`); got != "operator viewer" {
		t.Errorf("audited %q", got)
	}
}

func TestUserRefusals(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for field, make := range map[string]func() error{
		"name": func() error { _, err := b.CreateUser(t.Context(), "a\x00b", user.Viewer); return err },
		"role": func() error { _, err := b.CreateUser(t.Context(), "bob", "root"); return err },
		"body": func() error { _, err := b.UpdateUser(t.Context(), 1, user.Change{}); return err },
	} {
		if faults := invalid.All(make()); len(faults) != 1 || faults[0].Field != field {
			t.Errorf("%s: %v", field, faults)
		}
	}
	if _, err := b.CreateUser(t.Context(), strings.Repeat("ü", 101), user.Viewer); len(invalid.All(err)) != 1 {
		t.Errorf("over-long: %v", err)
	}
	for _, id := range []user.ID{0, 99} { // 0 is the system
		_, err := b.UpdateUser(t.Context(), id, user.Change{Disabled: pointer(true)})
		if !errors.Is(err, user.ErrNotFound) {
			t.Errorf("change user %d: %v", id, err)
		}
		if _, err := b.User(t.Context(), id); !errors.Is(err, user.ErrNotFound) {
			t.Errorf("read user %d: %v", id, err)
		}
	}
}

func TestUsersAreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for name, role := range map[string]user.Role{"a": user.Admin, "b": user.Viewer, "c": user.Viewer, "d": user.Viewer} {
		b.user(t, name, role)
	}
	if _, err := b.pool.Exec(t.Context(), `UPDATE users SET disabled_at = now() WHERE name = 'd'`); err != nil {
		t.Fatal(err)
	}
	names := func(f user.Filter) string {
		var all []string
		var after int64
		for {
			list, next, err := b.Users(t.Context(), f, 1, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range list {
				all = append(all, u.Name)
			}
			if after = next; next == 0 {
				return strings.Join(all, "")
			}
		}
	}
	for _, tt := range []struct {
		filter user.Filter
		want   int
	}{
		{user.Filter{}, 4},
		{user.Filter{Role: pointer(user.Viewer)}, 3},
		{user.Filter{Role: pointer(user.Viewer), Disabled: pointer(false)}, 2},
		{user.Filter{Disabled: pointer(true)}, 1},
		{user.Filter{Name: pointer("a")}, 1},
		{user.Filter{Name: pointer("system")}, 0},
	} {
		if got := names(tt.filter); len(got) != tt.want {
			t.Errorf("%+v: %q", tt.filter, got)
		}
	}
}

func TestLastAdminWhoMayLogInStays(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	first, second := b.user(t, "first", user.Admin), b.user(t, "second", user.Admin)
	if _, err := b.UpdateUser(t.Context(), first.ID, user.Change{Disabled: pointer(true)}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]user.Change{
		"disabled": {Disabled: pointer(true)}, "demoted": {Role: pointer(user.Operator)},
		"both": {Role: pointer(user.Viewer), Disabled: pointer(true)},
	} {
		if _, err := b.UpdateUser(t.Context(), second.ID, change); !errors.Is(err, user.ErrLastAdmin) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.UpdateUser(t.Context(), first.ID, user.Change{Role: pointer(user.Viewer)}); err != nil {
		t.Errorf("one who may not log in anyway: %v", err)
	}
	if n := row[int](t, b, `SELECT count(*) FROM users WHERE id > 0 AND role = 'admin' AND disabled_at IS NULL`); n != 1 {
		t.Errorf("%d admins are left", n)
	}
}

func TestAdminsWhoDisableEachOtherLeaveOne(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	for range 20 {
		if _, err := b.pool.Exec(t.Context(), `DELETE FROM users WHERE id > 0`); err != nil {
			t.Fatal(err)
		}
		admins := []user.Profile{b.user(t, "x", user.Admin), b.user(t, "y", user.Admin)}
		var wait sync.WaitGroup
		errs := make([]error, len(admins))
		for i, a := range admins {
			wait.Go(func() { _, errs[i] = b.UpdateUser(t.Context(), a.ID, user.Change{Disabled: pointer(true)}) })
		}
		wait.Wait()
		if refused := errors.Is(errs[0], user.ErrLastAdmin) != errors.Is(errs[1], user.ErrLastAdmin); !refused {
			t.Fatalf("want one refusal: %v", errs)
		}
		if n := row[int](t, b, `SELECT count(*) FROM users WHERE id > 0 AND disabled_at IS NULL`); n != 1 {
			t.Fatalf("%d admins are left", n)
		}
	}
}

func TestDisabledUsersTokensStopAtOnceAndComeBack(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.user(t, "root", user.Admin)
	token := b.token(t, store.NewToken{User: "alice", Role: user.Admin})
	alice, err := b.who(t, token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.UpdateUser(t.Context(), alice.ID, user.Change{Disabled: pointer(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.who(t, token); !errors.Is(err, user.ErrBadToken) {
		t.Errorf("disabled: %v", err)
	}
	if _, _, err := b.IssueToken(t.Context(), alice.ID, "", nil); !errors.Is(err, user.ErrDisabled) {
		t.Errorf("a token for a disabled user: %v", err)
	}
	if _, err := b.CreateToken(t.Context(), store.NewToken{User: "alice", Role: user.Admin}); !errors.Is(err, user.ErrDisabled) {
		t.Errorf("a local token for a disabled user: %v", err)
	}
	back, err := b.UpdateUser(t.Context(), alice.ID, user.Change{Disabled: pointer(false)})
	if err != nil || back.LastUsedAt == nil {
		t.Errorf("enabled: %+v, %v", back, err)
	}
	if _, err := b.who(t, token); err != nil {
		t.Errorf("enabled again: %v", err)
	}
}
