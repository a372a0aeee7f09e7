package e2e

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

const mebibyte = 1 << 20

// peak is the most memory that the process has had resident, in bytes.
func (p *process) peak() int64 {
	p.t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return kib << 10
		}
	}
	p.t.Fatal("the system does not tell the peak of a process")
	return 0
}

// addRoles makes n roles on the target, each with a membership and a setting.
func (c *cluster) addRoles(n int) {
	c.t.Helper()
	c.targetSQL("CREATE ROLE everybody NOLOGIN", fmt.Sprintf(`
		DO $$ BEGIN
			FOR i IN 1..%d LOOP
				EXECUTE format('CREATE ROLE member_%%s LOGIN IN ROLE everybody', i);
			END LOOP;
		END $$`, n))
}

func TestWorkerWithManyReadersStaysBelow512MB(t *testing.T) {
	t.Parallel()
	const instances, accounts = 400, 1000
	c := newCluster(t)
	c.addRoles(accounts)
	cred := c.addCredential("targets", targetPassword)
	c.addInstances(instances, "pg", "127.0.0.1", c.target.Port(), cred, "")
	c.start("scheduler")
	worker := c.startFrom(measured, "worker", "DBFLEET_CONCURRENCY=256")
	end := c.awaitEnd(c.startSession(), 5*time.Minute)
	if end.Result != session.Succeeded || end.Items.Created < instances*accounts {
		t.Errorf("session ended %s with %+v, %+v", end.Result, end.Counts, end.Items)
	}
	t.Logf("peak %d MB; took %s", worker.peak()/mebibyte, end.CompletedAt.Sub(end.StartedAt).Round(time.Millisecond))
	if got := worker.peak(); got > 512*mebibyte {
		t.Errorf("the worker's peak was %d MB, want at most 512", got/mebibyte)
	}
}

func TestOneHugeInstanceCostsAtMost256MB(t *testing.T) {
	t.Parallel()
	const accounts = 50_000
	c := newCluster(t)
	cred := c.addCredential("targets", targetPassword)
	c.addInstances(1, "huge", "127.0.0.1", c.target.Port(), cred, "")
	c.start("scheduler")
	worker := c.startFrom(measured, "worker", "DBFLEET_CONCURRENCY=256")
	c.awaitEnd(c.startSession(), sessionLimit)
	before := worker.peak()
	c.addRoles(accounts)
	end := c.awaitEnd(c.startSession(), 5*time.Minute)
	if end.Result != session.Succeeded || end.Items.Created < accounts {
		t.Errorf("session ended %s with %+v, %+v, %+v", end.Result, end.Counts, end.Items, end.ErrorGroups)
	}
	cost := worker.peak() - before
	t.Logf("peak rose by %d MB from %d MB; took %s", cost/mebibyte, before/mebibyte, end.CompletedAt.Sub(end.StartedAt).Round(time.Millisecond))
	if cost > 256*mebibyte {
		t.Errorf("the instance cost %d MB, want at most 256", cost/mebibyte)
	}
}
