package store

import (
	"testing"

	"github.com/dbfleet/dbfleet/internal/session"
)

// A session may have 100,000 instances. How long that takes is the benchmark's
// matter; here it must be whole, and end as a whole.
func TestBigSessionIsCreatedAndCancelledWhole(t *testing.T) {
	t.Parallel()
	const instances = 100_000
	b := newFleet(t)
	b.sql(t, `INSERT INTO instances (name, engine, host, port, credential_id, host_key)
		SELECT 'i' || g, 'postgresql', 'h' || g, 5432, $1, 'h' || g FROM generate_series(1, $2) g`, b.credential, instances)
	b.sql(t, `ANALYZE instances`)
	by := int64(1)
	s, _, err := b.CreateSession(t.Context(), session.Request{Category: session.Account, Selector: session.Selector{All: true}, CreatedBy: &by})
	if err != nil || s.Total != instances || s.Counts.Pending != instances {
		t.Fatalf("created %d records, %+v: %v", s.Total, s.Counts, err)
	}
	if s, err = b.CancelSession(t.Context(), s.ID); err != nil || s.Status != session.Cancelled || s.Counts.Cancelled != instances {
		t.Fatalf("session is %s, %+v: %v", s.Status, s.Counts, err)
	}
}
