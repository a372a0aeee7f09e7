package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/session"
)

// A listBundle is a database with sessions of every kind, named by a letter.
type listBundle struct {
	*fleetBundle
	names     map[session.ID]string
	instances []fleet.InstanceID
}

// listedSession is one session of a listBundle; it ran for so many seconds.
type listedSession struct {
	id       string
	kind     session.Type
	category session.Category
	status   session.Status
	result   session.Result
	by       *int64
	started  string
	seconds  int
	total    int
	failed   int
	reason   string
}

func newList(t *testing.T) *listBundle {
	t.Helper()
	b := &listBundle{fleetBundle: newFleet(t), names: map[session.ID]string{}}
	b.instances = b.fleetBundle.instances(t, 3)
	b.sql(t, `UPDATE instances SET name = 'orders-' || id`)
	alice, system := int64(7), int64(0)
	for name, s := range map[string]listedSession{
		"a": {"a0000000-0000-4000-8000-000000000000", session.Scheduled, session.Account, session.Completed, session.Succeeded, nil, "2026-11-01T00:00:00Z", 60, 10, 0, ""},
		"b": {"ab000000-0000-4000-8000-000000000000", session.ManualBatch, session.Account, session.Failed, session.Partial, &alice, "2026-11-02T00:00:00Z", 30, 20, 5, ""},
		"c": {"c0000000-0000-4000-8000-000000000000", session.ManualSingle, session.Capacity, session.Failed, session.ResultFailed, &alice, "2026-11-03T00:00:00Z", 90, 1, 1, ""},
		"d": {"d0000000-0000-4000-8000-000000000000", session.Scheduled, session.Account, session.Completed, session.Succeeded, nil, "2026-11-04T00:00:00Z", 0, 0, 0, "100% of nothing_is nothing"},
		"e": {"e0000000-0000-4000-8000-000000000000", session.ManualBatch, session.Account, session.Running, "", &system, "2026-11-05T00:00:00Z", 0, 3, 0, ""},
	} {
		b.add(t, name, s)
	}
	return b
}

func (b *listBundle) add(t *testing.T, name string, s listedSession) {
	t.Helper()
	id := uuid.MustParse(s.id)
	b.names[id] = name
	var result *string
	var took *int
	if s.result != "" {
		result, took = (*string)(&s.result), &s.seconds
	}
	b.sql(t, `INSERT INTO sync_sessions (session_id, sync_type, sync_category, status, result, created_by, started_at, deadline_at,
			completed_at, total_instances, failed_instances, successful_instances, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7::text::timestamptz, $7::text::timestamptz + interval '6 h',
			$7::text::timestamptz + $8::int * interval '1 s', $9::int, $10::int, $9::int - $10::int, $11)`,
		id, s.kind, s.category, s.status, result, s.by, s.started, took, s.total, s.failed, s.reason)
}

func (b *listBundle) record(t *testing.T, session string, instance fleet.InstanceID) {
	t.Helper()
	for id, name := range b.names {
		if name == session {
			b.sql(t, `INSERT INTO sync_instance_records (session_id, instance_id, instance_name, host_key, credential_id)
				SELECT $1, id, name, host_key, credential_id FROM instances WHERE id = $2`, id, instance)
		}
	}
}

// listed reads all pages of limit rows and returns the names in their order.
func (b *listBundle) listed(t *testing.T, f session.Filter, o session.Order, limit int) string {
	t.Helper()
	all := ""
	for p := (session.Page{Order: o, Limit: limit}); ; {
		list, next, err := b.Sessions(t.Context(), f, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			all += b.names[s.ID]
		}
		if next.ID == 0 {
			return all
		}
		if len(list) != limit {
			t.Fatalf("a page of %d, and more to come", len(list))
		}
		p.After = next
	}
}

func at(t *testing.T, text string) *time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return &v
}

