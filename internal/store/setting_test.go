package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/user"
)

func TestSettingIsSetAndAudited(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	before, err := b.SettingValue(t.Context(), "dispatch.host_limit")
	if err != nil || string(before.Value) != "4" || before.UpdatedAt != nil {
		t.Errorf("before: %s, %v, %v", before.Value, before.UpdatedAt, err)
	}
	ctx := user.WithActor(t.Context(), user.Actor{User: user.User{ID: 7, Name: "alice"}, RequestID: "r1", RemoteAddr: "10.0.0.9"})
	if err := b.SetSetting(ctx, "dispatch.host_limit", raw("8")); err != nil {
		t.Fatal(err)
	}
	set, err := b.SettingValue(ctx, "dispatch.host_limit")
	if err != nil || string(set.Value) != "8" || *set.UpdatedBy != 7 {
		t.Errorf("after: %s, %v", set.Value, err)
	}
	if all, err := b.Settings(ctx); err != nil || all.HostLimit != 8 || all.MaxAttempts != 3 {
		t.Errorf("in force: %+v, %v", all, err)
	}
	got := row[string](t, b, `SELECT concat_ws(' ', user_id, user_name, object_id, outcome, request_id, remote_addr, detail->>'old', detail->>'new') FROM audit_events`)
	if want := "7 alice dispatch.host_limit done r1 10.0.0.9 4 8"; got != want {
		t.Errorf("audited %q, want %q", got, want)
	}
}

func TestRefusedSettingChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	if err := b.SetSetting(t.Context(), "no.such", raw("1")); !errors.Is(err, setting.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := b.SettingValue(t.Context(), "no.such"); !errors.Is(err, setting.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	for key, value := range map[string]string{"dispatch.host_limit": "0", "time_zone": `"Mars/Olympus"`, "session.max_attempts": `"3"`} {
		if faults := invalid.All(b.SetSetting(t.Context(), key, raw(value))); len(faults) != 1 || faults[0].Field != "value" {
			t.Errorf("%s: %v", key, faults)
		}
	}
	if n := row[int](t, b, `SELECT count(*) FROM settings`); n != 0 || b.actions(t) != "" {
		t.Errorf("%d settings stored, audited %q", n, b.actions(t))
	}
}

func TestAuditMakesItsMonthAndIsAppendOnly(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	part := "audit_events_" + time.Now().UTC().Format("200601")
	if _, err := b.pool.Exec(t.Context(), "DROP TABLE "+part); err != nil {
		t.Fatal(err)
	}
	if err := b.Audit(t.Context(), user.Event{Action: "request.denied", Outcome: user.Denied}); err != nil {
		t.Fatal(err)
	}
	if got := row[string](t, b, `SELECT user_name || ' ' || outcome FROM audit_events`); got != "system denied" {
		t.Errorf("audited %q", got)
	}
	for _, sql := range []string{`UPDATE audit_events SET user_name = 'x'`, `DELETE FROM audit_events`} {
		if _, err := b.pool.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "append only") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
