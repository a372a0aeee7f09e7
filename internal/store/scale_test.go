package store

import (
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

// A session may have 100,000 instances; creating and cancelling one is a
// matter of seconds even on a busy machine (0.9 s and 0.7 s on two cores).
func TestBigSessionIsCreatedAndCancelledAtOnce(t *testing.T) {
	t.Parallel()
	const instances, bound = 100_000, 20 * time.Second
	b := newFleet(t)
	b.sql(t, `INSERT INTO instances (name, engine, host, port, credential_id, host_key)
		SELECT 'i' || g, 'postgresql', 'h' || g, 5432, $1, 'h' || g FROM generate_series(1, $2) g`, b.credential, instances)
	b.sql(t, `ANALYZE instances`)
	by := int64(1)
	began := time.Now()
	s, _, err := b.CreateSession(t.Context(), session.Request{Category: session.Account, Selector: session.Selector{All: true}, CreatedBy: &by})
	if err != nil || s.Total != instances {
		t.Fatalf("created %d records: %v", s.Total, err)
	}
	created := time.Since(began)
	began = time.Now()
	if s, err = b.CancelSession(t.Context(), s.ID); err != nil || s.Status != session.Cancelled {
		t.Fatalf("session is %s: %v", s.Status, err)
	}
	cancelled := time.Since(began)
	t.Logf("created in %s, cancelled in %s", created, cancelled)
	if created > bound || cancelled > bound {
		t.Errorf("created in %s, cancelled in %s", created, cancelled)
	}
}
