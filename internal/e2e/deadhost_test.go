package e2e

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/session"
)

// silentHosts listens on n addresses of the loopback network, takes
// connections and never answers. It returns the port that all share.
func silentHosts(t *testing.T, n int) int {
	t.Helper()
	port := 0
	for i := range n {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.1.%d:%d", i+1, port))
		if err != nil {
			t.Fatal(err)
		}
		port = l.Addr().(*net.TCPAddr).Port
		t.Cleanup(func() { _ = l.Close() }) // the test is over
	}
	return port
}

// addSilent registers one instance on each of n silent hosts.
func (c *cluster) addSilent(n int, credential int64) {
	c.t.Helper()
	_, err := c.pool.Exec(c.t.Context(), `
		INSERT INTO instances (name, engine, host, port, credential_id, tls_mode, host_key)
		SELECT format('silent-%s', i), 'postgresql', format('127.0.1.%s', i), $2, $3, 'disable', format('127.0.1.%s', i)
		FROM generate_series(1, $1::int) AS i`, n, silentHosts(c.t, n), credential)
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) startTagged(tag string) session.ID {
	c.t.Helper()
	by := int64(0)
	s, _, err := c.store.CreateSession(c.t.Context(), session.Request{
		Category: session.Account, Selector: session.Selector{Tags: []string{tag}}, CreatedBy: &by,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return s.ID
}

// p95 is the time from the session's start within which 95 % of its completed
// records were done.
func (c *cluster) p95(id session.ID) time.Duration {
	c.t.Helper()
	s := scan[float64](c, `
		SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY EXTRACT(epoch FROM r.completed_at - s.started_at))::float8
		FROM sync_instance_records r JOIN sync_sessions s USING (session_id)
		WHERE r.session_id = $1 AND r.status = 'completed'`, id)
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond)
}

// A worker with few places meets more silent hosts than it has places. The
// silent ones may take minutes; the healthy ones must be done before a single
// one of them has run into its deadline.
func TestHealthyInstancesDoNotWaitForSilentOnes(t *testing.T) {
	t.Parallel()
	const healthy, silent = 950, 50
	c := newCluster(t)
	cred := c.addCredential("targets", targetPassword)
	c.addInstances(healthy, "pg", "127.0.0.1", c.target.Port(), cred, "")
	if _, err := c.pool.Exec(t.Context(), "INSERT INTO instance_tags SELECT id, 'healthy' FROM instances"); err != nil {
		t.Fatal(err)
	}
	c.set("target.connect_timeout", 300)
	c.start("scheduler")
	c.start("worker", "DBFLEET_CONCURRENCY=32")
	alone := c.startTagged("healthy")
	c.awaitEnd(alone, sessionLimit)

	c.addSilent(silent, cred)
	id := c.startSession()
	c.awaitCounts(id, "healthy instances to be done", sessionLimit, func(n session.Counts) bool { return n.Completed == healthy })
	s, err := c.store.Session(t.Context(), id)
	if err != nil || s.Counts.Failed != 0 || s.Counts.Open() != silent {
		t.Errorf("with the healthy ones done: %+v, %v; want all %d silent ones still open", s.Counts, err, silent)
	}
	t.Logf("95 %% of the healthy were done after %s, beside %d silent hosts after %s", c.p95(alone), silent, c.p95(id))
	if _, err := c.store.CancelSession(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	c.awaitEnd(id, sessionLimit)
	c.checkInvariants()
}

// Fifty instances of one silent host cost the time of a few.
func TestSilentHostIsGivenUpAfterThreeInstances(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	cred := c.addCredential("targets", targetPassword)
	c.addInstances(20, "pg", "127.0.0.1", c.target.Port(), cred, "")
	c.addInstances(50, "dead", "127.0.0.1", collectortest.Unaccepting(t), cred, "dead-host")
	c.set("target.connect_timeout", 2)
	c.start("scheduler")
	c.start("worker")
	end := c.awaitEnd(c.startSession(), sessionLimit)
	if end.Counts.Completed != 20 || end.Counts.Failed != 50 {
		t.Errorf("session ended with %+v", end.Counts)
	}
	down := scan[int](c, "SELECT count(*) FROM sync_instance_records WHERE error_code = 'host_down'")
	if down < 40 {
		t.Errorf("%d records were given up as host_down, want at least 40; errors %+v", down, end.ErrorGroups)
	}
	c.checkInvariants()
}
