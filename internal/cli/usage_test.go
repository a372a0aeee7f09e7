package cli

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/client"
)

func TestWrongUsageExits2AndShowsTheHelp(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                                    "which command?",
		"sync":                                "which command?",
		"snyc":                                "did you mean sync",
		"sync sttart":                         "did you mean start",
		"sync start --al":                     "unknown flag: --al",
		"sync start --category x --all":       "must be one of account, capacity",
		"sync watch":                          "accepts 1 arg(s), received 0",
		"instance add a --host h --engine db": "must be one of postgresql",
		"instance add a --host h":             "required flag(s)",
		"instance list --active=perhaps":      "must be true or false",
		"schedule add n --all":                "required flag(s)",
		"schedule add n --overlap both":       "must be one of skip, queue",
		"migrate up":                          "unknown command",
		"migrate down":                        "required flag(s)",
	}
	for args, want := range tests {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			got := (&bench{local: &fakeLocal{}}).run(t, strings.Fields(args)...)
			got.want(t, 2)
			got.wantErr(t, want, "Try: dbfleet", "--help")
			if got.out != "" {
				t.Errorf("out = %s", got.out)
			}
		})
	}
}

func TestWrongArgumentsSendNothing(t *testing.T) {
	t.Parallel()
	api := serve(t, routes{})
	for args, want := range map[string]string{
		"sync start":                           "which instances?",
		"sync start --all --tag x":             "--all stands alone",
		"sync watch abc":                       "at least 4",
		"sync watch zzzzzz":                    "is not the id of a session",
		"sync cancel 6f2c1 --record -1":        "--record",
		"sync cancel 6f2c1 --record 0":         "--record",
		"sync cancel 6f2c1 --record=":          "--record",
		"instance update 12":                   "what is to change?",
		"credential update 3":                  "what is to change?",
		"account show app":                     "ids are numbers from 1; a name needs --instance",
		"account history app":                  "ids are numbers from 1; a name needs --instance",
		"account show 0":                       "ids are numbers",
		"account history -- -5":                "ids are numbers",
		"hold confirm x":                       "ids are numbers",
		"instance tag add eu":                  "which instances?",
		"instance deactivate --all --id 1":     "--all stands alone",
		"instance restore orders-1":            "ids are numbers",
		"keys retire 3f0c":                     "16 hexadecimal digits",
		"schedule add n --cron x":              "which instances?",
		"schedule add n --cron x --all --id 1": "--all stands alone",
		"schedule update 4":                    "what is to change?",
		"schedule next 4 --count 101":          "--count must be between 1 and 100",
		"schedule pause 0":                     "ids are numbers",
		"hold list --limit -1":                 "--limit",
		"sync list --limit -1":                 "--limit",
		"sync show 6f2c1f0e --limit -1":        "--limit",
		"sync show 6f2c1f0e --limit 5":         "--limit goes with --records",
		"whoami --api-url ftp://x":             "--api-url: must start with http://",
		"whoami --api-url localhost:8080":      "--api-url: must start with http://",
		"whoami --api-url http://u:p@x":        "must hold nothing but",
		"whoami --token-file /does/not/be":     "read token",
		"whoami --token-file " + os.DevNull:    "no token",
		"token revoke dbf_31":                  "ids are numbers",
		"token create --user a --role admin":   "--role is for --local",
		"token list --user a --all":            "none of the others can be",
		"user role alice root":                 "unknown role",
		"audit --from yesterday":               "give a date",
		"audit --to -3d":                       "give a date",
		"account show 1 --at yesterday":        "is no time",
		"account diff a":                       "compare with what?",
		"account diff a b --from 7d":           "go with one instance",
		"account diff a --from 1d --at 2d":     "compare with what?",
		"account list --schema x":              "go with --privilege, --object or --database",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			got := (&bench{api: api}).run(t, strings.Fields(args)...)
			got.want(t, 2)
			got.wantErr(t, want)
			if strings.Contains(got.err, "u:p") {
				t.Errorf("a password is shown: %s", got.err)
			}
		})
	}
	t.Cleanup(func() {
		if n := len(api.requests()); n != 0 {
			t.Errorf("%d requests were sent: %v", n, api.requests())
		}
	})
}

func TestSecretsAreNeverTakenFromArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"credential", "add", "m", "--username", "u", "--password", "canary-1"},
		{"credential", "add", "m", "--username", "u", "--password=canary-1"},
		{"credential", "add", "m", "canary-1", "--username", "u"},
		{"credential", "update", "m", "--password", "canary-1"},
		{"credential", "update", "m", "--password-prompt", "canary-1"},
		{"credential", "update", "m", "--password-prompt=canary-1"},
		{"credential", "add", "m", "--username", "u", "-pcanary-1"},
		{"whoami", "--token", "canary-1"},
		{"whoami", "--token=canary-1"},
	} {
		got := (&bench{api: serve(t, routes{})}).run(t, args...)
		got.want(t, 2)
		if strings.Contains(got.out+got.err, "canary-1") {
			t.Errorf("%v: the secret is shown: %s", args, got.err)
		}
	}
	got := (&bench{}).run(t, "credential", "add", "m", "--password", "x")
	got.wantErr(t, "never taken from an argument", "standard input")
}

func TestMistypedFlagIsNamedAndNoSecret(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"credential update m --password-prmpt": "unknown flag: --password-prmpt",
		"whoami --token-file":                  "flag needs an argument: --token-file",
		"whoami --token-fle x":                 "unknown flag: --token-fle",
	} {
		got := (&bench{}).run(t, strings.Fields(args)...)
		got.want(t, 2)
		got.wantErr(t, want)
	}
}

func TestPasswordMustBeThere(t *testing.T) {
	t.Parallel()
	for _, stdin := range []string{"", "\n", "\r\n"} {
		b := &bench{api: serve(t, routes{}), stdin: stdin}
		for _, args := range []string{"credential add m --username u", "credential update 3 --username u", "credential update 3 --password-prompt"} {
			got := b.run(t, strings.Fields(args)...)
			got.want(t, 2)
			got.wantErr(t, "no password")
		}
	}
}

func TestPasswordKeepsItsBlanks(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"POST /credentials": answerJSON(201, sampleCredential())}), stdin: "  two blanks  "}
	b.run(t, "credential", "add", "m", "--username", "u").want(t, 0)
	if body := b.api.last().body; !strings.Contains(body, `"password":"  two blanks  "`) {
		t.Errorf("body = %s", body)
	}
}

func TestTokenFromAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("dbf_1_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bench{api: serve(t, routes{"GET /me": answerJSON(200, client.User{Name: "alice"})})}
	b.run(t, "whoami", "--token-file", path).want(t, 0, "alice")
	if got := b.api.last().token; got != "Bearer dbf_1_file" {
		t.Errorf("token = %q", got)
	}
	b.env = map[string]string{"DBFLEET_TOKEN": "two\nlines-canary"}
	got := b.run(t, "whoami")
	got.want(t, 2)
	if strings.Contains(got.err, "canary") {
		t.Errorf("the token is shown: %s", got.err)
	}
}

func TestAPIURLFlagWins(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"GET /me": answerJSON(200, client.User{Name: "alice"})})}
	b.env = map[string]string{"DBFLEET_API_URL": "http://127.0.0.1:1"}
	b.run(t, "whoami", "--api-url", b.api.url+"/").want(t, 0, "alice")
	got := b.run(t, "whoami", "--api-url", "http://127.0.0.1:1")
	got.want(t, 2)
	got.wantErr(t, "--api-url sets its address")
}

