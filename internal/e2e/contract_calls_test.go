package e2e

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
)

// contractCall is one call of one operation of the document that must succeed.
// $names in texts stand for what earlier calls have kept.
type contractCall struct {
	op    string
	path  map[string]string // values of the path's parameters
	query string
	body  string
	media string // of the body; empty: application/json
	want  int    // status; 0: 200

	keep   map[string]string // a name, and where it is in the answer: "id", "items.0.id"
	audit  string            // the action that a change must leave in the audit trail
	stream bool              // an endless answer: only its head is read
	before func(t *testing.T, c *contract)
}

// contractCalls calls every operation at least once, in an order in which each
// finds what it needs. Who adds an operation adds a line here.
func contractCalls() []contractCall {
	session, record := map[string]string{"session_id": "$session"}, map[string]string{"session_id": "$waiting", "record_id": "$record"}
	instance, credential := map[string]string{"instance_id": "$instance"}, map[string]string{"credential_id": "$unused"}
	account, hold := map[string]string{"account_id": "$account"}, map[string]string{"hold_id": "$hold"}
	setting, someone := map[string]string{"key": "dispatch.host_limit"}, map[string]string{"user_id": "$user"}
	schedule := map[string]string{"schedule_id": "$schedule"}
	return []contractCall{
		{op: "getMe"},
		{op: "listWorkers"},

		{
			op: "createCredential", body: `{"name":"right","username":"$targetuser","password":"$targetpassword"}`, want: 201,
			keep: map[string]string{"right": "id"}, audit: "credential.create",
		},
		{
			op: "createCredential", body: `{"name":"wrong","username":"$targetuser","password":"not it"}`, want: 201,
			keep: map[string]string{"wrong": "id"}, audit: "credential.create",
		},
		{
			op: "createCredential", body: `{"name":"unused","username":"u","password":"p"}`, want: 201,
			keep: map[string]string{"unused": "id"}, audit: "credential.create",
		},
		{op: "listCredentials", query: "exact_name=right&limit=1"},
		{op: "getCredential", path: credential},
		{op: "updateCredential", path: credential, body: `{"username":"v","password":"q"}`, audit: "credential.update"},

		{
			op: "createInstance", want: 201, keep: map[string]string{"instance": "id"}, audit: "instance.create",
			body: `{"name":"good","engine":"postgresql","host":"127.0.0.1","port":$port,"credential_id":$right,"tls_mode":"disable","tags":["a"]}`,
		},
		{
			op: "createInstance", want: 201, keep: map[string]string{"bad": "id"}, audit: "instance.create",
			body: `{"name":"bad","engine":"postgresql","host":"127.0.0.1","port":$port,"credential_id":$wrong,"tls_mode":"disable"}`,
		},
		{op: "listInstances", query: "engine=postgresql&tag=a&active=true&name=GOO&exact_name=good&tls_mode=disable&limit=500"},
		{op: "getInstance", path: instance},
		{op: "updateInstance", path: instance, body: `{"tags":["b"]}`, audit: "instance.update"},
		{op: "changeInstances", body: `{"action":"add_tags","tags":["c"],"selector":{"ids":[$instance]}}`, audit: "instance.bulk"},
		{op: "listTags"},
		{
			op: "importInstances", media: "text/csv", audit: "instance.import",
			body: "name,engine,host,port,credential,active\nfromfile,postgresql,127.0.0.1,$port,right,false\n",
		},
		{op: "exportInstances", query: "tag=c&tls_mode=verify-full"},
		{op: "listCredentialInstances", path: map[string]string{"credential_id": "$right"}},

		{
			op: "createSyncSession", body: `{"category":"account","selector":{"ids":[$instance,$bad]}}`, want: 201,
			keep: map[string]string{"session": "session_id"}, audit: "sync_session.create",
		},
		{op: "listSyncSessions", query: "category=account&type=manual_batch&limit=10", before: func(_ *testing.T, c *contract) { c.awaitSession("$session") }},
		{op: "getSyncSession", path: session},
		{op: "listSyncSessions", query: "result=partial&created_by=$me&instance_id=$instance&schedule_id=1&q=good&from=2026-01-01T00:00:00Z&sort=duration&order=asc&limit=1"},
		{op: "listSyncRecords", path: session, query: "status=failed"},
		{op: "listSyncRecords", path: session, query: "status=failed&code=auth_failed&q=ba&sort=duration", keep: map[string]string{"fingerprint": "items.0.fault.fingerprint"}},
		{op: "listSyncErrors", path: session},
		{op: "getSyncStatistics", query: "from=2026-01-01T00:00:00Z&category=account"},
		{op: "streamSyncSession", path: session, stream: true},
		{
			op: "retrySyncSession", path: session, body: `{"scope":"failed"}`, want: 201,
			keep: map[string]string{"child": "session_id"}, audit: "sync_session.create",
		},
		{
			op: "createSyncSession", body: `{"category":"account","selector":{"all":true}}`, want: 201,
			keep: map[string]string{"waiting": "session_id"}, audit: "sync_session.create",
			before: func(_ *testing.T, c *contract) { c.awaitSession("$child"); c.worker.kill() },
		},
		{op: "listSyncRecords", path: map[string]string{"session_id": "$waiting"}, keep: map[string]string{"record": "items.0.id"}},
		{op: "cancelSyncRecord", path: record, audit: "sync_record.cancel"},
		{op: "cancelSyncSession", path: map[string]string{"session_id": "$waiting"}, audit: "sync_session.cancel"},

		{op: "listAccounts", query: "instance_id=$instance&kind=user&deleted=true", keep: map[string]string{"account": "items.0.id"}},
		{op: "listAccounts", query: "privilege=EXECUTE&object_type=function&superuser=false&limit=2"},
		{op: "getAccount", path: account},
		{op: "compareAccounts", query: "instance_id=$instance&other_id=$bad"},
		{op: "listAccountHistory", path: account, query: "limit=5"},

		{op: "listHolds", query: "status=open", keep: map[string]string{"hold": "items.0.id", "second": "items.1.id"}, before: openHolds},
		{op: "getHold", path: hold},
		{op: "confirmHold", path: hold, audit: "hold.confirm"},
		{op: "rejectHold", path: map[string]string{"hold_id": "$second"}, audit: "hold.reject"},

		{
			op: "createSchedule", want: 201, keep: map[string]string{"schedule": "id"}, audit: "schedule.create",
			body: `{"name":"nightly","cron":"0 2 * * *","time_zone":"Europe/Berlin","category":"account","selector":{"all":true},"paused":true}`,
		},
		{op: "listSchedules", query: "name=night&exact_name=nightly&limit=1"},
		{op: "getSchedule", path: schedule},
		{op: "updateSchedule", path: schedule, body: `{"overlap":"queue","catch_up":"once"}`, audit: "schedule.update"},
		{op: "resumeSchedule", path: schedule, audit: "schedule.resume"},
		{op: "runSchedule", path: schedule, want: 201, audit: "schedule.run"},
		{op: "pauseSchedule", path: schedule, audit: "schedule.pause"},
		{op: "listScheduleFires", path: schedule, query: "limit=5"},
		{op: "listNextFires", path: schedule, query: "count=3"},
		{op: "deleteSchedule", path: schedule, want: 204, audit: "schedule.delete"},

		{op: "listSettings"},
		{op: "getSetting", path: setting},
		{op: "setSetting", path: setting, body: `{"value":8}`, audit: "setting.set"},

		{op: "createUser", body: `{"name":"alice","role":"viewer"}`, want: 201, keep: map[string]string{"user": "id"}, audit: "user.create"},
		{op: "listUsers", query: "role=viewer&disabled=false&name=alice"},
		{op: "getUser", path: someone},
		{op: "updateUser", path: someone, body: `{"role":"operator"}`, audit: "user.update"},
		{
			op: "createToken", path: someone, body: `{"name":"laptop","expires_at":"2099-01-01T00:00:00Z"}`, want: 201,
			keep: map[string]string{"token": "id"}, audit: "token.create",
		},
		{op: "listTokens", query: "user_id=$user"},
		{op: "revokeToken", path: map[string]string{"token_id": "$token"}, want: 204, audit: "token.revoke"},
		{op: "createToken", path: map[string]string{"user_id": "$me"}, body: `{"expires_at":null}`, want: 201, keep: map[string]string{"mine": "id"}, audit: "token.create"},
		{op: "listMyTokens"},
		{op: "revokeMyToken", path: map[string]string{"token_id": "$mine"}, want: 204, audit: "token.revoke"},
		{op: "listAuditEvents", query: "outcome=done&object_type=user&object_id=$user&from=2026-01-01T00:00:00Z"},

		{op: "deleteInstance", path: instance, want: 204, audit: "instance.delete"},
		{op: "listInstances", query: "deleted=true"},
		{op: "restoreInstance", path: instance, body: `{}`, audit: "instance.restore"},
		{op: "deleteInstance", path: instance, want: 204, audit: "instance.delete"},
		{op: "deleteCredential", path: credential, want: 204, audit: "credential.delete"},
	}
}

// openHolds stores what no sync of one account can bring about.
func openHolds(t *testing.T, c *contract) {
	t.Helper()
	for _, name := range []string{"$instance", "$bad"} {
		_, err := c.pool.Exec(t.Context(), `
			INSERT INTO account_holds (instance_id, reason, fingerprint, times_seen, known_count, missing_count, missing, record_id, session_id)
			VALUES ($1, 'mass_disappearance', sha256('nobody'), 1, 100, 1, '{"nobody"}', 1, $2)`, c.filled(name), uuid.New())
		if err != nil {
			t.Fatal(err)
		}
	}
}

// awaitSession waits until a kept session has ended.
func (c *contract) awaitSession(name string) {
	c.t.Helper()
	id, err := uuid.Parse(c.filled(name))
	if err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	c.awaitEnd(id, sessionLimit)
}

func (c *contract) keepBasics() {
	c.kept = map[string]string{
		"targetuser": targetUser, "targetpassword": targetPassword, "port": fmt.Sprint(c.target.Port()),
		"me": fmt.Sprint(scan[int64](c.cluster, "SELECT id FROM users WHERE name = 'admin'")),
	}
}
