package store

import (
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
)

func TestSessionGoesFromCreationToItsEnd(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id := b.start(t, b.instances(t, 3)...)

	tickets := b.dispatch(t)
	if len(tickets) != 3 {
		t.Fatalf("dispatched %d records, want 3", len(tickets))
	}
	for _, ticket := range tickets {
		w := b.claim(t, ticket, worker)
		if err := b.ProveLogin(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if err := b.complete(t.Context(), w.Claim); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := b.FinishSessions(t.Context()); n != 1 || err != nil {
		t.Fatalf("FinishSessions = %d, %v", n, err)
	}

	s := b.session(t, id)
	if s.Status != session.Completed || s.Result != session.Succeeded || s.Counts.Completed != 3 || s.Total != 3 {
		t.Errorf("session = %+v", s)
	}
	if s.P50 == nil || s.Max == nil || *s.Max < *s.P50 || *s.Max > time.Minute {
		t.Errorf("durations p50 %v, max %v", s.P50, s.Max)
	}
	for _, r := range b.records(t, id) {
		if r.Status != session.RecordCompleted || r.Attempt != 1 || r.Fault != nil || r.CompletedAt == nil {
			t.Errorf("record = %+v", r)
		}
	}
	if n := value[int](t, b.pool, `SELECT count(*) FROM last_syncs WHERE session_id = $1`, id); n != 3 {
		t.Errorf("%d last syncs, want 3", n)
	}
}
