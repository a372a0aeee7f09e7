package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
)

func (b *bundle) change(t *testing.T, action fleet.BulkAction, s fleet.Selection, tags ...string) fleet.BulkResult {
	t.Helper()
	dry, err := b.ChangeInstances(t.Context(), fleet.Bulk{Action: action, Selection: s, Tags: tags, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	done, err := b.ChangeInstances(t.Context(), fleet.Bulk{Action: action, Selection: s, Tags: tags})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(dry, done); diff != "" {
		t.Errorf("%s: the dry run said otherwise (-dry +done):\n%s", action, diff)
	}
	return done
}

func TestManyInstancesChangeAtOnce(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	one := b.instance(t, fleet.Instance{Name: "one", CredentialID: c.ID, Tags: []string{"prod"}})
	two := b.instance(t, fleet.Instance{Name: "two", CredentialID: c.ID, Tags: []string{"prod", "eu"}})
	gone := b.instance(t, fleet.Instance{Name: "gone", CredentialID: c.ID, Tags: []string{"prod"}})
	if err := b.DeleteInstance(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	for i, tt := range []struct {
		action fleet.BulkAction
		s      fleet.Selection
		tags   []string
		want   int
	}{
		{fleet.BulkAddTags, fleet.Selection{Tags: []string{"prod"}}, []string{"eu", "eu", "new"}, 2},
		{fleet.BulkAddTags, fleet.Selection{All: true}, []string{"eu", "new"}, 0},
		{fleet.BulkRemoveTags, fleet.Selection{Names: []string{"one"}}, []string{"new", "never"}, 1},
		{fleet.BulkRemoveTags, fleet.Selection{Engines: []fleet.Engine{fleet.PostgreSQL}}, []string{"new"}, 1},
		{fleet.BulkDeactivate, fleet.Selection{IDs: []fleet.InstanceID{one.ID}}, nil, 1},
		{fleet.BulkDeactivate, fleet.Selection{All: true}, nil, 1},
		{fleet.BulkActivate, fleet.Selection{All: true}, nil, 2},
		{fleet.BulkActivate, fleet.Selection{IDs: []fleet.InstanceID{one.ID, two.ID}, Names: []string{"two"}, Engines: []fleet.Engine{fleet.MySQL}}, nil, 0},
	} {
		if got := b.change(t, tt.action, tt.s, tt.tags...); got.Changed != tt.want || got.UnknownIDs != nil || got.UnknownNames != nil {
			t.Errorf("%d, %s: %+v, want %d", i, tt.action, got, tt.want)
		}
	}
	got := b.change(t, fleet.BulkActivate, fleet.Selection{IDs: []fleet.InstanceID{gone.ID, 999, one.ID, 999}, Names: []string{"nobody", "gone", "one"}})
	if !slices.Equal(got.UnknownIDs, []fleet.InstanceID{gone.ID, 999}) || !slices.Equal(got.UnknownNames, []string{"gone", "nobody"}) {
		t.Errorf("unknown %+v", got)
	}
	if in, err := b.Instance(t.Context(), one.ID); err != nil || !slices.Equal(in.Tags, []string{"eu", "prod"}) || !in.Active {
		t.Errorf("%+v, %v", in, err)
	}
	if n := row[int](t, b, `SELECT count(*) FROM audit_events WHERE action = 'instance.bulk' AND detail ? 'selector' AND detail ? 'changed'`); n != 9 {
		t.Errorf("%d changes are audited", n)
	}
	tags, next, err := b.Tags(t.Context(), 1, "")
	if err != nil || !slices.Equal(tags, []fleet.TagCount{{Tag: "eu", Instances: 2}}) || next != "eu" {
		t.Errorf("tags %v, %q, %v", tags, next, err)
	}
	tags, next, err = b.Tags(t.Context(), 2, next)
	if err != nil || !slices.Equal(tags, []fleet.TagCount{{Tag: "prod", Instances: 2}}) || next != "" {
		t.Errorf("tags %v, %q, %v", tags, next, err)
	}
}

func TestBulkThatWouldExceedTheTagsChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	var full []string
	for i := range fleet.MaxTags {
		full = append(full, fmt.Sprint("t", i))
	}
	b.instance(t, fleet.Instance{Name: "full", CredentialID: c.ID, Tags: full})
	free := b.instance(t, fleet.Instance{Name: "free", CredentialID: c.ID})
	_, err := b.ChangeInstances(t.Context(), fleet.Bulk{Action: fleet.BulkAddTags, Selection: fleet.Selection{All: true}, Tags: []string{"x"}})
	if faults := invalid.All(err); len(faults) != 1 || faults[0].Field != "tags" {
		t.Errorf("%v", err)
	}
	if in, err := b.Instance(t.Context(), free.ID); err != nil || len(in.Tags) != 0 {
		t.Errorf("%+v, %v", in, err)
	}
}

func TestDeletedInstanceComesBack(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	in := b.instance(t, fleet.Instance{Name: "a", CredentialID: c.ID, Tags: []string{"prod"}})
	if _, err := b.RestoreInstance(t.Context(), in.ID, fleet.Restoration{}); !errors.Is(err, fleet.ErrNotDeleted) {
		t.Errorf("a living one: %v", err)
	}
	if _, err := b.RestoreInstance(t.Context(), 999, fleet.Restoration{}); !errors.Is(err, fleet.ErrInstanceNotFound) {
		t.Errorf("an unknown one: %v", err)
	}
	if err := b.DeleteInstance(t.Context(), in.ID); err != nil {
		t.Fatal(err)
	}
	list, _, err := b.Instances(t.Context(), fleet.InstanceFilter{Deleted: true}, 10, 0)
	if err != nil || len(list) != 1 || list[0].DeletedAt.IsZero() || list[0].Tags[0] != "prod" {
		t.Errorf("deleted: %+v, %v", list, err)
	}
	other := b.instance(t, fleet.Instance{Name: "a", CredentialID: c.ID})
	if _, err := b.RestoreInstance(t.Context(), in.ID, fleet.Restoration{}); !errors.Is(err, fleet.ErrNameTaken) {
		t.Errorf("name taken: %v", err)
	}
	back, err := b.RestoreInstance(t.Context(), in.ID, fleet.Restoration{Name: pointer("a-again")})
	if err != nil || back.Name != "a-again" || back.Active || !back.DeletedAt.IsZero() || !slices.Equal(back.Tags, []string{"prod"}) {
		t.Errorf("restored %+v, %v", back, err)
	}
	contains(t, b.actions(t), fmt.Sprintf("instance.restore %d", in.ID))
	for _, id := range []fleet.InstanceID{in.ID, other.ID} {
		if err := b.DeleteInstance(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.DeleteCredential(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	_, err = b.RestoreInstance(t.Context(), in.ID, fleet.Restoration{})
	if faults := invalid.All(err); len(faults) != 1 || faults[0].Field != "credential_id" {
		t.Errorf("its credential is gone: %v", err)
	}
	fresh := b.credential(t, "fresh")
	back, err = b.RestoreInstance(t.Context(), in.ID, fleet.Restoration{CredentialID: &fresh.ID, Active: true})
	if err != nil || back.CredentialID != fresh.ID || !back.Active {
		t.Errorf("restored %+v, %v", back, err)
	}
}

func TestInstancesOfACredential(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c, other := b.credential(t, "monitor"), b.credential(t, "other")
	b.instance(t, fleet.Instance{Name: "a", CredentialID: c.ID})
	b.instance(t, fleet.Instance{Name: "b", CredentialID: other.ID})
	list, _, err := b.Instances(t.Context(), fleet.InstanceFilter{Credential: &c.ID}, 10, 0)
	if err != nil || len(list) != 1 || list[0].Name != "a" {
		t.Errorf("%+v, %v", list, err)
	}
}
