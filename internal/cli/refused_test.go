package cli

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/client"
)

func TestCommandRefused(t *testing.T) {
	t.Parallel()
	refusals := map[string]struct {
		answer http.HandlerFunc
		want   []string
	}{
		"401": {problem(401, "unauthorized", "the token is not valid"), []string{"dbfleet: the token is not valid [request id 01JREQUEST]", "dbfleet token create --local"}},
		"403": {problem(403, "forbidden", "needs the role operator"), []string{"needs the role operator", "whoami"}},
		"404": {problem(404, "session_not_found", "no such session"), []string{"dbfleet: no such session [request id"}},
		"409": {problem(409, "already_finished", "it has ended"), []string{"it has ended"}},
		"422 one field": {
			problem(422, "invalid_value", "host: must be a name", client.FieldError{Field: "host", Reason: "must be a name"}),
			[]string{"dbfleet: host: must be a name [request id"},
		},
		"422 one field apart": {
			problem(422, "invalid_value", "must be a name", client.FieldError{Field: "host", Reason: "must be a name"}),
			[]string{"dbfleet: must be a name (field: host) [request id"},
		},
		"422 fields": {
			problem(422, "invalid_value", "two values", client.FieldError{Field: "host", Reason: "is bad"}, client.FieldError{Field: "port", Reason: "is worse"}),
			[]string{"dbfleet: two values", "\n  host: is bad\n  port: is worse\n"},
		},
		"500":           {problem(500, "internal", "internal error"), []string{"internal error"}},
		"other server":  {answerJSON(404, map[string]string{"message": "nginx"}), []string{"not an answer of DBFleet's API"}},
		"html":          {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, []string{"not an answer of DBFleet's API"}},
		"redirect":      {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, []string{"answered 302"}},
		"another shape": {answerJSON(200, []int{1}), []string{"answer"}},
	}
	for name, c := range allCommands() {
		for kind, refused := range refusals {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				got := c.bench(t, refused.answer).run(t, c.args...)
				got.want(t, 2)
				got.wantErr(t, refused.want...)
				if got.out != "" {
					t.Errorf("out = %s", got.out)
				}
				if leaks(got, c.stdin) {
					t.Errorf("a secret is shown:\n%s%s", got.out, got.err)
				}
				inJSON := c.bench(t, refused.answer).run(t, append(c.args, "--json")...)
				inJSON.want(t, 2)
				if !json.Valid([]byte(inJSON.err)) {
					t.Errorf("err is not one JSON document: %s", inJSON.err)
				}
			})
		}
	}
}

// leaks reports whether the token or the password was shown.
func leaks(r ran, stdin string) bool {
	password, _, _ := strings.Cut(stdin, "\r")
	shown := r.out + r.err
	return strings.Contains(shown, testToken) || password != "" && strings.Contains(shown, password)
}

func TestCommandWithoutAPI(t *testing.T) {
	t.Parallel()
	for name, c := range allCommands() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bench{stdin: c.stdin, env: map[string]string{"DBFLEET_API_URL": "http://127.0.0.1:1"}}
			got := b.run(t, c.args...)
			got.want(t, 2)
			got.wantErr(t, "cannot reach the API at http://127.0.0.1:1", "refused", "DBFLEET_API_URL")
			if strings.Contains(got.err, "api/v1") || leaks(got, c.stdin) {
				t.Errorf("err = %s", got.err)
			}
		})
	}
}

func TestCommandWithoutToken(t *testing.T) {
	t.Parallel()
	for name, c := range allCommands() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := c.bench(t, c.answer)
			b.env = map[string]string{"DBFLEET_TOKEN": ""}
			got := b.run(t, c.args...)
			got.want(t, 2)
			got.wantErr(t, "dbfleet token create")
			if n := len(b.api.requests()); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func TestRefusedSettingIsNamed(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"PUT /settings/{key}": problem(422, "invalid_value", "value: must be a whole number",
		client.FieldError{Field: "value", Reason: "must be a whole number"})})}
	got := b.run(t, "setting", "set", "dispatch.host_limit", "x")
	got.want(t, 2)
	if want := "dbfleet: dispatch.host_limit: must be a whole number [request id 01JREQUEST]\n"; got.err != want {
		t.Errorf("err = %s, want %s", got.err, want)
	}
	got = b.run(t, "setting", "set", "dispatch.host_limit", "x", "--json")
	got.wantErr(t, `"field":"value"`)
}
