package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/user"
)

type storedSchedule struct {
	ID       int64
	Name     string
	Cron     string
	TimeZone string `json:"time_zone"`
	Overlap  string
	CatchUp  string `json:"catch_up"`
	Attempts *int   `json:"max_attempts"`
	Paused   bool
	NextFire *time.Time `json:"next_fire_at"`
	Selector struct{ IDs []int64 }
}

type storedFire struct {
	Outcome, Trigger, Reason string
	FireTime                 string  `json:"fire_time"`
	SessionID                *string `json:"session_id"`
	CreatedBy                *int64  `json:"created_by"`
}

// scheduled adds an instance and a schedule of it.
func (b *bundle) scheduled(t *testing.T, extra string) (s storedSchedule, path string) {
	t.Helper()
	var in stored
	b.must(t, 201, "POST", "/instances", fmt.Sprintf(`{"name":"orders-1","engine":"postgresql","host":"10.0.0.7","credential_id":%d}`, b.credential(t).ID), &in)
	b.must(t, 201, "POST", "/schedules", fmt.Sprintf(
		`{"name":"nightly","cron":"0 2 * * *","category":"account","selector":{"ids":[%d]}%s}`, in.ID, extra), &s)
	return s, fmt.Sprintf("/schedules/%d", s.ID)
}

func TestScheduleFromAdditionToRemoval(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.must(t, 200, "PUT", "/settings/time_zone", `{"value":"Europe/Berlin"}`, nil)
	s, path := b.scheduled(t, `,"max_attempts":5`)
	if s.TimeZone != "Europe/Berlin" || s.Overlap != "skip" || s.CatchUp != "skip" || *s.Attempts != 5 || s.Paused || s.NextFire == nil || len(s.Selector.IDs) != 1 {
		t.Errorf("added %+v", s)
	}
	if a := b.must(t, 200, "GET", path, "", nil); !strings.Contains(a.body, `"next_fire_at":"`) || !strings.Contains(a.body, `Z"`) {
		t.Errorf("shown %s", a.body)
	}
	b.must(t, 200, "PATCH", path, `{"cron":"0 0 1 1 *","time_zone":"UTC","max_attempts":0,"overlap":"queue","catch_up":"once","selector":{"all":true}}`, &s)
	if s.Attempts != nil || s.Overlap != "queue" || s.CatchUp != "once" || s.NextFire.YearDay() != 1 {
		t.Errorf("changed %+v", s)
	}
	b.must(t, 200, "POST", path+"/pause", "", &s)
	if !s.Paused || s.NextFire != nil {
		t.Errorf("paused %+v", s)
	}
	var next struct {
		Paused   bool
		TimeZone string `json:"time_zone"`
		Items    []string
	}
	b.must(t, 200, "GET", path+"/next?count=3", "", &next)
	if !next.Paused || len(next.Items) != 3 || !strings.HasSuffix(next.Items[2], "-01-01T00:00:00Z") {
		t.Errorf("next %+v", next)
	}
	b.must(t, 200, "GET", path+"/next", "", &next)
	if len(next.Items) != 10 {
		t.Errorf("%d next times", len(next.Items))
	}
	b.must(t, 200, "POST", path+"/resume", "", &s)
	if s.Paused || s.NextFire == nil {
		t.Errorf("resumed %+v", s)
	}
	var page struct{ Items []storedSchedule }
	b.must(t, 200, "GET", "/schedules?name=NIGHT", "", &page)
	if len(page.Items) != 1 {
		t.Errorf("listed %+v", page)
	}
	b.must(t, 204, "DELETE", path, "", nil)
	for _, call := range []string{"GET ", "DELETE ", "POST /pause", "POST /resume", "POST /run", "GET /fires", "GET /next"} {
		method, below, _ := strings.Cut(call, " ")
		if a := b.must(t, 404, method, path+below, "", nil); a.problem.Code != "schedule_not_found" {
			t.Errorf("%s: %s", call, a.body)
		}
	}
}