func TestListFollowsPagesUpToTheLimit(t *testing.T) {
	t.Parallel()
	first, second := "c1", "c2"
	pages := func() *bench {
		return &bench{api: serve(t, routes{"GET /instances": inTurn(
			answerJSON(200, client.InstancePage{Items: []client.Instance{sampleInstance(), sampleInstance()}, NextCursor: &first}),
			answerJSON(200, client.InstancePage{Items: []client.Instance{sampleInstance()}, NextCursor: &second}),
			answerJSON(200, client.InstancePage{Items: []client.Instance{sampleInstance()}}),
		)})}
	}
	b := pages()
	got := b.run(t, "instance", "list", "--limit", "3")
	got.want(t, 0)
	got.wantErr(t, "There are more than these 3: --limit 0 shows all.")
	if asked := b.api.requests(); len(asked) != 2 || asked[0].query != "limit=3" || asked[1].query != "limit=1&cursor=c1" {
		t.Errorf("asked %+v", asked)
	}
	b = pages()
	got = b.run(t, "instance", "list", "--limit", "0", "--json")
	got.want(t, 0, `"next_cursor":null`)
	if n := strings.Count(got.out, `"name":"orders-1"`); n != 4 {
		t.Errorf("%d instances, want 4: %s", n, got.out)
	}
	if asked := b.api.requests(); asked[0].query != "limit=500" {
		t.Errorf("asked %+v", asked)
	}
}

func TestListOfNothing(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"GET /holds": page[client.Hold]()})}
	got := b.run(t, "hold", "list")
	got.want(t, 0)
	got.wantErr(t, "Nothing found.")
	b.run(t, "hold", "list", "--json").want(t, 0, `{"items":[],"next_cursor":null}`)
}

func TestListEndsWhenThePageRepeats(t *testing.T) {
	t.Parallel()
	same := "c1"
	b := &bench{api: serve(t, routes{"GET /holds": answerJSON(200, client.HoldPage{Items: []client.Hold{sampleHold()}, NextCursor: &same})})}
	b.run(t, "hold", "list", "--limit", "0").want(t, 2)
}

func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	code := Run(t.Context(), []string{"version"}, Streams{In: strings.NewReader(""), Out: fullDisk{}, Err: &errs}, nil)
	if code != 2 || !strings.Contains(errs.String(), "disk is full") {
		t.Errorf("code = %d, err = %s", code, &errs)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	got := (&bench{}).run(t, "--help")
	got.want(t, 0, "Exit codes", "sync", "credential", "completion")
	if strings.Contains(got.out, "demo") {
		t.Error("the hidden command is listed")
	}
	(&bench{}).run(t, "sync", "watch", "--help").want(t, 0, "Ctrl-C detaches")
	(&bench{}).run(t, "completion", "bash").want(t, 0, "__start_dbfleet")
	(&bench{}).run(t, "__complete", "sync", "start", "--category", "").want(t, 0, "account\n", "aggregation\n")
}

func TestRequestThatCameTooSoonIsSentAgain(t *testing.T) {
	t.Parallel()
	busy := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "2")
		problem(http.StatusTooManyRequests, "rate_limited", "too many requests")(w, r)
	}
	b := &bench{api: serve(t, routes{"POST /users": inTurn(busy, busy, answerJSON(201, sampleUser()))})}
	b.run(t, "user", "add", "alice", "--role", "operator").want(t, 0, "alice")
	if waited := b.now.Sub(sampleTime); waited != 4*time.Second {
		t.Errorf("waited %s", waited)
	}
	for _, r := range b.api.requests() {
		if r.body != `{"name":"alice","role":"operator"}` {
			t.Errorf("sent %q", r.body)
		}
	}
	b = &bench{api: serve(t, routes{"POST /users": busy})}
	got := b.run(t, "user", "add", "alice", "--role", "operator")
	got.want(t, 2)
	got.wantErr(t, "too many requests")
	if n := len(b.api.requests()); n != maxTries {
		t.Errorf("asked %d times", n)
	}
}
