package cli

import (
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/client"
)

func TestRefusedScheduleNamesTheFlag(t *testing.T) {
	t.Parallel()
	for field, flag := range map[string]string{"cron": "--cron", "time_zone": "--time-zone", "catch_up": "--catch-up"} {
		refused := problem(422, "invalid_value", field+": is wrong", client.FieldError{Field: field, Reason: "is wrong"})
		b := &bench{api: serve(t, routes{"POST /schedules": refused, "PATCH /schedules/{id}": refused})}
		got := b.run(t, "schedule", "add", "x", "--cron", "* * *", "--all")
		got.want(t, 2)
		got.wantErr(t, flag+": is wrong")
		got = b.run(t, "schedule", "update", "4", "--cron", "* * *")
		got.want(t, 2)
		got.wantErr(t, flag+": is wrong")
	}
}

func TestScheduleByName(t *testing.T) {
	t.Parallel()
	similar := sampleSchedule()
	similar.Id, similar.Name = 5, "nightly-2"
	b := &bench{api: serve(t, routes{"GET /schedules": page(similar, sampleSchedule()), "POST /schedules/{id}/pause": answerJSON(200, pausedSchedule())})}
	b.run(t, "schedule", "pause", "nightly").want(t, 0)
	if route := b.api.last().route; route != "POST /schedules/4/pause" {
		t.Errorf("asked %s", route)
	}
	got := b.run(t, "schedule", "pause", "night")
	got.want(t, 2)
	got.wantErr(t, `no schedule is named "night"`)
}

func TestHistoryTellsWhatWasMissed(t *testing.T) {
	t.Parallel()
	from := sampleTime.AddDate(0, 0, -3)
	sum := client.ScheduleFire{
		Id: 1, FireTime: sampleTime, Trigger: client.ScheduleFireTriggerCron, Outcome: client.ScheduleFireOutcomeMissed,
		Reason: "not fired in time", MissedFrom: &from, MissedCount: 4321,
	}
	b := &bench{api: serve(t, routes{"GET /schedules/{id}": answerJSON(200, sampleSchedule()), "GET /schedules/{id}/fires": page(waitingFire(), sum)})}
	b.run(t, "schedule", "history", "4").want(t, 0,
		"missed (4,321 times)", "not fired in time, since 2026-11-18 02:00:00+01:00", "queued", "user 7", "session x has not ended")
}

func TestScheduleThatHasNotFiredSaysSo(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"GET /schedules/{id}": answerJSON(200, pausedSchedule()), "GET /schedules/{id}/fires": page[client.ScheduleFire]()})}
	b.run(t, "schedule", "show", "4").want(t, 0, "It has not fired yet.", "since 2026-11-21 02:00:00+01:00")
}

func TestNextTimesOfAPausedScheduleSayThatItIs(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"GET /schedules/{id}/next": answerJSON(200, client.NextFires{ScheduleId: 4, TimeZone: "UTC", Paused: true})})}
	got := b.run(t, "schedule", "next", "4")
	got.want(t, 0)
	got.wantErr(t, "paused")
}

// It was accepted: a script must not ask again.
func TestRunThatWaitsIsAccepted(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"POST /schedules/{id}/run": answerJSON(202, waitingFire())})}
	for _, args := range []string{"schedule run 4", "schedule run 4 --watch"} {
		b.run(t, strings.Fields(args)...).want(t, 0, "The run waits: ", "session x has not ended", "dbfleet schedule history 4")
		b.run(t, append(strings.Fields(args), "--json")...).want(t, 0, `"outcome":"queued"`)
	}
}
