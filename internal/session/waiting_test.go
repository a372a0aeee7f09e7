package session

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestWaitingNamesTheFirstObstacle(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)
	due, later, queued := now.Add(-time.Minute), now.Add(time.Minute), now.Add(-time.Second)
	other := uuid.New()
	ready := Obstacles{Status: RecordPending, DueAt: due, Now: now, Workers: 1, HostLimit: 4, Proven: true}
	for name, test := range map[string]struct {
		change func(*Obstacles)
		want   Waiting
	}{
		"nothing is in the way":          {func(*Obstacles) {}, Waiting{Reason: Ready, Since: due}},
		"due later":                      {func(o *Obstacles) { o.DueAt = later }, Waiting{Reason: DueLater, Since: later, Until: &later}},
		"no worker, also when due later": {func(o *Obstacles) { o.Workers, o.DueAt = 0, later }, Waiting{Reason: NoWorker, Since: later}},
		"read by another session":        {func(o *Obstacles) { o.Other, o.HostBusy = &other, 9 }, Waiting{Reason: OtherSession, Since: due, Session: &other}},
		"host is full":                   {func(o *Obstacles) { o.HostBusy = 4 }, Waiting{Reason: HostLimit, Since: due}},
		"host has one place":             {func(o *Obstacles) { o.HostBusy = 3 }, Waiting{Reason: Ready, Since: due}},
		"three logins are under way":     {func(o *Obstacles) { o.Proven, o.Logins = false, 3 }, Waiting{Reason: CredentialUnproven, Since: due}},
		"two logins are under way":       {func(o *Obstacles) { o.Proven, o.Logins = false, 2 }, Waiting{Reason: Ready, Since: due}},
		"proven, many logins":            {func(o *Obstacles) { o.Logins = 100 }, Waiting{Reason: Ready, Since: due}},
		"queued":                         {func(o *Obstacles) { o.Status, o.QueuedAt = RecordQueued, &queued }, Waiting{Reason: Ready, Since: queued}},
		"queued, its place is taken": {func(o *Obstacles) {
			o.Status, o.QueuedAt, o.HostBusy, o.Proven, o.Logins = RecordQueued, &queued, 9, false, 9
		}, Waiting{Reason: Ready, Since: queued}},
		"queued without a worker": {func(o *Obstacles) { o.Status, o.QueuedAt, o.Workers = RecordQueued, &queued, 0 }, Waiting{Reason: NoWorker, Since: queued}},
		"queued behind another":   {func(o *Obstacles) { o.Status, o.QueuedAt, o.Other = RecordQueued, &queued, &other }, Waiting{Reason: OtherSession, Since: queued, Session: &other}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := ready
			test.change(&o)
			got := o.Waiting()
			if got.Reason != test.want.Reason || !got.Since.Equal(test.want.Since) || (got.Until == nil) != (test.want.Until == nil) ||
				got.Until != nil && !got.Until.Equal(*test.want.Until) || got.Session != test.want.Session {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestLeftIsToldOnlyWhenItIsKnown(t *testing.T) {
	t.Parallel()
	second := func(n float64) *time.Duration { d := time.Duration(n * float64(time.Second)); return &d }
	for name, test := range map[string]struct {
		forecasts []Forecast
		running   int
		want      *time.Duration
	}{
		"nothing is open":             {nil, 4, nil},
		"nothing runs":                {[]Forecast{{Open: 10, Looked: 10, Known: 10, Mean: time.Second}}, 0, nil},
		"all are known":               {[]Forecast{{Open: 10, Looked: 10, Known: 10, Mean: time.Second}}, 4, second(2.5)},
		"a sample stands for all":     {[]Forecast{{Open: 1000, Looked: 10, Known: 10, Mean: time.Second}}, 10, second(100)},
		"four of five are enough":     {[]Forecast{{Open: 10, Looked: 10, Known: 8, Mean: time.Second}}, 5, second(2)},
		"three of five are too few":   {[]Forecast{{Open: 10, Looked: 10, Known: 6, Mean: time.Second}}, 5, nil},
		"of one state none are known": {[]Forecast{{Open: 90, Looked: 90, Known: 90, Mean: time.Second}, {Open: 1, Looked: 1}}, 5, nil},
		"states add up": {[]Forecast{
			{Open: 10, Looked: 10, Known: 10, Mean: time.Second}, {Open: 2, Looked: 2, Known: 2, Mean: 500 * time.Millisecond},
		}, 2, second(5.5)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Left(test.forecasts, test.running)
			if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
				t.Errorf("left %v, want %v", got, test.want)
			}
		})
	}
}

func TestRateLooksBackAMinute(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ended int
		age   time.Duration
		want  float64
	}{{120, time.Hour, 2}, {30, 15 * time.Second, 2}, {0, time.Hour, 0}} {
		if got := Rate(test.ended, test.age); got == nil || *got != test.want {
			t.Errorf("%d within %s: %v, want %v", test.ended, test.age, got, test.want)
		}
	}
	if got := Rate(5, 500*time.Millisecond); got != nil {
		t.Errorf("a session just born has the rate %v", *got)
	}
}