func TestSessionsAreFiltered(t *testing.T) {
	t.Parallel()
	b := newList(t)
	b.record(t, "b", b.instances[0])
	b.record(t, "e", b.instances[0])
	b.record(t, "c", b.instances[1])
	b.sql(t, `ALTER TABLE sync_sessions DISABLE TRIGGER ALL`) // it has ended
	b.sql(t, `UPDATE sync_sessions SET schedule_id = 3 WHERE id = (SELECT id FROM sync_sessions ORDER BY started_at LIMIT 1)`)
	name := value[string](t, b.pool, `SELECT name FROM instances WHERE id = $1`, b.instances[0])
	b.sql(t, `UPDATE instances SET deleted_at = now() WHERE id = $1`, b.instances[1])
	gone := value[string](t, b.pool, `SELECT name FROM instances WHERE id = $1`, b.instances[1])
	for what, test := range map[string]struct {
		filter session.Filter
		want   string // the newest first
	}{
		"nothing":           {session.Filter{}, "edcba"},
		"type":              {session.Filter{Type: new(session.Scheduled)}, "da"},
		"category":          {session.Filter{Category: new(session.Capacity)}, "c"},
		"status":            {session.Filter{Status: new(session.Failed)}, "cb"},
		"result":            {session.Filter{Result: new(session.Partial)}, "b"},
		"a user":            {session.Filter{Creator: &session.Creator{User: 7}}, "cb"},
		"the system":        {session.Filter{Creator: &session.Creator{}}, "e"},
		"a schedule":        {session.Filter{Creator: &session.Creator{Schedule: true}}, "da"},
		"one schedule":      {session.Filter{Schedule: new(session.ScheduleID(3))}, "a"},
		"an instance":       {session.Filter{Instance: &b.instances[0]}, "eb"},
		"a deleted one":     {session.Filter{Instance: &b.instances[1]}, "c"},
		"an unused one":     {session.Filter{Instance: &b.instances[2]}, ""},
		"from":              {session.Filter{From: at(t, "2026-11-03T00:00:00Z")}, "edc"},
		"to":                {session.Filter{To: at(t, "2026-11-03T00:00:00Z")}, "ba"},
		"first digits":      {session.Filter{Query: "a"}, "ba"},
		"more digits":       {session.Filter{Query: "AB00"}, "b"},
		"the whole id":      {session.Filter{Query: "c0000000-0000-4000-8000-000000000000"}, "c"},
		"part of a reason":  {session.Filter{Query: "OF NOTHING"}, "d"},
		"percent is a sign": {session.Filter{Query: "0% of"}, "d"},
		"so is underscore":  {session.Filter{Query: "g_i"}, "d"},
		"name":              {session.Filter{Query: name}, "eb"},
		"part of a name":    {session.Filter{Query: "orders"}, ""},
		"name of a deleted": {session.Filter{Query: gone}, ""},
		"all at once":       {session.Filter{Type: new(session.ManualBatch), Creator: &session.Creator{User: 7}, Instance: &b.instances[0], Query: "ab"}, "b"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for _, o := range []session.Order{{}, {By: session.ByStart, Descending: true}} {
				if got := b.listed(t, test.filter, o, 2); got != test.want {
					t.Errorf("%+v: %q, want %q", o, got, test.want)
				}
			}
			want := []rune(test.want)
			slices.Reverse(want)
			if got := b.listed(t, test.filter, session.Order{By: session.ByStart}, 2); got != string(want) {
				t.Errorf("oldest first: %q, want %q", got, string(want))
			}
		})
	}
}

func TestSessionsAreSorted(t *testing.T) {
	t.Parallel()
	b := newList(t)
	for _, test := range []struct {
		by       session.SortKey
		up, down string // a, b, c, d, e were started in this order
	}{
		{session.ByStart, "abcde", "edcba"},
		{session.ByDuration, "dbace", "cabde"}, // e runs: last in both
		{session.ByTotal, "dceab", "baecd"},
		{session.ByFailed, "dacb", "bcad"},
	} {
		for _, limit := range []int{1, 2, 100} {
			up := b.listed(t, session.Filter{}, session.Order{By: test.by}, limit)
			down := b.listed(t, session.Filter{}, session.Order{By: test.by, Descending: true}, limit)
			if test.by == session.ByFailed { // three have none: in the order of their rows
				continue
			}
			if up != test.up || down != test.down {
				t.Errorf("by %s, pages of %d: %s and %s, want %s and %s", test.by, limit, up, down, test.up, test.down)
			}
		}
	}
	down := b.listed(t, session.Filter{}, session.Order{By: session.ByFailed, Descending: true}, 2)
	up := []rune(b.listed(t, session.Filter{}, session.Order{By: session.ByFailed}, 2))
	slices.Reverse(up)
	if down[:2] != "bc" || len(down) != 5 || string(up) != down {
		t.Errorf("by failures %s, turned round %s", down, string(up))
	}
}

