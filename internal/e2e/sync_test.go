package e2e

import (
	"testing"

	"github.com/dbfleet/dbfleet/internal/session"
)

func TestSessionSyncsEveryInstance(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	cred := c.addCredential("targets", targetPassword)
	c.addInstances(100, "pg", "127.0.0.1", c.target.Port(), cred, "")
	c.start("scheduler")
	c.start("worker")
	id := c.startSession()
	s := c.awaitEnd(id, sessionLimit)
	if s.Status != session.Completed || s.Result != session.Succeeded || s.Counts.Completed != 100 {
		t.Errorf("session ended %s, %s, with %+v", s.Status, s.Result, s.Counts)
	}
	if n := scan[int](c, "SELECT count(DISTINCT instance_id) FROM accounts"); n != 100 {
		t.Errorf("%d instances have accounts, want 100", n)
	}
	t.Logf("took %s; p50 %s p95 %s", s.CompletedAt.Sub(s.StartedAt), s.P50, s.P95)
}
