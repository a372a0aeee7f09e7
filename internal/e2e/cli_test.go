package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// dbfleet runs one command line with input and returns its exit code and both
// outputs together.
func (c *cluster) dbfleet(input string, args ...string) (int, string) {
	c.t.Helper()
	return c.dbfleetEnv(input, nil, args...)
}

func (c *cluster) dbfleetEnv(input string, env []string, args ...string) (int, string) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), filepath.Join(binaries, "dbfleet"), args...)
	cmd.Env = c.env(env...)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatalf("run dbfleet %v: %v", args, err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// token makes a token of a new user of that role.
func (c *cluster) token(role string) string {
	c.t.Helper()
	code, out := c.dbfleet("", "token", "create", "--local", "--user", role, "--role", role, "--expires", "1h", "--json")
	if code != 0 {
		c.t.Fatalf("token create exited with %d: %s", code, out)
	}
	var answer struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.Token == "" {
		c.t.Fatalf("token create printed %s: %v", out, err)
	}
	return answer.Token
}

// A newcomer's way: token, credential, instance, sync, look.
func TestCommandLineFromTokenToAccount(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	api := c.start("api")
	c.start("scheduler")
	c.start("worker")
	env := []string{"DBFLEET_API_URL=http://" + api.addr("api listening"), "DBFLEET_TOKEN=" + c.token("operator")}
	run := func(wantCode int, input string, args ...string) string {
		t.Helper()
		code, out := c.dbfleetEnv(input, env, args...)
		if code != wantCode {
			t.Errorf("dbfleet %v exited with %d, want %d: %s", args, code, wantCode, out)
		}
		return out
	}
	port := fmt.Sprint(c.target.Port())
	run(0, targetPassword+"\n", "credential", "add", "targets", "--username", targetUser)
	run(0, "not it\n", "credential", "add", "wrong", "--username", targetUser)
	run(0, "", "instance", "add", "one", "--engine", "postgresql", "--host", "127.0.0.1", "--port", port,
		"--credential", "targets", "--tls-mode", "disable", "--tag", "good")
	run(0, "", "instance", "add", "two", "--engine", "postgresql", "--host", "127.0.0.1", "--port", port,
		"--credential", "wrong", "--tls-mode", "disable")
	run(0, "", "instance", "add", "tls", "--engine", "postgresql", "--host", "127.0.0.1", "--port", port,
		"--credential", "targets")
	if out := run(0, "", "sync", "start", "--tag", "good", "--watch"); !strings.Contains(out, "succeeded") {
		t.Errorf("watch of a good session printed %s", out)
	}
	out := run(1, "", "sync", "start", "--all", "--watch")
	for _, want := range []string{"auth_failed", "tls_failed", "tls_mode", "partial"} {
		if !strings.Contains(out, want) {
			t.Errorf("watch of a partial session does not say %s: %s", want, out)
		}
	}
	if out := run(0, "", "account", "list", "--instance", "one"); !strings.Contains(out, targetUser) {
		t.Errorf("account list printed %s", out)
	}
	run(2, "", "sync", "start", "--tag", "nobody-has-this")
	run(2, "", "setting", "set", "dispatch.host_limit", "8")
	run(2, "", "sync", "start")
	if code, _ := c.dbfleetEnv("", []string{"DBFLEET_API_URL=http://127.0.0.1:1", "DBFLEET_TOKEN=x"}, "sync", "list"); code != 2 {
		t.Errorf("without an API the exit code was %d, want 2", code)
	}
}

// The password of a target is nowhere but in the target, in whatever form.
func TestPasswordsAreNowhereToBeFound(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	api := c.start("api")
	scheduler, worker := c.start("scheduler"), c.start("worker", "DBFLEET_LOG_LEVEL=debug")
	url := "http://" + api.addr("api listening")
	token := c.token("admin")
	env := []string{"DBFLEET_API_URL=" + url, "DBFLEET_TOKEN=" + token}
	const wrong = "CANARY-wrong-password-91c2"
	port := fmt.Sprint(c.target.Port())
	var printed []string
	for _, step := range []struct {
		input string
		args  []string
	}{
		{targetPassword + "\n", []string{"credential", "add", "right", "--username", targetUser}},
		{wrong + "\n", []string{"credential", "add", "wrong", "--username", targetUser}},
		{"", []string{"instance", "add", "a", "--engine", "postgresql", "--host", "127.0.0.1", "--port", port, "--credential", "right", "--tls-mode", "disable"}},
		{"", []string{"instance", "add", "b", "--engine", "postgresql", "--host", "127.0.0.1", "--port", port, "--credential", "wrong", "--tls-mode", "disable"}},
		{"", []string{"sync", "start", "--all", "--watch", "--json"}},
		{"", []string{"credential", "list", "--json"}},
	} {
		_, out := c.dbfleetEnv(step.input, env, step.args...)
		printed = append(printed, out)
	}
	places := map[string]string{
		"command line": strings.Join(printed, "\n"),
		"api log":      strings.Join(api.log(), "\n"),
		"other logs":   strings.Join(append(scheduler.log(), worker.log()...), "\n"),
		"postgres":     c.dump(),
		"redis":        fmt.Sprint(c.redisDo("KEYS", "*")),
	}
	for place, text := range places {
		for _, canary := range []string{targetPassword, wrong, "CANARY", token} {
			if canary == token && place == "command line" {
				continue
			}
			if strings.Contains(text, canary) {
				t.Errorf("%q is in the %s", canary, place)
			}
		}
	}
	if !strings.Contains(places["postgres"], "auth_failed") {
		t.Error("the dump does not hold the failure: it looked at nothing")
	}
}

// dump is every row of every table of DBFleet's own database as text.
func (c *cluster) dump() string {
	c.t.Helper()
	rows, err := c.pool.Query(c.t.Context(), "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			c.t.Fatal(err)
		}
		tables = append(tables, name)
	}
	var all strings.Builder
	for _, name := range tables {
		all.WriteString(scan[string](c, fmt.Sprintf("SELECT COALESCE(string_agg(t::text, E'\\n'), '') FROM %s t", name)))
	}
	return all.String()
}
