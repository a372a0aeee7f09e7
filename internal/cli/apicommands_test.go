package cli

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/dbfleet/dbfleet/client"
)

func apiCommands() map[string]apiCommand {
	detail := client.AccountDetail{
		Id: 90210, InstanceId: 12, InstanceName: "orders-1", Identity: "16384", Name: "app", Kind: client.AccountKindUser, CanLogin: true,
		FirstSeenAt: sampleTime, LastSeenAt: sampleTime, Attributes: map[string]any{"connection_limit": -1},
		Memberships:   []client.Membership{{Role: "16385", Admin: new(true)}},
		SuperuserPath: &[]client.SuperuserStep{{Role: "16385", Name: "readers", Membership: &client.Membership{Role: "16385", Admin: new(true)}}},
		Scopes: []client.GrantScope{
			{Level: client.GrantScopeLevelServer, Grants: []client.Grant{
				{Type: "parameter", Object: new("work_mem"), Privileges: []string{"SET"}, Source: "owner"},
			}},
			{Level: client.GrantScopeLevelObject, Database: "orders", Grants: []client.Grant{{
				Type: "table", Database: new("orders"), Schema: new("public"), Object: new("in.voices"), Privileges: []string{"INSERT", "SELECT"},
				Grantable: &[]string{"SELECT"}, Grantor: new("10"), Source: "explicit",
			}}},
		},
		Names: map[string]string{"16385": "readers"},
	}
	change := client.AccountVersion{
		Id: 2, AccountId: 90210, Change: client.AccountVersionChangeChanged, ValidFrom: sampleTime, SessionId: sampleID, RecordId: 4711,
		Diff: json.RawMessage(`{"renamed":{"from":"a","to":"app"},"fields":[{"name":"can_login","from":false,"to":true}],
			"memberships":{"added":[{"role":"16385","admin":true}],"changed":[{"from":{"role":"9"},"to":{"role":"9","set":true}}]},
			"grants":{"added":[{"type":"table","database":"orders","schema":"public","object":"invoices","privileges":["SELECT"],"source":"explicit"}],
			"removed":[{"type":"database","database":"orders","privileges":[],"grantable":["CONNECT"],"source":"explicit"}]}}`),
		Names: map[string]string{"16385": "readers"},
	}
	retried := endedSession(client.SessionResultPartial, client.Counts{Completed: 97, Failed: 2})
	started := answerJSON(http.StatusCreated, running(0, 100))
	return map[string]apiCommand{
		"whoami": {
			args: []string{"whoami"}, route: "GET /me",
			answer: answerJSON(200, sampleUser()), out: []string{"alice (operator), user 7"},
		},
		"user add": {
			args: []string{"user", "add", "alice", "--role", "operator"}, route: "POST /users", answer: answerJSON(201, sampleUser()),
			out: []string{"User alice (operator) added, id 7", "token create --user alice"}, body: `{"name":"alice","role":"operator"}`,
		},
		"user list": {
			args: []string{"user", "list", "--role", "operator", "--disabled=false"}, route: "GET /users", answer: page(sampleUser()),
			out: []string{"alice", "operator", "enabled"}, query: "disabled=false&limit=100&role=operator",
		},
		"user show": {
			args: []string{"user", "show", "7"}, route: "GET /users/{id}", answer: answerJSON(200, sampleUser()),
			out: []string{"User 7: alice", "role", "operator"},
		},
		"user role": {
			args: []string{"user", "role", "alice", "operator"}, route: "PATCH /users/{id}", answer: answerJSON(200, sampleUser()),
			others: routes{"GET /users": page(sampleUser())}, out: []string{"User 7: alice"}, body: `{"role":"operator"}`,
		},
		"user disable": {
			args: []string{"user", "disable", "7"}, route: "PATCH /users/{id}", answer: answerJSON(200, disabled(sampleUser())),
			out: []string{"disabled   2026-11-21 01:00:00Z"}, body: `{"disabled":true}`,
		},
		"user enable": {
			args: []string{"user", "enable", "7"}, route: "PATCH /users/{id}", answer: answerJSON(200, sampleUser()), body: `{"disabled":false}`,
		},
		"token create": {
			args:  []string{"token", "create", "--user", "alice", "--name", "laptop", "--expires", "12h"},
			route: "POST /users/{id}/tokens", answer: answerJSON(201, client.TokenCreated{Token: "dbf_31_new", Id: 31}),
			others: routes{"GET /users": page(sampleUser())}, out: []string{"dbf_31_new\n"},
			body: `{"expires_at":"2026-11-21T13:00:00Z","name":"laptop"}`,
		},
		"token create for ever": {
			args: []string{"token", "create", "--user", "7", "--expires", "never"}, route: "POST /users/{id}/tokens",
			answer: answerJSON(201, client.TokenCreated{Token: "dbf_31_new", Id: 31}), body: `{"expires_at":null}`,
		},
		"token list": {
			args: []string{"token", "list"}, route: "GET /me/tokens", answer: page(sampleToken()), out: []string{"31", "alice", "laptop", "valid"},
			query: "limit=100",
		},
		"token list of a user": {
			args: []string{"token", "list", "--user", "alice"}, route: "GET /tokens", answer: page(sampleToken()),
			others: routes{"GET /users": page(sampleUser())}, out: []string{"laptop"}, query: "limit=100&user_id=7",
		},
		"token list of all": {
			args: []string{"token", "list", "--all"}, route: "GET /tokens", answer: page(sampleToken()), query: "limit=100",
		},
		"token revoke": {
			args: []string{"token", "revoke", "31"}, route: "DELETE /me/tokens/{id}", answer: noContent, out: []string{"Token 31 revoked"},
		},
		"token revoke of another": {
			args: []string{"token", "revoke", "31", "--any"}, route: "DELETE /tokens/{id}", answer: noContent, out: []string{"Token 31 revoked"},
		},
		"audit": {
			args: []string{
				"audit", "--user", "alice", "--action", "instance.update", "--object", "instance:12", "--outcome", "done", "--from", "7d", "--to", "2026-11-21",
			},
			route: "GET /audit-events", answer: page(sampleEvent()), others: routes{"GET /users": page(sampleUser())},
			out: []string{"2026-11-21 01:00:00Z", "alice", "instance.update", "instance:12", "10.0.0.9", `{"name":"orders-1"}`},
			query: "action=instance.update&from=2026-11-14T01%3A00%3A00Z&limit=100&object_id=12&object_type=instance&outcome=done" +
				"&to=2026-11-21T00%3A00%3A00Z&user_id=7",
		},
		"audit of the system": {
			args: []string{"audit", "--user", "system", "--object", "session"}, route: "GET /audit-events", answer: page(sampleEvent()),
			query: "limit=100&object_type=session&user_id=0",
		},
		"worker list": {
			args: []string{"worker", "list"}, route: "GET /workers",
			answer: answerJSON(200, client.WorkerList{Items: []client.Worker{{Id: sampleID, Hostname: "sync-1", Pid: 42, Queues: []string{"account"}, Alive: true}}}),
			out:    []string{"sync-1/42", "yes"},
		},
		"credential add": {
			args: []string{"credential", "add", "monitor", "--username", "dbfleet"}, stdin: "hunter2\r\nsecond line\n", route: "POST /credentials",
			answer: answerJSON(201, sampleCredential()), out: []string{"Credential monitor added, id 3"},
			body: `{"name":"monitor","password":"hunter2","username":"dbfleet"}`,
		},
		"credential list": {
			args: []string{"credential", "list"}, route: "GET /credentials", answer: page(sampleCredential()), out: []string{"monitor", "3f0c9a2b41d7e865"},
		},
		"credential update": {
			args: []string{"credential", "update", "monitor", "--name", "m2", "--username", "sync"}, stdin: "hunter3\r\n",
			route: "PATCH /credentials/{id}", answer: answerJSON(200, sampleCredential()), others: routes{"GET /credentials": page(sampleCredential())},
			out: []string{"Credential monitor changed; version 2"}, body: `{"name":"m2","password":"hunter3","username":"sync"}`,
		},
		"credential update password": {
			args: []string{"credential", "update", "3", "--password-prompt"}, stdin: "hunter3\r\n",
			route: "PATCH /credentials/{id}", answer: answerJSON(200, sampleCredential()), body: `{"password":"hunter3"}`,
		},
		"credential update name": {
			args: []string{"credential", "update", "3", "--name", "m2"}, route: "PATCH /credentials/{id}", answer: answerJSON(200, sampleCredential()),
			body: `{"name":"m2"}`,
		},
		"credential remove": {
			args: []string{"credential", "remove", "monitor"}, route: "DELETE /credentials/{id}", answer: noContent,
			others: routes{"GET /credentials": page(sampleCredential())}, out: []string{"Credential monitor removed"},
		},
		"instance add": {
			args: []string{
				"instance", "add", "orders-1", "--engine", "postgresql", "--host", "h", "--port", "5433", "--credential", "monitor",
				"--tag", "a,b", "--tag", "c", "--tls-mode", "disable", "--inactive",
			},
			route: "POST /instances", answer: answerJSON(201, sampleInstance()), others: routes{"GET /credentials": page(sampleCredential())},
			out:  []string{"Instance orders-1 registered, id 12"},
			body: `{"active":false,"credential_id":3,"engine":"postgresql","host":"h","name":"orders-1","port":5433,"tags":["a","b","c"],"tls_mode":"disable"}`,
		},
		"instance list": {
			args: []string{"instance", "list", "--engine", "postgresql", "--tag", "production", "--active=false", "--tls-mode", "disable"}, route: "GET /instances",
			answer: page(sampleInstance()), out: []string{"orders-1.example.net:5432", "verify-full", "17.6"},
			query: "active=false&engine=postgresql&limit=100&tag=production&tls_mode=disable",
		},
		"instance show": {
			args: []string{"instance", "show", "orders-1"}, route: "GET /instances/{id}", answer: answerJSON(200, sampleInstance()),
			others: routes{"GET /instances": page(sampleInstance()), "GET /credentials/{id}": answerJSON(200, sampleCredential())},
			out:    []string{"Instance 12: orders-1", "orders-1.example.net:5432", "monitor, id 3, user dbfleet", "the workers' own", "production"},
		},
		"instance update": {
			args:  []string{"instance", "update", "orders-1", "--credential", "monitor", "--host", "h2", "--tls-server-name", "", "--tag", "", "--active=false"},
			route: "PATCH /instances/{id}", answer: answerJSON(200, sampleInstance()),
			others: routes{"GET /instances": page(sampleInstance()), "GET /credentials": page(sampleCredential())},
			out:    []string{"Instance orders-1 changed"},
			body:   `{"active":false,"credential_id":3,"host":"h2","tags":[],"tls_server_name":""}`,
		},
		"instance remove": {
			args: []string{"instance", "remove", "12"}, route: "DELETE /instances/{id}", answer: noContent, out: []string{"Instance 12 removed"},
		},
		"sync start": {
			args:  []string{"sync", "start", "--tag", "production", "--engine", "postgresql", "--max-attempts", "2", "--idempotency-key", "k"},
			route: "POST /sync-sessions", answer: started, out: []string{"Session " + sampleSession + " started", "100 instances", "sync watch " + sampleSession},
			body: `{"category":"account","max_attempts":2,"selector":{"engines":["postgresql"],"tags":["production"]}}`,
		},
		"sync start by name": {
			args:  []string{"sync", "start", "--instance", "orders-1", "--id", "7"},
			route: "POST /sync-sessions", answer: started, others: routes{"GET /instances": page(sampleInstance())},
			body: `{"category":"account","selector":{"ids":[7,12]}}`,
		},
		"sync list": {
			args:  []string{"sync", "list", "--status", "failed", "--category", "account", "--type", "scheduled", "--limit", "7"},
			route: "GET /sync-sessions", answer: page(retried), out: []string{sampleSession, "partial", "99/99", "25s"},
			query: "category=account&limit=7&status=failed&type=scheduled",
		},
		"sync show": {
			args: []string{"sync", "show", sampleSession}, route: "GET /sync-sessions/{id}", answer: answerJSON(200, retried),
			out: []string{"partial", "99: 97 completed, 2 failed", "5,120 read", "connect_timeout", "sync retry " + sampleSession},
		},
		"sync show records": {
			args: []string{"sync", "show", sampleSession, "--status", "failed"}, route: "GET /sync-sessions/{id}/records", answer: page(sampleRecord()),
			out: []string{"4711", "auth_failed at login: password authentication failed"}, query: "limit=100&status=failed",
		},
		"sync cancel": {
			args: []string{"sync", "cancel", sampleSession}, route: "POST /sync-sessions/{id}/cancel",
			answer: answerJSON(202, running(5, 100)), out: []string{"is being cancelled: 4 running"},
		},
		"sync cancel record": {
			args: []string{"sync", "cancel", sampleSession, "--record", "4711"}, route: "POST /sync-sessions/{id}/records/{r}/cancel",
			answer: answerJSON(200, client.SyncRecord{Id: 4711, InstanceName: "orders-1", Status: client.RecordStatusCancelled, SessionId: sampleID, Details: json.RawMessage("{}")}),
			out:    []string{"Record 4711 (orders-1) is cancelled"},
		},
		"sync retry": {
			args: []string{"sync", "retry", sampleSession, "--code", "auth_failed"}, route: "POST /sync-sessions/{id}/retry", answer: started,
			out: []string{"started"}, body: `{"code":"auth_failed"}`,
		},
		"sync watch": {
			args: []string{"sync", "watch", sampleSession}, route: "GET /sync-sessions/{id}", answer: answerJSON(200, succeeded()),
			out: []string{"ended: succeeded after 25s"},
		},
		"account list": {
			args: []string{"account", "list", "--instance", "orders-1", "--contains", "ap", "--kind", "user", "--superuser", "--deleted"}, route: "GET /accounts",
			answer: page(sampleAccount()), others: routes{"GET /instances": page(sampleInstance())}, out: []string{"orders-1", "app"},
			query: "deleted=true&instance_id=12&kind=user&limit=100&name_contains=ap&superuser=true",
		},
		"account show": {
			args: []string{"account", "show", "90210"}, route: "GET /accounts/{id}", answer: answerJSON(200, detail),
			out: []string{
				"app on orders-1", "connection_limit", "-1", "readers", "admin", "objects in database orders", "can become one", "may take on readers", "is a superuser", `public."in.voices"`,
				"INSERT, SELECT*", "(by #10)", "whole server", "work_mem", "(as owner)", "account history 90210",
			},
		},
		"account search": {
			args: []string{
				"account", "list", "--engine", "mysql", "--tag", "production", "--privilege", "SELECT", "--object", "t", "--object-type", "column",
				"--database", "d", "--schema", "s", "--column", "c", "--locked", "--can-login=false", "--system=false", "--name", "a\nb",
			},
			route: "GET /accounts", answer: page(sampleAccount()), out: []string{"app"},
			query: "can_login=false&column=c&database=d&engine=mysql&limit=100&locked=true&name=a%0Ab&object=t&object_type=column" +
				"&privilege=SELECT&schema=s&system=false&tag=production",
		},
		"account show as it was": {
			args: []string{"account", "show", "90210", "--at", "2026-11-01T08:00:00+08:00"}, route: "GET /accounts/{id}",
			answer: answerJSON(200, detail), out: []string{"app on orders-1"}, query: "at=2026-11-01T00%3A00%3A00Z",
		},
		"account diff of two times": {
			args: []string{"account", "diff", "12", "--from", "2026-11-01T00:00:00Z"}, route: "GET /accounts/diff", answer: page(differences()...),
			out:   []string{`- old\u001B[31m  before only (role)`, "+ new  now only (user)", "~ app@%", "superuser    no → yes", "+ member of  dba@%"},
			query: "from=2026-11-01T00%3A00%3A00Z&instance_id=12&limit=100",
		},
		"account diff of two instances": {
			args: []string{"account", "diff", "12", "13"}, route: "GET /accounts/diff", answer: page(differences()...),
			out: []string{"only on 12 (role)", "only on 13 (user)"}, query: "instance_id=12&limit=100&other_id=13",
		},
		"account diff without any": {
			args: []string{"account", "diff", "12", "13"}, route: "GET /accounts/diff", answer: page[client.AccountDifference](),
		},
		"account show by name": {
			args: []string{"account", "show", "app", "--instance", "12"}, route: "GET /accounts/{id}", answer: answerJSON(200, detail),
			others: routes{"GET /accounts": page(sampleAccount())}, out: []string{"app on orders-1", "account history 90210"},
		},
		"account history": {
			args: []string{"account", "history", "90210"}, route: "GET /accounts/{id}/history", answer: page(change),
			out: []string{
				"changed  session " + sampleSession, "a → app", "no → yes", "+ member of", "readers (admin)", "#9: - → set",
				"+ table", "SELECT on public.invoices in orders", "- database", "right to grant on CONNECT in orders",
			},
		},
		"hold list": {
			args: []string{"hold", "list"}, route: "GET /holds", answer: page(sampleHold()), out: []string{"orders-1", "80 of 120"},
			query: "limit=100&status=open",
		},
		"hold show": {
			args: []string{"hold", "show", "5"}, route: "GET /holds/{id}", answer: answerJSON(200, sampleHold()),
			others: routes{"GET /accounts": page(sampleAccount())}, out: []string{"80 of 120 accounts", "Among the missing: app", "hold confirm 5"},
		},
		"hold confirm": {
			args: []string{"hold", "confirm", "5"}, route: "POST /holds/{id}/confirm", answer: answerJSON(200, confirmed()),
			out: []string{"Hold 5 on orders-1: confirmed", "with the next complete read"},
		},
		"hold reject": {
			args: []string{"hold", "reject", "5"}, route: "POST /holds/{id}/reject", answer: answerJSON(200, confirmed()), out: []string{"Hold 5"},
		},
		"schedule add": {
			args: []string{
				"schedule", "add", "nightly", "--cron", "0 2 * * *", "--time-zone", "Europe/Berlin", "--instance", "orders-1", "--engine", "postgresql",
				"--overlap", "queue", "--catch-up", "once", "--max-attempts", "2", "--paused",
			},
			route: "POST /schedules", answer: answerJSON(201, sampleSchedule()), others: routes{"GET /instances": page(sampleInstance())},
			out: []string{"Schedule nightly added, id 4. It fires next at 2026-11-22 02:00:00+01:00."},
			body: `{"catch_up":"once","category":"account","cron":"0 2 * * *","max_attempts":2,"name":"nightly","overlap":"queue","paused":true,` +
				`"selector":{"engines":["postgresql"],"ids":[12]},"time_zone":"Europe/Berlin"}`,
		},
		"schedule list": {
			args: []string{"schedule", "list", "--name", "night"}, route: "GET /schedules", answer: page(sampleSchedule()),
			out: []string{"nightly", "0 2 * * *", "2026-11-22 02:00:00+01:00", "tagged production"}, query: "limit=100&name=night",
		},
		"schedule show": {
			args: []string{"schedule", "show", "nightly"}, route: "GET /schedules/{id}", answer: answerJSON(200, sampleSchedule()),
			others: routes{"GET /schedules": page(sampleSchedule()), "GET /schedules/{id}/fires": page(sampleFire())},
			out:    []string{"Schedule 4: nightly", "0 2 * * * in Europe/Berlin", "one fire waits", "however late", "2026-11-21 02:00:00+01:00", "started (late)", sampleSession},
		},
		"schedule history": {
			args: []string{"schedule", "history", "4", "--limit", "7"}, route: "GET /schedules/{id}/fires", answer: page(sampleFire()),
			others: routes{"GET /schedules/{id}": answerJSON(200, sampleSchedule())}, out: []string{"2026-11-21 02:00:00+01:00"}, query: "limit=7",
		},
		"schedule next": {
			args: []string{"schedule", "next", "4", "--count", "2"}, route: "GET /schedules/{id}/next",
			answer: answerJSON(200, client.NextFires{ScheduleId: 4, TimeZone: "Australia/Lord_Howe", Items: []time.Time{sampleTime, sampleTime.Add(time.Hour)}}),
			out:    []string{"2026-11-21 12:00:00+11:00\n2026-11-21 13:00:00+11:00\n"}, query: "count=2",
		},
		"schedule update": {
			args:  []string{"schedule", "update", "nightly", "--cron", "5 3 * * *", "--max-attempts", "0", "--all"},
			route: "PATCH /schedules/{id}", answer: answerJSON(200, sampleSchedule()), others: routes{"GET /schedules": page(sampleSchedule())},
			out: []string{"Schedule nightly changed."}, body: `{"cron":"5 3 * * *","max_attempts":0,"selector":{"all":true}}`,
		},
		"schedule pause": {
			args: []string{"schedule", "pause", "nightly"}, route: "POST /schedules/{id}/pause", answer: answerJSON(200, pausedSchedule()),
			others: routes{"GET /schedules": page(sampleSchedule())}, out: []string{"Schedule nightly: paused.", "schedule resume 4"},
		},
		"schedule resume": {
			args: []string{"schedule", "resume", "4"}, route: "POST /schedules/{id}/resume", answer: answerJSON(200, sampleSchedule()),
			out: []string{"Schedule nightly: resumed. It fires next at"},
		},
		"schedule run": {
			args: []string{"schedule", "run", "4"}, route: "POST /schedules/{id}/run", answer: answerJSON(201, sampleFire()),
			others: routes{"GET /sync-sessions/{id}": answerJSON(200, running(0, 100))}, out: []string{"Session " + sampleSession + " started", "100 instances"},
		},
		"schedule run and watch": {
			args: []string{"schedule", "run", "4", "--watch"}, route: "POST /schedules/{id}/run", answer: answerJSON(201, sampleFire()),
			others: routes{"GET /sync-sessions/{id}": answerJSON(200, succeeded())}, out: []string{sampleSession},
		},
		"schedule run that waits": {
			args: []string{"schedule", "run", "4"}, route: "POST /schedules/{id}/run", answer: answerJSON(202, waitingFire()),
		},
		"schedule remove": {
			args: []string{"schedule", "remove", "4"}, route: "DELETE /schedules/{id}", answer: noContent, out: []string{"4"},
		},
		"setting list": {
			args: []string{"setting", "list"}, route: "GET /settings", answer: answerJSON(200, client.SettingList{Items: []client.Setting{sampleSetting()}}),
			out: []string{"dispatch.host_limit", "8", "1 to 10000"},
		},
		"setting set": {
			args: []string{"setting", "set", "dispatch.host_limit", "8"}, route: "PUT /settings/{key}", answer: answerJSON(200, sampleSetting()),
			out: []string{"dispatch.host_limit is now 8 (default 4)"}, body: `{"value":8}`,
		},
		"setting set text": {
			args: []string{"setting", "set", "time_zone", "Asia/Shanghai"}, route: "PUT /settings/{key}", answer: answerJSON(200, sampleSetting()),
			body: `{"value":"Asia/Shanghai"}`,
		},
	}
}

