package e2e

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/doctor"
)

// The doctor sees a running system well, and tells what was taken from it.
func TestDoctorOfARunningSystem(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	scheduler := c.start("scheduler")
	c.start("worker")
	c.addInstances(1, "pg", "127.0.0.1", c.target.Port(), c.addCredential("targets", targetPassword), "")
	if _, err := c.pool.Exec(t.Context(), "UPDATE instances SET tls_mode = 'verify-full'"); err != nil {
		t.Fatal(err)
	}
	c.await("a healthy system", time.Minute, func(context.Context) bool {
		code, out := c.dbfleet("", "doctor")
		return code == 0 && strings.Contains(out, "0 failed, 0 to look at")
	})
	if err := c.redis.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	scheduler.kill()
	code, out := c.dbfleetEnv("", []string{"DBFLEET_TARGET_ALLOW=10.0.0.0/8:1"}, "doctor", "--json")
	var answer struct{ Items []doctor.Finding }
	if err := json.Unmarshal([]byte(out), &answer); err != nil || code != 1 {
		t.Fatalf("exit code %d, %v: %s", code, err, out)
	}
	failed := map[string]string{}
	for _, f := range answer.Items {
		if f.Verdict == doctor.Fail {
			failed[f.Check] = f.Found
		}
	}
	if len(failed) != 2 || failed["redis"] != "cannot be reached: connection refused" || !strings.Contains(failed["addresses"], "pg-00001") {
		t.Errorf("failed: %v", failed)
	}
	if code, out := c.dbfleet("", "doctor", "--output", "xml"); code != 2 {
		t.Errorf("wrong usage exited with %d: %s", code, out)
	}
	if strings.Contains(out, targetPassword) {
		t.Error("a password is shown")
	}
}
