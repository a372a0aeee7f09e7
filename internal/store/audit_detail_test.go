package store_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/fleet"
)

// details are those of the events of one action, oldest first.
func (b *bundle) details(t *testing.T, action string) (list []map[string]any) {
	t.Helper()
	text := row[string](t, b, `SELECT COALESCE(jsonb_agg(detail ORDER BY id), '[]')::text FROM audit_events WHERE action = $1`, action)
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// change is old and new of a field as the audit trail shows them.
func change(before, after any) map[string]any { return map[string]any{"old": before, "new": after} }

func expectDetails(t *testing.T, b *bundle, action string, want ...map[string]any) {
	t.Helper()
	if diff := cmp.Diff(want, b.details(t, action)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", action, diff)
	}
}

func TestInstanceChangesAreAuditedWithOldAndNew(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	in := b.instance(t, fleet.Instance{Name: "orders-1", CredentialID: c.ID, Tags: []string{"eu"}})
	for _, one := range []fleet.InstanceChange{
		{Host: pointer("db-2"), Tags: pointer([]string{"eu", "us"}), TLSMode: pointer(fleet.TLSDisable)},
		{Name: pointer("orders-2"), Active: pointer(false)},
		{Name: pointer("orders-2"), Tags: pointer([]string{"us", "eu"})}, // changes nothing
	} {
		if _, err := b.UpdateInstance(t.Context(), in.ID, one); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.DeleteInstance(t.Context(), in.ID); err != nil {
		t.Fatal(err)
	}
	expectDetails(t, b, "instance.update", map[string]any{
		"name": "orders-1", "host": change("DB-1.example.net", "db-2"), "host_key": change("db-1.example.net", "db-2"),
		"tags": change([]any{"eu"}, []any{"eu", "us"}), "tls_mode": change("verify-full", "disable"),
	}, map[string]any{"name": change("orders-1", "orders-2"), "active": change(true, false)})
	expectDetails(t, b, "instance.delete", map[string]any{"name": "orders-2", "engine": "postgresql", "host": "db-2", "port": 5432.0})
}

func TestCredentialChangesAreAuditedWithoutThePassword(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	for _, one := range []fleet.CredentialChange{
		{Name: pointer("watcher")},
		{Username: pointer("root"), Seal: b.seal("new-password")},
		{Name: pointer("watcher")}, // changes nothing
	} {
		if _, err := b.UpdateCredential(t.Context(), c.ID, one); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.DeleteCredential(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	expectDetails(t, b, "credential.update", map[string]any{"name": change("monitor", "watcher")},
		map[string]any{"name": "watcher", "username": change("monitor", "root"), "version": change(1.0, 2.0), "password": "set"})
	expectDetails(t, b, "credential.delete", map[string]any{"name": "watcher", "username": "root"})
}

func TestBulkChangeNamesTheFirstThousand(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	one := b.instance(t, fleet.Instance{Name: "one", CredentialID: c.ID, Tags: []string{"eu"}})
	if _, err := b.ChangeInstances(t.Context(), fleet.Bulk{Action: fleet.BulkDeactivate, Selection: fleet.Selection{Tags: []string{"eu"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO instances (name, engine, host, port, credential_id, host_key, active)
		SELECT 'i' || n, 'mysql', 'h', 3306, $1, 'h', false FROM generate_series(1, 1500) n`, c.ID); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 1500)
	for i := range names {
		names[i] = fmt.Sprintf("i%d", i+1)
	}
	if _, err := b.ChangeInstances(t.Context(), fleet.Bulk{Action: fleet.BulkActivate, Selection: fleet.Selection{Names: names}}); err != nil {
		t.Fatal(err)
	}
	got := b.details(t, "instance.bulk")
	if diff := cmp.Diff([]any{float64(one.ID)}, got[0]["ids"]); diff != "" {
		t.Errorf("by tag (-want +got):\n%s", diff)
	}
	ids, _ := got[1]["ids"].([]any)
	selector, _ := got[1]["selector"].(map[string]any)
	listed, _ := selector["names"].([]any)
	if len(ids) != 1000 || len(listed) != 1000 || got[1]["changed"] != 1500.0 {
		t.Errorf("%d ids, %d names, %v changed", len(ids), len(listed), got[1]["changed"])
	}
}
