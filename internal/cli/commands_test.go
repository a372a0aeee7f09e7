package cli

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/client"
)

// apiCommand is one command that talks to the API, with the answer to it.
type apiCommand struct {
	args   []string
	stdin  string
	route  string // that the command is about
	answer http.HandlerFunc
	others routes // that it asks before
	out    []string
	body   string // that it must send
	query  string // that it must send
}

func apiCommands() map[string]apiCommand {
	detail := client.AccountDetail{
		Id: 90210, InstanceId: 12, InstanceName: "orders-1", Identity: "16384", Name: "app", Kind: client.AccountKindUser, CanLogin: true,
		FirstSeenAt: sampleTime, LastSeenAt: sampleTime, Attributes: map[string]any{"connection_limit": -1},
		Memberships: []client.Membership{{Role: "16385", Admin: new(true)}},
		Grants: []client.Grant{
			{
				Type: "table", Database: new("orders"), Schema: new("public"), Object: new("in.voices"), Privileges: []string{"INSERT", "SELECT"},
				Grantable: &[]string{"SELECT"}, Grantor: new("10"), Source: "explicit",
			},
			{Type: "parameter", Object: new("work_mem"), Privileges: []string{"SET"}, Source: "owner"},
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
			answer: answerJSON(200, client.User{Id: 7, Name: "alice", Role: client.RoleOperator}), out: []string{"alice (operator), user 7"},
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
			args: []string{"instance", "list", "--engine", "postgresql", "--tag", "production", "--active=false"}, route: "GET /instances",
			answer: page(sampleInstance()), out: []string{"orders-1.example.net:5432", "verify-full", "17.6"},
			query: "active=false&engine=postgresql&limit=100&tag=production",
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
			out: []string{"started"}, body: `{"code":"auth_failed","scope":"failed"}`,
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
				"app on orders-1", "connection_limit", "-1", "readers", "admin", "database orders", `public."in.voices"`,
				"INSERT, SELECT*", "(by #10)", "whole server", "work_mem", "(as owner)", "account history 90210",
			},
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
			others: routes{"GET /accounts": page(sampleAccount())}, out: []string{"80 of 120 accounts", "such as", "app", "hold confirm 5"},
		},
		"hold confirm": {
			args: []string{"hold", "confirm", "5"}, route: "POST /holds/{id}/confirm", answer: answerJSON(200, confirmed()),
			out: []string{"Hold 5 on orders-1: confirmed", "with the next complete read"},
		},
		"hold reject": {
			args: []string{"hold", "reject", "5"}, route: "POST /holds/{id}/reject", answer: answerJSON(200, confirmed()), out: []string{"Hold 5"},
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

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func confirmed() client.Hold {
	h := sampleHold()
	h.Status, h.DecidedAt, h.Missing = client.HoldStatusConfirmed, &sampleTime, nil
	return h
}

func (c apiCommand) bench(t *testing.T, answer http.HandlerFunc) *bench {
	t.Helper()
	handlers := maps.Clone(c.others)
	if handlers == nil {
		handlers = routes{}
	}
	handlers[c.route] = answer
	return &bench{api: serve(t, handlers), stdin: c.stdin}
}

func TestCommandAsksAndShows(t *testing.T) {
	t.Parallel()
	for name, c := range apiCommands() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := c.bench(t, c.answer)
			got := b.run(t, c.args...)
			got.want(t, 0, c.out...)
			about := b.about(c.route)
			if about.token != "Bearer "+testToken {
				t.Errorf("token sent = %q", about.token)
			}
			if c.body != "" && strings.TrimSpace(about.body) != c.body {
				t.Errorf("body = %s, want %s", about.body, c.body)
			}
			query, err := url.ParseQuery(about.query)
			if c.query != "" && query.Encode() != c.query || err != nil {
				t.Errorf("query = %s (%v), want %s", query.Encode(), err, c.query)
			}
		})
	}
}

// about returns the request of a route's method that was sent last, leaving
// out those that only look names up.
func (b *bench) about(route string) request {
	method, path, _ := strings.Cut(route, " ")
	start, _, _ := strings.Cut(path, "{")
	for _, r := range slices.Backward(b.api.requests()) {
		if strings.HasPrefix(r.route, method+" "+start) {
			return r
		}
	}
	return request{}
}

func TestCommandPrintsTheAnswerAsOneJSONDocument(t *testing.T) {
	t.Parallel()
	for name, c := range apiCommands() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.bench(t, c.answer).run(t, append(c.args, "--json")...)
			got.want(t, 0)
			if !json.Valid([]byte(got.out)) || !strings.HasPrefix(got.out, "{") {
				t.Errorf("out is not one JSON document: %s", got.out)
			}
			if got.err != "" {
				t.Errorf("err = %s", got.err)
			}
		})
	}
}