func TestScheduleThatIsRefusedNamesItsField(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	_, path := b.scheduled(t, "")
	for body, want := range map[string]string{
		`{"name":"x","cron":"0 25 * * *","category":"account","selector":{"all":true}}`:                           "invalid_value cron",
		`{"name":"x","cron":"@daily","category":"account","selector":{"all":true}}`:                               "invalid_value cron",
		`{"name":"x","cron":"0 0 30 2 *","category":"account","selector":{"all":true}}`:                           "invalid_value cron",
		`{"name":"x","cron":"0 2 * * *","time_zone":"Local","category":"account","selector":{"all":true}}`:        "invalid_value time_zone",
		`{"name":"x","cron":"0 2 * * *","category":"account","selector":{}}`:                                      "invalid_value selector",
		`{"name":"x","cron":"0 2 * * *","category":"account","selector":{"ids":[999]}}`:                           "invalid_value selector.ids",
		`{"name":"x","cron":"0 2 * * *","category":"account","selector":{"all":true},"overlap":"both"}`:           "invalid_value overlap",
		`{"name":"x","cron":"0 2 * * *","category":"config","selector":{"all":true}}`:                             "category_not_served ",
		`{"name":"x","cron":"0 2 * * *","category":"account","selector":{"engines":["oracle"]}}`:                  "category_not_served ",
		`{"name":"nightly","cron":"0 2 * * *","category":"account","selector":{"all":true}}`:                      "name_taken ",
		`{"name":"x","cron":"0 2 * * *","time_zone":"Nowhere/Land","category":"account","selector":{"all":true}}`: "invalid_value time_zone",
	} {
		a := b.do(t, request{role: user.Operator, method: "POST", path: "/schedules", body: body})
		if got := a.problem.Code + " " + a.problem.Field; got != want {
			t.Errorf("%s: %d %s, want %s", body, a.status, a.body, want)
		}
	}
	if a := b.must(t, 422, "PATCH", path, `{"cron":"* * *"}`, nil); a.problem.Field != "cron" {
		t.Errorf("changed: %s", a.body)
	}
	b.must(t, 400, "GET", path+"/next?count=101", "", nil)
	b.must(t, 400, "GET", path+"/fires?cursor=c2NoZWR1bGVzLjE", "", nil) // of another list
}

func TestRunningAScheduleFollowsItsOverlapPolicy(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	_, path := b.scheduled(t, `,"paused":true`)
	var f storedFire
	b.must(t, 201, "POST", path+"/run", "", &f)
	if f.Outcome != "started" || f.Trigger != "manual" || f.SessionID == nil || f.CreatedBy == nil {
		t.Errorf("run %+v", f)
	}
	if a := b.must(t, 409, "POST", path+"/run", "", nil); a.problem.Code != "schedule_running" {
		t.Errorf("again: %s", a.body)
	}
	b.must(t, 200, "PATCH", path, `{"overlap":"queue"}`, nil)
	b.must(t, 202, "POST", path+"/run", "", &f)
	if f.Outcome != "queued" || !strings.Contains(f.Reason, "has not ended") {
		t.Errorf("queued %+v", f)
	}
	if a := b.must(t, 409, "POST", path+"/run", "", nil); a.problem.Code != "schedule_waiting" {
		t.Errorf("a second: %s", a.body)
	}
	var page struct {
		Items []storedFire
		Next  *string `json:"next_cursor"`
	}
	b.must(t, 200, "GET", path+"/fires?limit=1", "", &page)
	if len(page.Items) != 1 || page.Items[0].Outcome != "queued" || page.Next == nil {
		t.Fatalf("history %+v", page)
	}
	b.must(t, 200, "GET", path+"/fires?limit=1&cursor="+*page.Next, "", &page)
	if len(page.Items) != 1 || page.Items[0].Outcome != "started" || page.Next != nil {
		t.Errorf("older %+v", page)
	}
	b.must(t, 200, "PATCH", "/instances/"+fmt.Sprint(one[int64](t, b, `SELECT id FROM instances`)), `{"active":false}`, nil)
	b.sql(t, `UPDATE sync_instance_records SET status = 'cancelled', completed_at = now()`)
	b.sql(t, `UPDATE sync_sessions SET status = 'completed', result = 'cancelled', completed_at = now(), cancelled_instances = 1`)
	b.sql(t, `UPDATE schedule_fires SET outcome = 'skipped' WHERE outcome = 'queued'`)
	if a := b.must(t, 422, "POST", path+"/run", "", nil); a.problem.Code != "empty_selection" {
		t.Errorf("of nothing: %s", a.body)
	}
}

func TestSessionNamesItsSchedule(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	if a := b.must(t, 200, "GET", "/sync-sessions/"+sessionID.String(), "", nil); !strings.Contains(a.body, `"schedule_id":4`) {
		t.Errorf("%s", a.body)
	}
}
