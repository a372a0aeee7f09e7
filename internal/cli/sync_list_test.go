package cli

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/client"
)

// asks runs a command and returns the query of its last request.
func asks(t *testing.T, b *bench, args ...string) url.Values {
	t.Helper()
	b.run(t, args...).want(t, 0)
	query, err := url.ParseQuery(b.api.last().query)
	if err != nil {
		t.Fatal(err)
	}
	return query
}

func TestSyncListAsksForWhatTheFlagsSay(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"GET /sync-sessions": page(running(1, 2)), "GET /instances": page(sampleInstance())})}
	got := asks(t, b, "sync", "list", "--category", "account", "--status", "failed", "--type", "scheduled", "--result", "partial",
		"--created-by", "schedule", "--instance", "orders-1", "--schedule", "3", "--from", "2026-11-01", "--to", "2026-11-21T08:00:00+08:00",
		"--search", "6f2c", "--sort", "duration", "--order", "asc", "--limit", "7")
	for name, want := range map[string]string{
		"category": "account", "status": "failed", "type": "scheduled", "result": "partial", "created_by": "schedule", "instance_id": "12", "schedule_id": "3",
		"q": "6f2c", "sort": "duration", "order": "asc", "limit": "7",
	} {
		if got.Get(name) != want {
			t.Errorf("%s=%s, want %s", name, got.Get(name), want)
		}
	}
	for name, want := range map[string]string{"from": "2026-11-01T00:00:00Z", "to": "2026-11-21T00:00:00Z"} {
		at, err := time.Parse(time.RFC3339, got.Get(name))
		if err != nil || at.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s=%s, want %s", name, got.Get(name), want)
		}
	}
	if got := asks(t, b, "sync", "list"); len(got) != 1 || got.Get("limit") != "100" {
		t.Errorf("without flags it asks for %v", got)
	}
	if got := asks(t, b, "sync", "list", "--from", "7d"); got.Get("from") != "2026-11-14T01:00:00Z" {
		t.Errorf("a week ago is %s", got.Get("from"))
	}
	for _, bad := range []string{"yesterday", "2026-02-30", "-7d", "never"} {
		got := b.run(t, "sync", "list", "--from="+bad)
		got.want(t, 2)
		got.wantErr(t, "--from", "2026-11-21")
	}
}

func TestSyncRecordsAsksForWhatTheFlagsSay(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"GET /sync-sessions/{id}/records": page(sampleRecord())})}
	got := asks(t, b, "sync", "records", sampleSession, "--status", "failed,cancelled", "--code", "auth_failed",
		"--fingerprint", "4be0a6d1f02c9e77", "--search", "orders", "--sort", "duration", "--order", "desc")
	for name, want := range map[string]string{
		"status": "failed,cancelled", "code": "auth_failed", "fingerprint": "4be0a6d1f02c9e77", "q": "orders", "sort": "duration", "order": "desc",
	} {
		if got.Get(name) != want {
			t.Errorf("%s=%s, want %s", name, got.Get(name), want)
		}
	}
}

func TestSyncListTakesTheNameOfACreator(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"GET /users": page(sampleUser()), "GET /sync-sessions": page(succeeded())})}
	for creator, want := range map[string]string{"alice": "7", "12": "12", "system": "system", "schedule": "schedule"} {
		b.run(t, "sync", "list", "--created-by", creator).want(t, 0)
		if got := b.api.last().query; !strings.Contains(got, "created_by="+want) {
			t.Errorf("%s: asked for %s", creator, got)
		}
	}
	got := b.run(t, "sync", "list", "--created-by", "bob")
	got.want(t, 2)
	got.wantErr(t, `no user is named "bob"`)
}

func TestSyncRecordsSayWhyTheyWait(t *testing.T) {
	t.Parallel()
	other, later := sampleID, sampleTime.Add(90*time.Second)
	for name, tt := range map[string]struct {
		waiting client.Waiting
		failed  bool
		want    string
	}{
		"turn":          {client.Waiting{Reason: client.WaitingReasonReady}, false, " -\n"},
		"worker":        {client.Waiting{Reason: client.WaitingReasonNoWorker}, false, "no worker serves it\n"},
		"later":         {client.Waiting{Reason: client.WaitingReasonDueLater, Until: &later}, true, "due in 1m30s; before: auth_failed at login"},
		"other session": {client.Waiting{Reason: client.WaitingReasonOtherSession, SessionId: &other}, false, "session " + sampleSession + " reads it"},
		"host":          {client.Waiting{Reason: client.WaitingReasonHostLimit}, false, "its host is busy"},
		"credential":    {client.Waiting{Reason: client.WaitingReasonCredentialUnproven}, false, "waits for the first login with its credential"},
		"new reason":    {client.Waiting{Reason: "moon_phase"}, false, "moon_phase"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sampleRecord()
			r.Status, r.Waiting = client.RecordStatusPending, &tt.waiting
			if !tt.failed {
				r.Fault = nil
			}
			b := &bench{api: serve(t, routes{"GET /sync-sessions/{id}/records": page(r)})}
			b.run(t, "sync", "records", sampleSession).want(t, 0, tt.want)
			b.run(t, "sync", "show", sampleSession, "--records").want(t, 0, tt.want)
		})
	}
}

