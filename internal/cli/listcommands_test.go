package cli

import (
	"maps"
	"net/http"

	"github.com/dbfleet/dbfleet/client"
	"github.com/dbfleet/dbfleet/internal/doctor"
)

// listed returns all commands and those that print a list in a way of their own.
func listed() map[string]apiCommand {
	all := allCommands()
	maps.Copy(all, map[string]apiCommand{
		"keys list": {args: []string{"keys", "list"}, local: &fakeLocal{keys: []Key{{ID: "3f0c9a2b41d7e865", Credentials: 40, Seals: true}}}},
		"migrate status": {
			args: []string{"migrate", "status"}, local: &fakeLocal{steps: []Migration{{Version: 1, Name: "00001_core.sql", AppliedAt: &sampleTime}}},
		},
		"doctor": {args: []string{"doctor"}, local: &fakeLocal{found: []doctor.Finding{{Verdict: doctor.OK, Check: "postgres", Found: "it answers"}}}},
		"sync errors": {
			args: []string{"sync", "errors", sampleSession}, route: "GET /sync-sessions/{id}/errors",
			answer: answerJSON(http.StatusOK, client.ErrorKindList{Items: []client.ErrorKind{{
				Fingerprint: "4be0a6d1f02c9e77", Code: "connect_timeout", Phase: "connect", Message: "dial tcp <address>: over <duration>", Count: 42,
			}}}),
		},
		"sync stats": {
			args: []string{"sync", "stats"}, route: "GET /sync-sessions/statistics",
			answer: answerJSON(http.StatusOK, client.SyncStatistics{
				From: sampleTime, To: sampleTime, ByCategory: client.FiguresByWord{"account": {Sessions: 30}},
			}),
		},
		"instance export": {
			args: []string{"instance", "export"}, route: "GET /instances/export",
			answer: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/csv")
				_, _ = w.Write([]byte("name,engine\norders-1,postgresql\n")) // the test sees what came
			},
		},
	})
	return all
}
