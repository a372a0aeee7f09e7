package cli

import (
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/client"
)

// stalled is a session of 9 in which nothing runs, with done of them ended.
func stalled(done int) client.SyncSession {
	s := running(done, 9)
	s.Counts.Running, s.Counts.Pending = 0, 9-done
	s.RatePerSecond, s.EtaSeconds = nil, nil
	return s
}

func repeat(n int, s client.SyncSession, then ...client.SyncSession) []client.SyncSession {
	all := make([]client.SyncSession, n, n+len(then))
	for i := range all {
		all[i] = s
	}
	return append(all, then...)
}

func workers(alive bool, queues ...string) client.WorkerList {
	return client.WorkerList{Items: []client.Worker{{Id: sampleID, Hostname: "sync-1", Queues: queues, Alive: alive}}}
}

// pendingRecords are those that the API lists, the first of them with failures.
func pendingRecords(n, failed int) []client.SyncRecord {
	all := make([]client.SyncRecord, n)
	for i := range all {
		all[i] = sampleRecord()
		all[i].Status = client.RecordStatusPending
		if i < failed {
			all[i].Failures = 1
		}
	}
	return all
}

const noWorker = "No worker serves account: start one, or see dbfleet worker list.\n"

func TestWatchSaysOnceThatNoWorkerServes(t *testing.T) {
	t.Parallel()
	for name, none := range map[string]client.WorkerList{
		"none": {}, "dead": workers(false, "account"), "another category": workers(true, "config"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bench{api: serve(t, routes{
				"GET /sync-sessions/{id}": sessions(repeat(30, stalled(0), succeeded())...), "GET /workers": answerJSON(200, none),
				"GET /sync-sessions/{id}/records": page(pendingRecords(9, 0)...),
			})}
			got := b.run(t, "sync", "watch", sampleSession)
			got.want(t, 0)
			if got.err != noWorker {
				t.Errorf("err = %q", got.err)
			}
			if n := asked(b, "GET /workers"); n < 3 || n > 7 {
				t.Errorf("asked %d times within half a minute", n)
			}
		})
	}
}

func TestWatchSaysThatAWorkerHasCome(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{
		"GET /sync-sessions/{id}":         sessions(repeat(20, stalled(0), succeeded())...),
		"GET /workers":                    inTurn(answerJSON(200, client.WorkerList{}), answerJSON(200, workers(true, "config", "account"))),
		"GET /sync-sessions/{id}/records": page(pendingRecords(9, 0)...),
	})}
	if got := b.run(t, "sync", "watch", sampleSession); got.err != noWorker+"A worker serves account now.\n" {
		t.Errorf("err = %q", got.err)
	}
}

func TestWatchAsksForWorkersOnlyWhenNothingMoves(t *testing.T) {
	t.Parallel()
	moving := make([]client.SyncSession, 0, 31)
	for i := range 30 {
		moving = append(moving, stalled(i/3))
	}
	for name, all := range map[string][]client.SyncSession{
		"ends":    append(moving, succeeded()),
		"runs":    repeat(30, running(0, 9), succeeded()),
		"young":   repeat(4, stalled(0), succeeded()),
		"at ends": {succeeded()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := watched(t, sessions(all...))
			got := b.run(t, "sync", "watch", sampleSession)
			if n := asked(b, "GET /workers"); n > 0 || got.err != "" {
				t.Errorf("asked %d times, err = %s", n, got.err)
			}
		})
	}
}

func TestWatchGoesOnWhenNobodyTellsWhy(t *testing.T) {
	t.Parallel()
	b := watched(t, sessions(repeat(30, stalled(0), succeeded())...)) // answers 404 to everything else
	if got := b.run(t, "sync", "watch", sampleSession); got.code != 0 || got.err != "" {
		t.Errorf("code = %d, err = %s", got.code, got.err)
	}
}

func TestWatchSaysWhatWaitsForAnotherAttempt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		records []client.SyncRecord
		want    bool
	}{
		"all":     {pendingRecords(3, 3), true},
		"not all": {pendingRecords(3, 2), false},
		"none":    {nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bench{api: serve(t, routes{
				"GET /sync-sessions/{id}": sessions(repeat(12, stalled(6), succeeded())...), "GET /workers": answerJSON(200, workers(true, "account")),
				"GET /sync-sessions/{id}/records": page(tt.records...),
			})}
			got := b.run(t, "sync", "watch", sampleSession)
			got.want(t, 0, "running: 6/9, 0 running\n")
			if got.err != "" || strings.Contains(got.out, "running: 6/9, 3 waiting for another attempt\n") != tt.want {
				t.Errorf("out:\n%s\nerr: %s", got.out, got.err)
			}
		})
	}
}

func asked(b *bench, route string) int {
	n := 0
	for _, r := range b.api.requests() {
		if r.route == route {
			n++
		}
	}
	return n
}
