package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/schedule"
	"github.com/dbfleet/dbfleet/internal/session"
)

// fires returns the history of the only schedule, oldest first.
func (c *cluster) fires(ctx context.Context) []schedule.Fire {
	c.t.Helper()
	list, _, err := c.store.Fires(ctx, 1, 100, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := range len(list) / 2 {
		list[i], list[len(list)-1-i] = list[len(list)-1-i], list[i]
	}
	return list
}

// A schedule with two schedulers, from the command line to the accounts: a time
// fires once, and after a stop over several times the history says which were
// missed.
func TestScheduleFiresOnceAndTellsWhatAStopMissed(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.addInstances(3, "pg", "127.0.0.1", c.target.Port(), c.addCredential("targets", targetPassword), "")
	api := c.start("api")
	c.start("worker")
	schedulers := []*process{c.start("scheduler"), c.start("scheduler")}
	env := []string{"DBFLEET_API_URL=http://" + api.addr("api listening"), "DBFLEET_TOKEN=" + c.token("operator")}
	run := func(args ...string) string {
		t.Helper()
		code, out := c.dbfleetEnv("", env, args...)
		if code != 0 {
			t.Fatalf("dbfleet %v exited with %d: %s", args, code, out)
		}
		return out
	}
	// Half a day away, in a zone that has every hour on every day: no time comes
	// by itself meanwhile, and each of the last days had one.
	zone := time.FixedZone("Asia/Shanghai", 8*60*60)
	hour := time.Now().In(zone).Add(12 * time.Hour).Hour()
	run("schedule", "add", "nightly", "--cron", fmt.Sprintf("0 %d * * *", hour), "--time-zone", zone.String(), "--all", "--catch-up", "once")
	run("schedule", "run", "nightly", "--watch")

	const late = "UPDATE schedules SET next_fire_at = next_fire_at - $1::interval"
	if _, err := c.pool.Exec(t.Context(), "UPDATE schedules SET next_fire_at = now()"); err != nil {
		t.Fatal(err)
	}
	fired := func(n int) func(context.Context) bool {
		return func(ctx context.Context) bool { return len(c.fires(ctx)) >= n }
	}
	c.await("schedule to fire", sessionLimit, fired(2))
	got := c.fires(t.Context())[1]
	if late := got.CreatedAt.Sub(got.Time) > schedule.Grace; got.Outcome != schedule.Started || got.Late != late {
		t.Fatalf("fire %+v", got)
	}
	if s := c.awaitEnd(*got.Session, sessionLimit); s.Type != session.Scheduled || s.Result != session.Succeeded || s.Counts.Completed != 3 || s.CreatedBy != nil {
		t.Errorf("session %+v", s)
	}

	for _, p := range schedulers {
		p.kill()
	}
	if _, err := c.pool.Exec(t.Context(), late, 72*time.Hour); err != nil {
		t.Fatal(err)
	}
	c.start("scheduler")
	c.start("scheduler")
	c.await("history of the stop", sessionLimit, fired(5))
	list := c.fires(t.Context())[2:]
	for i, f := range list {
		if missed := i < len(list)-1; missed != (f.Outcome == schedule.Missed) || !missed && (f.Outcome != schedule.Started || !f.Late) {
			t.Errorf("line %d: %+v", i, f)
		}
	}
	if len(list) != 3 {
		t.Errorf("%d lines of three times", len(list))
	}
	c.awaitEnd(*list[len(list)-1].Session, sessionLimit)
	if out := run("schedule", "history", "nightly"); strings.Count(out, "missed") != 2 || !strings.Contains(out, "started (late)") {
		t.Errorf("history printed %s", out)
	}
	if out := run("schedule", "next", "nightly", "--count", "3"); strings.Count(out, fmt.Sprintf(" %02d:00:00+08", hour)) != 3 {
		t.Errorf("next printed %s", out)
	}
	if n := scan[int](c, "SELECT count(*) FROM sync_sessions WHERE schedule_id = 1"); n != 3 {
		t.Errorf("%d sessions", n)
	}
	if found, err := c.store.Violations(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("violations %v, %v", found, err)
	}
}
