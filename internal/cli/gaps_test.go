package cli

import (
	"encoding/json"
	"testing"

	"github.com/dbfleet/dbfleet/client"
)

func TestPartialRecordSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	const noConnect = `{"code":"permission_denied","phase":"login","reason":"no CONNECT privilege on the database","database":"crm"}`
	for name, tt := range map[string]struct{ details, want string }{
		"a database": {
			`{"gaps":[` + noConnect + `],"gap_count":1}`,
			"permission_denied at login: database crm: no CONNECT privilege on the database",
		},
		"several": {
			`{"gaps":[` + noConnect + `,` + noConnect + `],"gap_count":70}`,
			"permission_denied at login: database crm: no CONNECT privilege on the database; 69 more with --json",
		},
		"one kind": {
			`{"gaps":[{"code":"timeout","phase":"query:large_objects","reason":"over 4s","type":"large_object","database":"crm"}],"gap_count":1}`,
			"timeout at query:large_objects: large_object of database crm: over 4s",
		},
		"of the server": {
			`{"gaps":[{"code":"permission_denied","phase":"query:settings","reason":"denied","type":"settings"}],"gap_count":1}`,
			"permission_denied at query:settings: settings of the server: denied",
		},
		"a hold":             {`{"hold":{"id":5,"reason":"mass_disappearance","applied":false}}`, "mass_disappearance: dbfleet hold show 5"},
		"a hold of the past": {`{"hold":{"id":5,"reason":"mass_disappearance","applied":true}}`, "-"},
		"nothing":            {`{}`, "-"},
		"another form":       {`{"gaps":7}`, "--json shows what it lacks"},
	} {
		got := trouble(client.SyncRecord{Status: client.RecordStatusCompleted, Partial: true, Details: json.RawMessage(tt.details)})
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if got := trouble(client.SyncRecord{Status: client.RecordStatusCompleted, Details: json.RawMessage(`{}`)}); got != "-" {
		t.Errorf("complete: %q", got)
	}
}