func TestSyncErrorsShowsKinds(t *testing.T) {
	t.Parallel()
	kinds := client.ErrorKindList{Items: []client.ErrorKind{{
		Fingerprint: "4be0a6d1f02c9e77", Code: "connect_timeout", Phase: "connect", Message: "dial tcp <address>: over <duration>", Count: 42,
		Samples: []client.ErrorSample{{RecordId: 1, InstanceId: 12, InstanceName: "orders-\x1b7", Message: "dial tcp 10.1.2.3:5432: over 10s"}},
	}}}
	b := &bench{api: serve(t, routes{"GET /sync-sessions/{id}/errors": answerJSON(200, kinds)})}
	b.run(t, "sync", "errors", sampleSession).want(t, 0, "4be0a6d1f02c9e77  42     connect_timeout", `orders-\u001B7`, "dial tcp <address>: over <duration>")
	narrow := &bench{api: b.api, width: 60}
	for line := range strings.Lines(narrow.run(t, "sync", "errors", sampleSession).out) {
		if columns(strings.TrimSuffix(line, "\n")) > 60 {
			t.Errorf("too wide: %q", line)
		}
	}
	b.run(t, "sync", "errors", sampleSession, "--json").want(t, 0, `"fingerprint":"4be0a6d1f02c9e77"`)
	none := &bench{api: serve(t, routes{"GET /sync-sessions/{id}/errors": answerJSON(200, client.ErrorKindList{})})}
	if got := none.run(t, "sync", "errors", sampleSession); got.code != 0 || got.err != "Nothing found.\n" {
		t.Errorf("%+v", got)
	}
}

func TestSyncStatsShowsSums(t *testing.T) {
	t.Parallel()
	rate, speed, took := 0.5, 41.72, int64(90_000)
	figures := client.Figures{
		Sessions: 30, Ended: 28, Succeeded: 14, SuccessRate: &rate, Records: 3000, Completed: 2890, Failed: 10, ReadRate: &rate,
		RecordsPerSecond: &speed, DurationsMs: client.Durations{P50: &took, P95: &took, Max: &took},
	}
	sums := client.SyncStatistics{
		From: sampleTime.Add(-24 * time.Hour), To: sampleTime, TimeZone: "Asia/Shanghai", Total: figures,
		ByCategory: client.FiguresByWord{"account": figures}, ByStatus: client.FiguresByWord{"completed": {Sessions: 28}},
		ByDay: []client.DayFigures{{Date: "2026-11-20"}, {Date: "2026-11-21", Figures: figures}},
	}
	b := &bench{api: serve(t, routes{"GET /sync-sessions/statistics": answerJSON(200, sums)})}
	got := b.run(t, "sync", "stats", "--from", "1d", "--category", "account")
	got.want(t, 0, "30, 28 ended, 14 succeeded (50.0 %)", "2890 completed, 10 failed, 0 cancelled, 0 skipped (50.0 % read)",
		"half below 1m30s", "41.7 instances/s", "category  account    30", "completed  28     0          -", "DAY (Asia/Shanghai)", "2026-11-21")
	if strings.Contains(got.out, "2026-11-20 ") && strings.Contains(got.out, "\n2026-11-20") {
		t.Errorf("a day without syncs has a row:\n%s", got.out)
	}
	if q := b.api.last().query; !strings.Contains(q, "category=account") || !strings.Contains(q, "from=2026-11-20") {
		t.Errorf("asked for %s", q)
	}
	b.run(t, "sync", "stats", "--json").want(t, 0, `"time_zone":"Asia/Shanghai"`)
	empty := &bench{api: serve(t, routes{"GET /sync-sessions/statistics": answerJSON(200, client.SyncStatistics{From: sampleTime, To: sampleTime})})}
	empty.run(t, "sync", "stats").want(t, 0, "0, 0 ended, 0 succeeded (-)")
}

func TestRetrySendsWhatTheFlagsSay(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"POST /sync-sessions/{id}/retry": answerJSON(201, running(0, 1))})}
	for flags, want := range map[string]string{
		"":                               `{}`,
		"--scope cancelled":              `{"scope":"cancelled"}`,
		"--code tls_failed":              `{"code":"tls_failed"}`,
		"--status failed,skipped":        `{"status":["failed","skipped"]}`,
		"--fingerprint 4be0a6d1f02c9e77": `{"fingerprint":"4be0a6d1f02c9e77"}`,
	} {
		b.run(t, append([]string{"sync", "retry", sampleSession}, strings.Fields(flags)...)...).want(t, 0)
		if got := b.api.last().body; got != want {
			t.Errorf("%s sends %s, want %s", flags, got, want)
		}
	}
	none := &bench{api: serve(t, routes{"POST /sync-sessions/{id}/retry": problem(422, "empty_selection", "No active instance is selected")})}
	refused := none.run(t, "sync", "retry", sampleSession)
	refused.want(t, 2)
	refused.wantErr(t, "nothing to retry")
	got := b.run(t, "sync", "retry", sampleSession, "--scope", "failed", "--status", "skipped")
	got.want(t, 2)
	got.wantErr(t, "--status stands for --scope")
}
