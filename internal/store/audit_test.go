package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/user"
)

// trail writes events of three months, one a day, and returns the newest day.
func (b *bundle) trail(t *testing.T) time.Time {
	t.Helper()
	newest := time.Date(2026, 11, 15, 12, 0, 0, 0, time.UTC)
	_, err := b.pool.Exec(t.Context(), `
		SELECT ensure_month('audit_events', $1::timestamptz - m * interval '1 month') FROM generate_series(0, 2) AS m`, newest)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.pool.Exec(t.Context(), `
		INSERT INTO audit_events (at, user_id, user_name, action, object_type, object_id, outcome)
		SELECT $1::timestamptz - d * interval '1 day', d % 3, 'u' || d % 3, CASE d % 2 WHEN 0 THEN 'instance.update' ELSE 'request.denied' END,
		       CASE d % 2 WHEN 0 THEN 'instance' ELSE 'route' END, (d % 5)::text, CASE d % 2 WHEN 0 THEN 'done' ELSE 'denied' END
		FROM generate_series(0, 59) AS d`, newest)
	if err != nil {
		t.Fatal(err)
	}
	return newest
}

// pages reads everything that a filter selects, five at a time.
func (b *bundle) pages(t *testing.T, f user.EventFilter) []user.Recorded {
	t.Helper()
	var all []user.Recorded
	var place user.EventPlace
	for {
		list, next, err := b.AuditEvents(t.Context(), f, 5, place)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
		if place = next; next == (user.EventPlace{}) {
			return all
		}
	}
}

func TestAuditTrailIsPagedFromNewToOldOverMonths(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	newest := b.trail(t)
	all := b.pages(t, user.EventFilter{})
	if len(all) != 60 || !all[0].At.Equal(newest) || !all[59].At.Equal(newest.AddDate(0, 0, -59)) {
		t.Fatalf("%d events, from %s to %s", len(all), all[0].At, all[len(all)-1].At)
	}
	for i := 1; i < len(all); i++ {
		if !all[i].At.Before(all[i-1].At) {
			t.Errorf("event %d is not older than the one before", i)
		}
	}
}

func TestAuditTrailIsFiltered(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	newest := b.trail(t)
	for name, tt := range map[string]struct {
		filter user.EventFilter
		want   int
	}{
		"user":    {user.EventFilter{User: pointer(user.ID(1))}, 20},
		"system":  {user.EventFilter{User: pointer(user.ID(0))}, 20},
		"action":  {user.EventFilter{Action: pointer("instance.update")}, 30},
		"object":  {user.EventFilter{ObjectType: pointer("instance"), ObjectID: pointer("2")}, 6},
		"outcome": {user.EventFilter{Outcome: pointer(user.Denied)}, 30},
		"from":    {user.EventFilter{From: pointer(newest.AddDate(0, 0, -9))}, 10},
		"to":      {user.EventFilter{To: pointer(newest.AddDate(0, 0, -9))}, 50},
		"between": {user.EventFilter{From: pointer(newest.AddDate(0, 0, -9)), To: &newest}, 9},
		"nothing": {user.EventFilter{Action: pointer("no.such")}, 0},
	} {
		if got := b.pages(t, tt.filter); len(got) != tt.want {
			t.Errorf("%s: %d events, want %d", name, len(got), tt.want)
		}
	}
}

func TestAuditEventsOfOneMomentArePagedWithoutLoss(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	_, err := b.pool.Exec(t.Context(), `
		INSERT INTO audit_events (action, outcome, detail) SELECT 'a.b', 'done', jsonb_build_object('n', n) FROM generate_series(1, 23) AS n`)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range b.pages(t, user.EventFilter{}) {
		seen[fmt.Sprint(e.Detail["n"])] = true
	}
	if len(seen) != 23 {
		t.Errorf("%d of 23 events", len(seen))
	}
}

func TestAuditTrailIsAppendOnly(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.trail(t)
	if err := b.Audit(t.Context(), user.Event{Action: "a.b"}); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`UPDATE audit_events SET action = 'c.d'`, `DELETE FROM audit_events`, `TRUNCATE audit_events`,
		`UPDATE audit_events_202610 SET action = 'c.d'`, `DELETE FROM audit_events_202610`, `TRUNCATE audit_events_202610`,
		fmt.Sprintf(`TRUNCATE audit_events_%s`, row[string](t, b, `SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')`)),
		fmt.Sprintf(`TRUNCATE audit_events_%s`, row[string](t, b, `SELECT to_char(now() AT TIME ZONE 'UTC' + interval '3 months', 'YYYYMM')`)),
	} {
		if _, err := b.pool.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "append only") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if n := len(b.pages(t, user.EventFilter{})); n != 61 {
		t.Errorf("%d events", n)
	}
	if _, err := b.pool.Exec(t.Context(), `DROP TABLE audit_events_202610`); err != nil {
		t.Errorf("a month that is over its time: %v", err)
	}
}

func TestEnsureMonthTwiceAtOnce(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	errs := make(chan error, 8)
	for range cap(errs) {
		go func() {
			_, err := b.pool.Exec(t.Context(), `SELECT ensure_month('audit_events', '2031-05-05')`)
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
