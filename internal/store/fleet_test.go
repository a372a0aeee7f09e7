package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/session"
)

func TestInstanceLivesChangesAndGoes(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	in := b.instance(t, fleet.Instance{Name: "orders-1", CredentialID: c.ID, Tags: []string{"prod", "eu", "prod"}})
	if in.Port != 5432 || in.HostKey != "db-1.example.net" || in.TLSMode != fleet.TLSVerifyFull || !slices.Equal(in.Tags, []string{"eu", "prod"}) {
		t.Errorf("stored %+v", in)
	}

	changed, err := b.UpdateInstance(t.Context(), in.ID, fleet.InstanceChange{Host: pointer("DB-2.example.net"), Tags: pointer([]string{"us"})})
	if err != nil {
		t.Fatal(err)
	}
	want := in
	want.Host, want.HostKey, want.Tags, want.UpdatedAt = "DB-2.example.net", "db-2.example.net", []string{"us"}, changed.UpdatedAt
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("only the given fields may change (-want +got):\n%s", diff)
	}

	if err := b.DeleteInstance(t.Context(), in.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Instance(t.Context(), in.ID); !errors.Is(err, fleet.ErrInstanceNotFound) {
		t.Errorf("a deleted instance: %v", err)
	}
	if err := b.DeleteInstance(t.Context(), in.ID); !errors.Is(err, fleet.ErrInstanceNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := b.UpdateInstance(t.Context(), in.ID, fleet.InstanceChange{Active: pointer(true)}); !errors.Is(err, fleet.ErrInstanceNotFound) {
		t.Errorf("changed after its deletion: %v", err)
	}
	if kept := row[bool](t, b, `SELECT deleted_at IS NOT NULL AND NOT active FROM instances WHERE id = $1`, in.ID); !kept {
		t.Error("the deleted row must stay, inactive")
	}
	contains(t, b.actions(t), fmt.Sprintf("instance.create %d, instance.update %d, instance.delete %d", in.ID, in.ID, in.ID))
}

func TestInstanceNameIsUniqueAmongTheLiving(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	first := b.instance(t, fleet.Instance{Name: "a", CredentialID: c.ID})
	second := b.instance(t, fleet.Instance{Name: "b", CredentialID: c.ID})
	if _, err := b.CreateInstance(t.Context(), fleet.Instance{Name: "a", Engine: fleet.MySQL, Host: "h", CredentialID: c.ID}); !errors.Is(err, fleet.ErrNameTaken) {
		t.Errorf("created: %v", err)
	}
	if _, err := b.UpdateInstance(t.Context(), second.ID, fleet.InstanceChange{Name: pointer("a")}); !errors.Is(err, fleet.ErrNameTaken) {
		t.Errorf("renamed: %v", err)
	}
	if err := b.DeleteInstance(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.UpdateInstance(t.Context(), second.ID, fleet.InstanceChange{Name: pointer("a")}); err != nil {
		t.Errorf("the name is free again: %v", err)
	}
}

func TestInstanceFaultsNameTheirField(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	in := b.instance(t, fleet.Instance{Name: "a", CredentialID: c.ID})
	for field, change := range map[string]fleet.InstanceChange{
		"credential_id": {CredentialID: pointer(fleet.CredentialID(999))},
		"name":          {Name: pointer("a\x00b")},
		"port":          {Port: pointer(65536)},
		"host":          {Host: pointer("http://x")},
		"engine":        {Engine: pointer(fleet.Engine("sqlite"))},
		"tls_mode":      {TLSMode: pointer(fleet.TLSMode("prefer"))},
		"tags":          {Tags: pointer([]string{"a b"})},
	} {
		_, err := b.UpdateInstance(t.Context(), in.ID, change)
		if faults := invalid.All(err); len(faults) != 1 || faults[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if now, err := b.Instance(t.Context(), in.ID); err != nil || !cmp.Equal(now, in) {
		t.Errorf("a refused change has left %+v, %v", now, err)
	}
}

func TestEngineIsFixedOnceThereIsHistory(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.Serves = session.Serves{session.Account: {fleet.PostgreSQL, fleet.MySQL}}
	c := b.credential(t, "monitor")
	in := b.instance(t, fleet.Instance{Name: "a", CredentialID: c.ID})
	if _, err := b.UpdateInstance(t.Context(), in.ID, fleet.InstanceChange{Engine: pointer(fleet.MySQL)}); err != nil {
		t.Fatalf("before its first record: %v", err)
	}
	if _, _, err := b.CreateSession(t.Context(), session.Request{Category: session.Account, Selector: session.Selector{All: true}}); err != nil {
		t.Fatal(err)
	}
	_, err := b.UpdateInstance(t.Context(), in.ID, fleet.InstanceChange{Engine: pointer(fleet.PostgreSQL)})
	if faults := invalid.All(err); len(faults) != 1 || faults[0].Field != "engine" {
		t.Errorf("with a record: %v", err)
	}
	if _, err := b.UpdateInstance(t.Context(), in.ID, fleet.InstanceChange{Engine: pointer(fleet.MySQL), Active: pointer(false)}); err != nil {
		t.Errorf("the same engine again: %v", err)
	}
}

func TestInstancesAreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	b.instance(t, fleet.Instance{Name: "Orders_1", CredentialID: c.ID, Tags: []string{"prod"}})
	b.instance(t, fleet.Instance{Name: "orders%2", CredentialID: c.ID, Tags: []string{"prod", "eu"}})
	quiet := b.instance(t, fleet.Instance{Name: "users-1", CredentialID: c.ID})
	if _, err := b.UpdateInstance(t.Context(), quiet.ID, fleet.InstanceChange{Active: pointer(false), Engine: pointer(fleet.Oracle)}); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		filter fleet.InstanceFilter
		want   []string
	}{
		"all":                   {fleet.InstanceFilter{}, []string{"Orders_1", "orders%2", "users-1"}},
		"engine":                {fleet.InstanceFilter{Engine: pointer(fleet.Oracle)}, []string{"users-1"}},
		"active":                {fleet.InstanceFilter{Active: pointer(true)}, []string{"Orders_1", "orders%2"}},
		"inactive":              {fleet.InstanceFilter{Active: pointer(false)}, []string{"users-1"}},
		"tag":                   {fleet.InstanceFilter{Tag: "eu"}, []string{"orders%2"}},
		"name in any case":      {fleet.InstanceFilter{Name: "ORDERS"}, []string{"Orders_1", "orders%2"}},
		"percent is no pattern": {fleet.InstanceFilter{Name: "s%"}, []string{"orders%2"}},
		"underscore neither":    {fleet.InstanceFilter{Name: "s_"}, []string{"Orders_1"}},
		"two":                   {fleet.InstanceFilter{Tag: "prod", Name: "2"}, []string{"orders%2"}},
		"injection":             {fleet.InstanceFilter{Tag: "' OR 1=1 --", Name: "'; DROP TABLE instances; --"}, nil},
	} {
		var got []string
		var from int64
		for {
			page, next, err := b.Instances(t.Context(), tt.filter, 2, from)
			if err != nil {
				t.Fatal(err)
			}
			for _, in := range page {
				got = append(got, in.Name)
			}
			if next == 0 {
				break
			}
			from = next
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
