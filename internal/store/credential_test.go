package store_test

import (
	"errors"
	"testing"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
)

func TestPasswordIsSealedForItsRowAndVersion(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	other := b.credential(t, "other")
	if got, err := b.opened(t, c.ID, 1); err != nil || got != "old-password" {
		t.Errorf("opened %q, %v", got, err)
	}
	if c.KeyID != string(b.public.ID()) {
		t.Errorf("key id %q, want %q", c.KeyID, b.public.ID())
	}
	if _, err := b.pool.Exec(t.Context(), `UPDATE credentials SET sealed = (SELECT sealed FROM credentials WHERE id = $1) WHERE id = $2`, c.ID, other.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.opened(t, other.ID, 1); err == nil {
		t.Error("the password of one row opened in another")
	}
}

func TestCredentialChange(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	renamed, err := b.UpdateCredential(t.Context(), c.ID, fleet.CredentialChange{Name: pointer("watcher"), Username: pointer("monitor")})
	if err != nil || renamed.Version != 1 || renamed.Name != "watcher" {
		t.Errorf("renamed: %+v, %v", renamed, err)
	}
	_, err = b.UpdateCredential(t.Context(), c.ID, fleet.CredentialChange{Username: pointer("root")})
	if faults := invalid.All(err); len(faults) != 1 || faults[0].Field != "password" {
		t.Errorf("a new user name without a password: %v", err)
	}
	login, err := b.UpdateCredential(t.Context(), c.ID, fleet.CredentialChange{Username: pointer("root"), Seal: b.seal("new-password")})
	if err != nil || login.Version != 2 || login.Username != "root" {
		t.Errorf("new login: %+v, %v", login, err)
	}
	if got, err := b.opened(t, c.ID, 2); err != nil || got != "new-password" {
		t.Errorf("opened %q, %v", got, err)
	}
	if _, err := b.UpdateCredential(t.Context(), 999, fleet.CredentialChange{Name: pointer("x")}); !errors.Is(err, fleet.ErrCredentialNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestFailedSealStoresNothing(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	if _, err := b.CreateCredential(t.Context(), "monitor", "u", b.seal("")); err == nil {
		t.Error("an empty password was sealed")
	}
	if n := row[int](t, b, `SELECT count(*) FROM credentials`); n != 0 {
		t.Errorf("%d credentials", n)
	}
	if got := b.actions(t); got != "" {
		t.Errorf("audited %q", got)
	}
}

func TestCredentialNamesAreUnique(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.credential(t, "a")
	second := b.credential(t, "b")
	if _, err := b.CreateCredential(t.Context(), "a", "u", b.seal("p")); !errors.Is(err, fleet.ErrNameTaken) {
		t.Errorf("created: %v", err)
	}
	if _, err := b.UpdateCredential(t.Context(), second.ID, fleet.CredentialChange{Name: pointer("a")}); !errors.Is(err, fleet.ErrNameTaken) {
		t.Errorf("renamed: %v", err)
	}
}

func TestCredentialInUseStays(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	b.instance(t, fleet.Instance{Name: "a", CredentialID: c.ID})
	if got, err := b.Credential(t.Context(), c.ID); err != nil || got.Instances != 1 {
		t.Errorf("instances %d, %v", got.Instances, err)
	}
	if err := b.DeleteCredential(t.Context(), c.ID); !errors.Is(err, fleet.ErrCredentialInUse) {
		t.Errorf("in use: %v", err)
	}
	free := b.credential(t, "free")
	if err := b.DeleteCredential(t.Context(), free.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteCredential(t.Context(), free.ID); !errors.Is(err, fleet.ErrCredentialNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestCredentialOfDeletedInstancesCanBeDeleted(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	in := b.instance(t, fleet.Instance{Name: "a", CredentialID: c.ID})
	if err := b.DeleteInstance(t.Context(), in.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteCredential(t.Context(), c.ID); err != nil {
		t.Errorf("only a deleted instance used it: %v", err)
	}
}

func TestCredentialsArePaged(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	first, second := b.credential(t, "z"), b.credential(t, "a")
	page, next, err := b.Credentials(t.Context(), fleet.CredentialFilter{}, 1, 0)
	if err != nil || len(page) != 1 || page[0].ID != first.ID || next != int64(first.ID) {
		t.Errorf("page 1: %+v, %d, %v", page, next, err)
	}
	page, next, err = b.Credentials(t.Context(), fleet.CredentialFilter{}, 1, next)
	if err != nil || len(page) != 1 || page[0].ID != second.ID || next != 0 {
		t.Errorf("page 2: %+v, %d, %v", page, next, err)
	}
}
