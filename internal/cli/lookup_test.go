package cli

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/client"
)

func TestSessionIDMayBeShortened(t *testing.T) {
	t.Parallel()
	other := succeeded()
	other.SessionId = uuid.MustParse("6f2caaaa-0000-4000-8000-000000000000")
	b := &bench{api: serve(t, routes{"GET /sync-sessions": page(succeeded(), other), "GET /sync-sessions/{id}": answerJSON(200, succeeded())})}
	b.run(t, "sync", "show", "6F2C1").want(t, 0, sampleSession)
	if got := b.api.last().route; got != "GET /sync-sessions/"+sampleSession {
		t.Errorf("asked %s", got)
	}
	b.run(t, "sync", "show", "6f2c1f0e…").want(t, 0, sampleSession)
	got := b.run(t, "sync", "show", "6f2c")
	got.want(t, 2)
	got.wantErr(t, "2 sessions begin with 6f2c")
	got = b.run(t, "sync", "show", "beef")
	got.want(t, 2)
	got.wantErr(t, "none of the newest 100 sessions begins with beef")
}

func TestNamesMustMatchExactly(t *testing.T) {
	t.Parallel()
	similar := sampleInstance()
	similar.Id, similar.Name = 13, "orders-10"
	b := &bench{api: serve(t, routes{
		"GET /instances": page(similar, sampleInstance()), "GET /credentials": page(sampleCredential()),
		"POST /sync-sessions": answerJSON(201, running(0, 1)), "POST /instances": answerJSON(201, sampleInstance()),
	})}
	b.run(t, "sync", "start", "--instance", "orders-1").want(t, 0)
	if asked := b.api.requests(); len(asked) != 2 || asked[0].query != "exact_name=orders-1" {
		t.Errorf("asked %+v", asked)
	}
	if body := b.api.last().body; !strings.Contains(body, `"ids":[12]`) {
		t.Errorf("body = %s", body)
	}
	got := b.run(t, "sync", "start", "--instance", "orders")
	got.want(t, 2)
	got.wantErr(t, `no instance is named "orders"`)
	got = b.run(t, "instance", "add", "x", "--engine", "postgresql", "--host", "h", "--credential", "moni")
	got.want(t, 2)
	got.wantErr(t, `no credential is named "moni"`)
	b.run(t, "instance", "add", "x", "--engine", "postgresql", "--host", "h", "--credential", "44").want(t, 0)
	if body := b.api.last().body; !strings.Contains(body, `"credential_id":44`) {
		t.Errorf("body = %s", body)
	}
}

func TestAccountMayBeNamedOnItsInstance(t *testing.T) {
	t.Parallel()
	gone, here, other := sampleAccount(), sampleAccount(), sampleAccount()
	gone.Id, gone.DeletedAt = 1, &sampleTime
	here.Id, here.Host = 2, "localhost"
	other.Id, other.Host = 3, "%"
	tests := map[string]struct {
		accounts []client.Account
		asked    string // id
		fault    string
	}{
		"one":           {[]client.Account{here}, "2", ""},
		"gone and here": {[]client.Account{gone, here}, "2", ""},
		"gone":          {[]client.Account{gone}, "1", ""},
		"two":           {[]client.Account{gone, here, other}, "", `2 accounts are named "app" on orders-1: give the id of one, 2 (app@localhost), 3 (app@%)`},
		"none":          {nil, "", `no account is named "app" on orders-1: dbfleet account list --instance orders-1 shows all`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bench{api: serve(t, routes{
				"GET /instances": page(sampleInstance()), "GET /accounts": page(tt.accounts...),
				"GET /accounts/{id}": answerJSON(200, client.AccountDetail{}), "GET /accounts/{id}/history": page[client.AccountVersion](),
			})}
			for command, tail := range map[string]string{"show": "", "history": "/history"} {
				got := b.run(t, "account", command, "app", "--instance", "orders-1")
				if tt.fault != "" {
					got.want(t, 2)
					got.wantErr(t, tt.fault)
					continue
				}
				got.want(t, 0)
				if route := b.api.last().route; route != "GET /accounts/"+tt.asked+tail {
					t.Errorf("asked %s", route)
				}
			}
		})
	}
}
