package cli

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/client"
)

func TestListAsCSVIsWholeAndHasIDs(t *testing.T) {
	t.Parallel()
	one := sampleRecord()
	one.InstanceName = "=HYPERLINK(\"x\")"
	one.Fault = &client.Fault{Code: "auth_failed", Phase: "login", Message: "two\nlines, " + strings.Repeat("long ", 100)}
	b := &bench{width: 40, api: serve(t, routes{"GET /sync-sessions/{id}/records": page(one)})}
	got := b.run(t, "sync", "show", sampleSession, "--records", "--output", "csv")
	got.want(t, 0)
	if got.err != "" || !strings.HasSuffix(got.out, "\r\n") {
		t.Errorf("out = %q, err = %q", got.out, got.err)
	}
	rows, err := csv.NewReader(strings.NewReader(got.out)).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v: %s", len(rows), err, got.out)
	}
	cell := func(title string) string { return rows[1][slices.Index(rows[0], title)] }
	for title, want := range map[string]string{
		"RECORD": "4711", "INSTANCE": "'=HYPERLINK(\"x\")", "TOOK": "", "id": "4711", "instance_id": "12", "session_id": sampleSession,
		"ERROR": `auth_failed at login: two\nlines, ` + strings.Repeat("long ", 100),
	} {
		if cell(title) != want {
			t.Errorf("%s = %q, want %q", title, cell(title), want)
		}
	}
}

func TestCSVCellsAreNoFormulas(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": `'\tx`, "\rx": `'\u000Dx`, "-": "", "a-b": "a-b", "": "",
		"\uFF1D1": "'\uFF1D1", "\uFF0B1": "'\uFF0B1", "\uFF0D1": "'\uFF0D1", "\uFF20x": "'\uFF20x", "'=1": "''=1",
		"\x1b[31m": `\u001B[31m`,
	} {
		if got := plainCell(in); got != want {
			t.Errorf("plainCell(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEveryListHasCSV(t *testing.T) {
	t.Parallel()
	commands := listed()
	names := []string{
		"account history", "account diff of two times", "account diff of two instances", "schedule next", "credential show", "instance export",
	}
	for name := range listCommands() {
		names = append(names, name)
	}
	for _, name := range names {
		if name == "schedule show" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := commands[name]
			got := c.bench(t, c.answer).run(t, append(slices.Clone(c.args), "--output=csv")...)
			got.want(t, 0)
			rows, err := csv.NewReader(strings.NewReader(got.out)).ReadAll()
			if err != nil || len(rows) < 2 {
				t.Errorf("%d rows, %v: %s", len(rows), err, got.out)
			}
		})
	}
}

func TestEmptyListAsCSVIsItsHeader(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{
		"GET /holds": page[client.Hold](), "GET /credentials/{id}": answerJSON(200, sampleCredential()),
		"GET /credentials/{id}/instances": page[client.Instance](), "GET /accounts/diff": page[client.AccountDifference](),
	})}
	got := b.run(t, "hold", "list", "--output", "csv")
	got.want(t, 0, "ID,INSTANCE,REASON", ",instance_id,record_id,session_id\r\n")
	for args, header := range map[string]string{
		"credential show 3": "ID,NAME,ENGINE,ADDRESS,ACTIVE", "account diff 12 13": "NAME,KIND,SIDE,WHAT,DETAIL",
	} {
		got := b.run(t, append(strings.Fields(args), "--output", "csv")...)
		got.want(t, 0, header)
		if strings.Count(got.out, "\n") != 1 || got.err != "" {
			t.Errorf("%s: %s%s", args, got.out, got.err)
		}
	}
}

// What changes something must not do so and then complain about its form.
func TestCSVOfOneThingIsRefused(t *testing.T) {
	t.Parallel()
	commands := allCommands()
	for _, name := range []string{"credential add", "instance show", "sync start", "sync cancel", "hold confirm", "schedule show", "whoami"} {
		c := commands[name]
		b := c.bench(t, c.answer)
		got := b.run(t, append(slices.Clone(c.args), "--output", "csv")...)
		got.want(t, 2)
		got.wantErr(t, "--output csv is for lists")
		if n := len(b.api.requests()); n != 0 || got.out != "" {
			t.Errorf("%s: %d requests, out = %s", name, n, got.out)
		}
	}
	c := commands["sync show"]
	got := c.bench(t, c.answer).run(t, append(slices.Clone(c.args), "--output", "csv")...)
	got.want(t, 2)
	got.wantErr(t, "--output csv is for lists")
	if got.out != "" {
		t.Errorf("out = %s", got.out)
	}
}

func TestOutputJSONIsTheSameAsJSON(t *testing.T) {
	t.Parallel()
	c := apiCommands()["hold list"]
	want := c.bench(t, c.answer).run(t, append(slices.Clone(c.args), "--json")...)
	for _, flag := range [][]string{{"--output=json"}, {"--output", "json"}} {
		if got := c.bench(t, c.answer).run(t, append(slices.Clone(c.args), flag...)...); got != want {
			t.Errorf("%v: %+v, want %+v", flag, got, want)
		}
	}
	got := c.bench(t, c.answer).run(t, append(slices.Clone(c.args), "--json", "--output", "csv")...)
	got.want(t, 2)
	got.wantErr(t, "do not go together")
	got = c.bench(t, c.answer).run(t, append(slices.Clone(c.args), "--output", "xml")...)
	got.want(t, 2)
	got.wantErr(t, "must be one of table, csv, json")
}

func TestShellCompletesNames(t *testing.T) {
	t.Parallel()
	hostile := sampleInstance()
	hostile.Name = "orders-$(reboot)"
	api := serve(t, routes{
		"GET /instances": page(sampleInstance(), hostile), "GET /credentials": page(sampleCredential()),
		"GET /schedules": page(sampleSchedule()), "GET /sync-sessions": page(running(1, 2)),
	})
	for args, want := range map[string]string{
		"instance show ord":            "orders-1\n:4\n",
		"instance show x":              ":4\n",
		"instance show orders-1 or":    ":4\n",
		"sync start --instance ":       "orders-1\n:4\n",
		"credential update m":          "monitor\n:4\n",
		"instance add x --credential ": "monitor\n:4\n",
		"schedule run ":                "nightly\n:4\n",
		"sync watch 6f":                sampleSession + "\n:4\n",
		"sync list --output ":          "table\ncsv\njson\n:4\n",
	} {
		got := (&bench{api: api}).run(t, append([]string{"__complete"}, strings.Split(args, " ")...)...)
		if got.code != 0 || got.out != want {
			t.Errorf("%q: %+v, want %q", args, got, want)
		}
	}
}

func TestCompletionIsSilentWhenItCannotAsk(t *testing.T) {
	t.Parallel()
	refusing := serve(t, routes{"GET /instances": problem(http.StatusUnauthorized, "unauthorized", "no")})
	for name, b := range map[string]*bench{
		"away":     {env: map[string]string{"DBFLEET_API_URL": "http://127.0.0.1:1"}},
		"refused":  {api: refusing},
		"no token": {api: refusing, env: map[string]string{"DBFLEET_TOKEN": ""}},
	} {
		got := b.run(t, "__complete", "instance", "show", "")
		if got.code != 0 || got.out != ":4\n" || strings.Contains(got.err, "dbfleet:") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for shell, want := range map[string]string{"bash": "__start_dbfleet", "zsh": "#compdef dbfleet", "fish": "complete -c dbfleet", "powershell": "Register-ArgumentCompleter"} {
		(&bench{}).run(t, "completion", shell).want(t, 0, want)
	}
}
