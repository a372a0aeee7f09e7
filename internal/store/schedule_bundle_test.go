package store

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // as in the programs

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
)

// A scheduleBundle is a fleet of one instance, and the means to let times pass.
type scheduleBundle struct {
	*fleetBundle
	target fleet.InstanceID
}

func newSchedules(t testing.TB) *scheduleBundle {
	t.Helper()
	b := &scheduleBundle{fleetBundle: newFleet(t)}
	b.target = b.instances(t, 1)[0]
	return b
}

// nightly is due at 02:00 UTC; change changes it before it is stored.
func (b *scheduleBundle) nightly(t testing.TB, change func(*schedule.Schedule)) schedule.Schedule {
	t.Helper()
	in := schedule.Schedule{
		Name: "nightly", Cron: "0 2 * * *", TimeZone: "UTC", Category: session.Account,
		Selector: session.Selector{IDs: []fleet.InstanceID{b.target}},
	}
	if change != nil {
		change(&in)
	}
	made, err := b.CreateSchedule(t.Context(), in, false)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// dueSince makes a schedule due, as if nobody had fired it for so long, and
// returns the time that is due.
func (b *scheduleBundle) dueSince(t testing.TB, s schedule.Schedule, ago time.Duration) time.Time {
	t.Helper()
	return value[time.Time](t, b.pool, `UPDATE schedules SET next_fire_at = now() - $2::interval WHERE id = $1 RETURNING next_fire_at`, s.ID, ago)
}

// fire fires what is due and wants exactly one line with the outcome.
func (b *scheduleBundle) fire(t testing.TB, want schedule.Outcome) schedule.Fire {
	t.Helper()
	done, err := b.FireDue(t.Context(), nil)
	if err != nil || len(done.Fires) != 1 {
		t.Fatalf("fired %+v, %v", done, err)
	}
	if done.Fires[0].Outcome != want {
		t.Fatalf("fire is %+v, want %s", done.Fires[0], want)
	}
	return done.Fires[0]
}

// fireDue makes the schedule due now and fires it.
func (b *scheduleBundle) fireDue(t testing.TB, s schedule.Schedule, want schedule.Outcome) schedule.Fire {
	t.Helper()
	b.dueSince(t, s, 0)
	return b.fire(t, want)
}

// end cancels a session whose records wait, which ends it.
func (b *scheduleBundle) end(t testing.TB, id session.ID) {
	t.Helper()
	if _, err := b.CancelSession(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

// history returns the schedule's lines, oldest first.
func (b *scheduleBundle) history(t testing.TB, id schedule.ID) []schedule.Fire {
	t.Helper()
	rows := values[int64](t, b.pool, `SELECT id FROM schedule_fires WHERE schedule_id = $1 ORDER BY id`, id)
	list := make([]schedule.Fire, 0, len(rows))
	fires, _, err := b.Fires(t.Context(), id, 5000, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range fires {
		list = append(list, fires[len(fires)-1-i])
	}
	if len(list) != len(rows) {
		t.Fatalf("%d lines, %d rows", len(list), len(rows))
	}
	return list
}

// outcomes is the history in short.
func (b *scheduleBundle) outcomes(t testing.TB, id schedule.ID) string {
	t.Helper()
	var words []string
	for _, f := range b.history(t, id) {
		words = append(words, string(f.Outcome))
	}
	return strings.Join(words, " ")
}

func (b *scheduleBundle) schedule(t testing.TB, id schedule.ID) schedule.Schedule {
	t.Helper()
	s, err := b.Schedule(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sound fails the test when an invariant is broken.
func (b *scheduleBundle) sound(t testing.TB) {
	t.Helper()
	if found, err := b.Violations(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("violations %q, %v", found, err)
	}
}

// another is a second scheduler's store on a pool of its own.
func (b *scheduleBundle) another(t testing.TB) *Store {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), b.pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s := New(pool)
	s.Serves = b.Serves
	return s
}