func pausedSchedule() client.Schedule {
	s := sampleSchedule()
	s.Paused, s.PausedAt, s.NextFireAt = true, &sampleTime, nil
	return s
}

func waitingFire() client.ScheduleFire {
	f := sampleFire()
	f.SessionId, f.Late, f.Outcome, f.Reason, f.CreatedBy = nil, false, client.ScheduleFireOutcomeQueued, "session x has not ended", new(int64(7))
	return f
}

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func confirmed() client.Hold {
	h := sampleHold()
	h.Status, h.DecidedAt, h.Missing = client.HoldStatusConfirmed, &sampleTime, nil
	return h
}

func differences() []client.AccountDifference {
	return []client.AccountDifference{
		{Side: client.AccountDifferenceSideOnlyFirst, Name: "old\x1b[31m", Kind: client.AccountKindRole, FirstId: new(int64(1)), Diff: []byte(`{}`)},
		{Side: client.AccountDifferenceSideOnlySecond, Name: "new", Kind: client.AccountKindUser, SecondId: new(int64(2)), Diff: []byte(`{}`)},
		{
			Side: client.AccountDifferenceSideBoth, Name: "app", Host: "%", Kind: client.AccountKindUser, Names: map[string]string{"dba@%": "dba@%"},
			Diff: []byte(`{"fields":[{"name":"superuser","from":false,"to":true}],"memberships":{"added":[{"role":"dba@%"}]}}`),
		},
	}
}
