package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/testdb"
)

// addr waits until the process has logged where it listens.
func (p *process) addr(message string) string {
	p.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if lines := p.logged(message); len(lines) > 0 {
			return lines[0]["addr"].(string)
		}
		select {
		case <-p.done:
			p.t.Fatalf("%s ended: %s", p.name, strings.Join(p.log(), "\n"))
		case <-time.After(20 * time.Millisecond):
		}
	}
	p.t.Fatalf("%s did not log %q", p.name, message)
	return ""
}

// get returns status and body of one request.
func (c *cluster) get(url, token string) (int, string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // only read
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// missing asks a process's /readyz what it lacks.
func (c *cluster) missing(monitor string) map[string]string {
	c.t.Helper()
	status, body := c.get("http://"+monitor+"/readyz", "")
	var answer struct {
		Missing map[string]string `json:"missing"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		c.t.Fatalf("readyz answered %d %s: %v", status, body, err)
	}
	if (status == http.StatusOK) != (len(answer.Missing) == 0) {
		c.t.Errorf("readyz answered %d with %v missing", status, answer.Missing)
	}
	return answer.Missing
}

func TestProcessesListEveryFaultOfTheirSettings(t *testing.T) {
	t.Parallel()
	c := &cluster{t: t, dir: t.TempDir(), redis: testdb.Redis(t)}
	for program, want := range map[string][]string{
		"api":       {"DBFLEET_DATABASE_URL", "DBFLEET_REDIS_URL", "DBFLEET_PUBLIC_KEY", "DBFLEET_TARGET_ALLOW", "DBFLEET_DB_CONNS", "DBFLEET_TYPO"},
		"worker":    {"DBFLEET_DATABASE_URL", "DBFLEET_REDIS_URL", "DBFLEET_PRIVATE_KEY_FILE", "DBFLEET_TARGET_ALLOW", "DBFLEET_CONCURRENCY", "DBFLEET_TYPO"},
		"scheduler": {"DBFLEET_DATABASE_URL", "DBFLEET_REDIS_URL", "DBFLEET_DB_CONNS", "DBFLEET_TYPO"},
	} {
		p := c.start(program, "DBFLEET_DATABASE_URL=mysql://user:CANARY@host/db", "DBFLEET_REDIS_URL=", "DBFLEET_PUBLIC_KEY=x",
			"DBFLEET_PRIVATE_KEY_FILE=/nowhere", "DBFLEET_TARGET_ALLOW=", "DBFLEET_CONCURRENCY=many", "DBFLEET_DB_CONNS=0", "DBFLEET_TYPO=1")
		if code := p.exit(time.Minute); code != 2 {
			t.Errorf("%s exited with %d, want 2", program, code)
		}
		output := strings.Join(p.log(), "\n")
		for _, name := range want {
			if !strings.Contains(output, name) {
				t.Errorf("%s does not name %s:\n%s", program, name, output)
			}
		}
		if strings.Contains(output, "CANARY") {
			t.Errorf("%s prints a password:\n%s", program, output)
		}
	}
}

func TestProcessesWaitForPostgresAndRedis(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if err := c.postgres.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.redis.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	var monitors []string
	for _, program := range []string{"api", "scheduler", "worker"} {
		monitors = append(monitors, c.start(program).addr("monitor listening"))
	}
	for _, monitor := range monitors {
		if got := c.missing(monitor); got["postgres"] == "" || got["redis"] == "" {
			t.Errorf("%s lacks %v, want postgres and redis", monitor, got)
		}
	}
	if err := c.postgres.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	cred := c.addCredential("targets", targetPassword)
	c.addInstances(5, "pg", "127.0.0.1", c.target.Port(), cred, "")
	if end := c.awaitEnd(c.startSession(), sessionLimit); end.Counts.Completed != 5 {
		t.Errorf("after everything had come back: %+v", end.Counts)
	}
	for _, monitor := range monitors {
		c.await("readiness", time.Minute, func(context.Context) bool { return len(c.missing(monitor)) == 0 })
	}
}

func TestProcessesWaitForTheirSchema(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if code, out := c.dbfleet("", "migrate", "down", "--to", "0"); code != 0 {
		t.Fatalf("migrate down exited with %d: %s", code, out)
	}
	api := c.start("api")
	monitor, url := api.addr("monitor listening"), "http://"+api.addr("api listening")
	worker := c.start("worker").addr("monitor listening")
	for _, addr := range []string{monitor, worker} {
		if got := c.missing(addr)["postgres"]; !strings.Contains(got, "run dbfleet migrate") {
			t.Errorf("%s lacks %q, want the command that mends it", addr, got)
		}
	}
	if status, body := c.get(url+"/api/v1/sync-sessions", "dbf_1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"); status != http.StatusServiceUnavailable {
		t.Errorf("without a schema the API answered %d %s, want 503", status, body)
	}
	if code, out := c.dbfleet("", "migrate"); code != 0 {
		t.Fatalf("migrate exited with %d: %s", code, out)
	}
	c.await("readiness", time.Minute, func(context.Context) bool { return len(c.missing(worker)) == 0 })
	if _, err := c.pool.Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)"); err != nil {
		t.Fatal(err)
	}
	if got := c.missing(worker); len(got) > 0 {
		t.Errorf("with a newer schema the worker that works already lacks %v", got)
	}
	late := c.start("worker").addr("monitor listening")
	if got := c.missing(late)["postgres"]; !strings.Contains(got, "run a newer binary") {
		t.Errorf("with a newer schema a worker that starts lacks %q", got)
	}
}

func TestAPIAnswersAtOnceWhilePostgresHangs(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	token := c.token("admin")
	api := c.start("api")
	url := "http://" + api.addr("api listening")
	c.await("API", time.Minute, func(context.Context) bool {
		status, _ := c.get(url+"/api/v1/sync-sessions", token)
		return status == http.StatusOK
	})
	if err := c.postgres.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, body := c.get(url+"/api/v1/sync-sessions", token)
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "request_id") {
		t.Errorf("with Postgres away the API answered %d %s, want a 503 problem", status, body)
	}
	if err := c.postgres.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.await("API to be back", time.Minute, func(context.Context) bool {
		status, _ := c.get(url+"/api/v1/sync-sessions", token)
		return status == http.StatusOK
	})
}

// A deployment must not hang on a Redis that does.
func TestWorkerEndsWhileRedisHangs(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	worker := c.start("worker", "DBFLEET_FETCHERS=8")
	c.await("worker to fetch", time.Minute, func(context.Context) bool {
		servers, ok := c.redisDo("ZCARD", "asynq:servers").(int64)
		return ok && servers == 8
	})
	if err := c.redis.Pause(); err != nil {
		t.Fatal(err)
	}
	defer c.redis.Resume()
	worker.signal(syscall.SIGTERM)
	if code := worker.exit(sessionLimit); code != 0 {
		t.Errorf("the worker exited with %d, want 0", code)
	}
}
