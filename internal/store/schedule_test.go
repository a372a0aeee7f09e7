package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
)

func TestScheduleFromCreationToRemoval(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	if err := b.SetSetting(t.Context(), "time_zone", []byte(`"Asia/Shanghai"`)); err != nil {
		t.Fatal(err)
	}
	s := b.nightly(t, func(s *schedule.Schedule) { s.TimeZone, s.MaxAttempts = "", 2 })
	if s.TimeZone != "Asia/Shanghai" || s.Overlap != schedule.OverlapSkip || s.CatchUp != schedule.CatchUpSkip || s.MaxAttempts != 2 {
		t.Errorf("created %+v", s)
	}
	if s.NextFire == nil || s.NextFire.UTC().Hour() != 18 || time.Until(*s.NextFire) > 24*time.Hour {
		t.Errorf("next fire %v", s.NextFire)
	}
	cron, zone, name := "30 5 1 * *", "UTC", "monthly"
	changed, err := b.UpdateSchedule(t.Context(), s.ID, schedule.Change{Cron: &cron, TimeZone: &zone, Name: &name})
	if err != nil || changed.Cron != cron || changed.NextFire.UTC().Day() != 1 || changed.Name != name || changed.MaxAttempts != 2 {
		t.Errorf("changed %+v, %v", changed, err)
	}
	list, next, err := b.Schedules(t.Context(), schedule.Filter{Name: "MONTH"}, 10, 0)
	if err != nil || len(list) != 1 || next != 0 {
		t.Errorf("listed %v, %d, %v", list, next, err)
	}
	if err := b.DeleteSchedule(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"show":   second(b.Schedule(t.Context(), s.ID)),
		"update": second(b.UpdateSchedule(t.Context(), s.ID, schedule.Change{Name: &name})),
		"pause":  second(b.PauseSchedule(t.Context(), s.ID)),
		"resume": second(b.ResumeSchedule(t.Context(), s.ID)),
		"delete": b.DeleteSchedule(t.Context(), s.ID),
		"run":    second(b.RunSchedule(t.Context(), s.ID, 1)),
	} {
		if !errors.Is(err, schedule.ErrNotFound) {
			t.Errorf("%s of a removed one: %v", name, err)
		}
	}
	b.nightly(t, func(s *schedule.Schedule) { s.Name = "monthly" }) // the name is free again
	if got := strings.Join(values[string](t, b.pool, `SELECT action FROM audit_events WHERE object_type = 'schedule' ORDER BY id`), " "); got != "schedule.create schedule.update schedule.delete schedule.create" {
		t.Errorf("audited %s", got)
	}
	const want = `{"cron": {"new": "30 5 1 * *", "old": "0 2 * * *"}, "name": {"new": "monthly", "old": "nightly"}, ` +
		`"time_zone": {"new": "UTC", "old": "Asia/Shanghai"}}`
	if got := value[string](t, b.pool, `SELECT detail::text FROM audit_events WHERE action = 'schedule.update'`); got != want {
		t.Errorf("the change is audited as %s", got)
	}
	if got := value[string](t, b.pool, `SELECT detail->>'name' FROM audit_events WHERE action = 'schedule.delete'`); got != "monthly" {
		t.Errorf("the removal names %q", got)
	}
}

func second[T any](_ T, err error) error { return err }