func TestSessionsRefuseASpanThatEndsFirst(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	f := session.Filter{From: at(t, "2026-11-03T00:00:00Z"), To: at(t, "2026-11-02T00:00:00Z")}
	if _, _, err := b.Sessions(t.Context(), f, session.Page{Limit: 1}); len(invalid.All(err)) != 1 {
		t.Errorf("error %v", err)
	}
	// A made up place is any page, never a fault of ours.
	for _, number := range []int64{-1 << 63, 1<<63 - 1} {
		for _, o := range []session.Order{{}, {By: session.ByTotal}, {By: session.ByStart}} {
			if _, _, err := b.Sessions(t.Context(), session.Filter{}, session.Page{Order: o, Limit: 1, After: session.Place{ID: 1, Number: &number}}); err != nil {
				t.Errorf("%d: %v", number, err)
			}
		}
	}
}

func TestStatisticsSumSessionsUp(t *testing.T) {
	t.Parallel()
	b := newList(t)
	now := *at(t, "2026-11-06T00:00:00Z")
	s, err := b.Statistics(t.Context(), session.Filter{From: at(t, "2026-10-31T00:00:00Z")}, now)
	if err != nil {
		t.Fatal(err)
	}
	all := s.All
	if all.Sessions != 5 || all.Ended != 4 || all.Succeeded != 2 || all.Total != 34 || all.Counts.Completed != 28 || all.Counts.Failed != 6 {
		t.Errorf("all = %+v", all)
	}
	if *all.P50 != 30*time.Second || *all.P95 != 90*time.Second || *all.Max != 90*time.Second || all.Busy != 180*time.Second {
		t.Errorf("durations p50 %s, p95 %s, max %s of %s", *all.P50, *all.P95, *all.Max, all.Busy)
	}
	if rate, speed := all.SuccessRate(), all.PerSecond(); *rate != 0.5 || *speed != 34.0/180 {
		t.Errorf("success %v, speed %v", *rate, *speed)
	}
	counts := func(all map[string]session.Figures) map[string]int {
		out := map[string]int{}
		for word, f := range all {
			out[word] = f.Sessions
		}
		return out
	}
	if diff := cmp.Diff(map[string]int{"completed": 2, "failed": 2, "running": 1}, counts(plain(s.Statuses))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"succeeded": 2, "failed": 1, "partial": 1}, counts(plain(s.Results))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"scheduled": 2, "manual_batch": 2, "manual_single": 1}, counts(plain(s.Types))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"account": 4, "capacity": 1}, counts(plain(s.Category))); diff != "" {
		t.Error(diff)
	}
	if len(s.Days) != 6 || s.Days[0].Date != "2026-10-31" || s.Days[0].Sessions != 0 || s.Days[1].Sessions != 1 || s.Days[1].P50 == nil {
		t.Errorf("days = %+v", s.Days)
	}
	none, err := b.Statistics(t.Context(), session.Filter{Category: new(session.Config)}, now)
	if err != nil || none.All.Sessions != 0 || none.All.SuccessRate() != nil || none.All.PerSecond() != nil || none.All.P50 != nil || len(none.Days) != 30 {
		t.Errorf("of nothing: %+v, %v", none.All, err)
	}
}

func plain[W ~string](all map[W]session.Figures) map[string]session.Figures {
	out := map[string]session.Figures{}
	for word, f := range all {
		out[string(word)] = f
	}
	return out
}

func TestStatisticsCountDaysOfTheSettingsZone(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	l := &listBundle{fleetBundle: b, names: map[session.ID]string{}}
	b.sql(t, `INSERT INTO settings (key, value, updated_by) VALUES ('time_zone', '"Europe/Berlin"', 0)`)
	// The night in which the clock is put back, at both ends of its 25 hours.
	for i, started := range []string{
		"2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z",
	} {
		l.add(t, started, listedSession{
			id: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), kind: session.Scheduled, category: session.Account,
			status: session.Completed, result: session.Succeeded, started: started,
		})
	}
	s, err := b.Statistics(t.Context(), session.Filter{From: at(t, "2026-10-24T00:00:00Z"), To: at(t, "2026-10-26T00:00:00Z")}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, d := range s.Days {
		got[d.Date] = d.Sessions
	}
	if diff := cmp.Diff(map[string]int{"2026-10-24": 1, "2026-10-25": 4, "2026-10-26": 1}, got); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
}