func TestScheduleIsRefused(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	b.nightly(t, nil)
	inactive := b.instances(t, 1)[0]
	b.sql(t, `UPDATE instances SET active = false WHERE id = $1`, inactive)
	for name, tt := range map[string]struct {
		change func(*schedule.Schedule)
		want   error
		field  string
	}{
		"name taken":       {func(*schedule.Schedule) {}, schedule.ErrNameTaken, ""},
		"cron":             {func(s *schedule.Schedule) { s.Cron = "0 0 30 2 *" }, nil, "cron"},
		"zone":             {func(s *schedule.Schedule) { s.TimeZone = "Local" }, nil, "time_zone"},
		"nobody serves it": {func(s *schedule.Schedule) { s.Category = session.Config }, session.ErrNotServed, ""},
		"engine":           {func(s *schedule.Schedule) { s.Selector.Engines = []fleet.Engine{fleet.Oracle} }, session.ErrNotServed, ""},
		"unknown instance": {func(s *schedule.Schedule) { s.Selector.IDs = append(s.Selector.IDs, 99) }, nil, "selector.ids"},
	} {
		in := schedule.Schedule{Name: "nightly", Cron: "0 2 * * *", TimeZone: "UTC", Category: session.Account, Selector: session.Selector{IDs: []fleet.InstanceID{b.target, inactive}}}
		tt.change(&in)
		_, err := b.CreateSchedule(t.Context(), in, false)
		faults := invalid.All(err)
		if tt.want != nil && !errors.Is(err, tt.want) || tt.field != "" && (len(faults) != 1 || faults[0].Field != tt.field) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := b.nightly(t, func(s *schedule.Schedule) { s.Name = "other" })
	name, cron, category := "nightly", "x", session.Config
	for change, want := range map[string]error{
		"name":     second(b.UpdateSchedule(t.Context(), other.ID, schedule.Change{Name: &name})),
		"cron":     second(b.UpdateSchedule(t.Context(), other.ID, schedule.Change{Cron: &cron})),
		"category": second(b.UpdateSchedule(t.Context(), other.ID, schedule.Change{Category: &category})),
	} {
		if want == nil {
			t.Errorf("%s was changed", change)
		}
	}
}

func TestSchedulesArePaged(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	for _, name := range []string{"a", "b", "c"} {
		b.nightly(t, func(s *schedule.Schedule) { s.Name = name })
	}
	first, next, err := b.Schedules(t.Context(), schedule.Filter{}, 2, 0)
	if err != nil || len(first) != 2 || next != first[1].ID {
		t.Fatalf("%v %d %v", first, next, err)
	}
	rest, next, err := b.Schedules(t.Context(), schedule.Filter{}, 2, next)
	if err != nil || len(rest) != 1 || next != 0 || rest[0].Name != "c" {
		t.Errorf("%v %d %v", rest, next, err)
	}
	s := first[0]
	for range 3 {
		b.fireDue(t, s, schedule.Started)
		b.end(t, value[session.ID](t, b.pool, `SELECT session_id FROM sync_sessions WHERE completed_at IS NULL`))
	}
	fires, older, err := b.Fires(t.Context(), s.ID, 2, 0)
	if err != nil || len(fires) != 2 || older != fires[1].ID || fires[0].ID < fires[1].ID {
		t.Fatalf("%v %d %v", fires, older, err)
	}
	fires, older, err = b.Fires(t.Context(), s.ID, 2, older)
	if err != nil || len(fires) != 1 || older != 0 {
		t.Errorf("%v %d %v", fires, older, err)
	}
}

func TestNextFiresAlsoOfAPausedSchedule(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, func(s *schedule.Schedule) { s.TimeZone = "Europe/Berlin" })
	if _, err := b.PauseSchedule(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	one, times, err := b.NextFires(t.Context(), s.ID, 100)
	if err != nil || len(times) != 100 || !times[0].Equal(*s.NextFire) || one.TimeZone != "Europe/Berlin" {
		t.Errorf("%v %v", times, err)
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	b := newSchedules(t)
	s := b.nightly(t, func(s *schedule.Schedule) { s.Cron = "* * * * *" })
	for range 2 { // a second time changes nothing
		paused, err := b.PauseSchedule(t.Context(), s.ID)
		if err != nil || paused.PausedAt == nil || paused.NextFire != nil {
			t.Fatalf("paused %+v, %v", paused, err)
		}
	}
	b.sql(t, `UPDATE schedules SET paused_at = now() - interval '1 day'`)
	cron := "*/2 * * * *"
	if changed, err := b.UpdateSchedule(t.Context(), s.ID, schedule.Change{Cron: &cron}); err != nil || changed.NextFire != nil {
		t.Fatalf("changed while paused: %+v, %v", changed, err)
	}
	if done, err := b.FireDue(t.Context(), nil); err != nil || done.Schedule != 0 {
		t.Fatalf("a paused one fired: %+v, %v", done, err)
	}
	for range 2 {
		resumed, err := b.ResumeSchedule(t.Context(), s.ID)
		if err != nil || resumed.PausedAt != nil || resumed.NextFire == nil || time.Until(*resumed.NextFire) > 2*time.Minute {
			t.Fatalf("resumed %+v, %v", resumed, err)
		}
	}
	if got := b.outcomes(t, s.ID); got != "" {
		t.Errorf("history of a pause: %s", got)
	}
	if n := value[int](t, b.pool, `SELECT count(*) FROM audit_events WHERE action IN ('schedule.pause', 'schedule.resume')`); n != 2 {
		t.Errorf("%d events", n)
	}
}

// What was due and not fired when somebody changes the schedule is in its
// history.
func TestWhatWasDueBeforeAChangeIsMissed(t *testing.T) {
	t.Parallel()
	cron := "0 5 * * *"
	for name, change := range map[string]func(*scheduleBundle, schedule.ID) error{
		"pause": func(b *scheduleBundle, id schedule.ID) error { return second(b.PauseSchedule(t.Context(), id)) },
		"cron": func(b *scheduleBundle, id schedule.ID) error {
			return second(b.UpdateSchedule(t.Context(), id, schedule.Change{Cron: &cron}))
		},
		"remove": func(b *scheduleBundle, id schedule.ID) error { return b.DeleteSchedule(t.Context(), id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSchedules(t)
			s := b.nightly(t, func(s *schedule.Schedule) { s.Cron, s.CatchUp = "* * * * *", schedule.CatchUpOnce })
			b.dueSince(t, s, 150*time.Second)
			if err := change(b, s.ID); err != nil {
				t.Fatal(err)
			}
			missed := values[string](t, b.pool, `SELECT reason FROM schedule_fires WHERE outcome = 'missed'`)
			if len(missed) < 3 || !strings.Contains(missed[0], "before it fired") {
				t.Errorf("missed %q", missed)
			}
			if n := value[int](t, b.pool, `SELECT count(*) FROM schedule_fires WHERE outcome <> 'missed'`); n != 0 {
				t.Errorf("%d other lines", n)
			}
		})
	}
}
