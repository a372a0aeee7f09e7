package store

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/session"
)

func (b *fleetBundle) lapse(t testing.TB) {
	t.Helper()
	b.sql(t, `UPDATE workers SET lease_until = now() - interval '1 s'`)
}

func TestReapMakesLostRecordsDueAgain(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, w := b.running(t, b.worker(t))
	if workers, records, err := b.Reap(t.Context()); workers+records != 0 || err != nil {
		t.Fatalf("Reap of the living = %d, %d, %v", workers, records, err)
	}
	b.lapse(t)
	if workers, records, err := b.Reap(t.Context()); workers != 1 || records != 1 || err != nil {
		t.Fatalf("Reap = %d, %d, %v", workers, records, err)
	}
	r := b.onlyRecord(t, id)
	if r.Status != session.RecordPending || r.Lost != 1 || r.Failures != 0 || r.Fault != nil {
		t.Errorf("record = %+v", r)
	}
	wantErr(t, b.complete(t.Context(), w.Claim), session.ErrClaimLost)
	worker := b.worker(t)
	again := b.claim(t, b.ticket(t, id), worker)
	if again.Attempt != 2 {
		t.Errorf("attempt %d, want 2", again.Attempt)
	}
}

func TestReapEndsPoisonAtTheThirdLoss(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id := b.start(t, b.instances(t, 1)...)
	for range session.MaxLost {
		worker := b.worker(t)
		b.claim(t, b.ticket(t, id), worker)
		b.lapse(t)
		if _, n, err := b.Reap(t.Context()); n != 1 || err != nil {
			t.Fatalf("Reap = %d, %v", n, err)
		}
	}
	r := b.onlyRecord(t, id)
	if r.Status != session.RecordFailed || r.Lost != 3 || r.Fault.Code != session.CodePoison || !strings.HasPrefix(r.Fault.Err.Error(), "3 workers") {
		t.Errorf("record = %+v", r)
	}
}

func TestReapOfCancelledPoisonLeavesNoFault(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, _ := b.running(t, b.worker(t))
	b.sql(t, `UPDATE sync_instance_records SET lost = 2, cancel_requested_at = now()`)
	b.lapse(t)
	if _, n, err := b.Reap(t.Context()); n != 1 || err != nil {
		t.Fatalf("Reap = %d, %v", n, err)
	}
	if r := b.onlyRecord(t, id); r.Status != session.RecordCancelled || r.Fault != nil {
		t.Errorf("record = %+v", r)
	}
}

func TestReapTakesBackFromWorkerThatLeft(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, _ := b.running(t, b.worker(t))
	b.sql(t, `DELETE FROM workers`)
	if workers, records, err := b.Reap(t.Context()); workers != 0 || records != 1 || err != nil {
		t.Fatalf("Reap = %d, %d, %v", workers, records, err)
	}
	b.wantStatus(t, id, session.RecordPending)
}

func TestReapStuckIsAFailure(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, w := b.running(t, b.worker(t))
	if n, err := b.ReapStuck(t.Context()); n != 0 || err != nil {
		t.Fatalf("ReapStuck before the deadline = %d, %v", n, err)
	}
	late := func() {
		b.sql(t, `UPDATE sync_instance_records SET deadline_at = now() - interval '1 s' WHERE status = 'running'`)
		if n, err := b.ReapStuck(t.Context()); n != 1 || err != nil {
			t.Fatalf("ReapStuck = %d, %v", n, err)
		}
	}
	late()
	r := b.onlyRecord(t, id)
	if r.Status != session.RecordPending || r.Failures != 1 || r.Lost != 0 || r.Fault.Code != session.CodeStuck || !r.DueAt.After(r.CreatedAt.Add(time.Second)) {
		t.Errorf("record = %+v", r)
	}
	wantErr(t, b.complete(t.Context(), w.Claim), session.ErrClaimLost)
	for range 2 {
		b.makeDue(t)
		b.claim(t, b.ticket(t, id), w.Worker)
		late()
	}
	if r := b.onlyRecord(t, id); r.Status != session.RecordFailed || r.Failures != 3 {
		t.Errorf("record = %+v", r)
	}
}

// A big merge holds its record for long. Whoever waited for it would keep every
// other record from being looked at.
func TestReapStuckPassesByWhatIsBeingStored(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	stored, w := b.running(t, worker)
	stuck, _ := b.running(t, worker)
	b.sql(t, `UPDATE sync_instance_records SET deadline_at = now() - interval '1 s'`)
	merge := b.hold(t, `SELECT 1 FROM sync_instance_records WHERE id = $1 FOR UPDATE`, w.Record)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if n, err := b.ReapStuck(ctx); n != 1 || err != nil {
		t.Fatalf("ReapStuck = %d, %v; want the other record only", n, err)
	}
	b.wantStatus(t, stuck, session.RecordPending)
	b.wantStatus(t, stored, session.RecordRunning)
	if err := merge.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := b.ReapStuck(ctx); n != 1 || err != nil {
		t.Errorf("ReapStuck after the merge = %d, %v", n, err)
	}
}

func TestDeadlinePassedUnderADeadWorkerIsALoss(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, _ := b.running(t, b.worker(t))
	b.sql(t, `UPDATE sync_instance_records SET deadline_at = now() - interval '1 s'`)
	b.lapse(t)
	if n, err := b.ReapStuck(t.Context()); n != 0 || err != nil {
		t.Fatalf("ReapStuck = %d, %v", n, err)
	}
	if _, n, err := b.Reap(t.Context()); n != 1 || err != nil {
		t.Fatalf("Reap = %d, %v", n, err)
	}
	if r := b.onlyRecord(t, id); r.Lost != 1 || r.Failures != 0 {
		t.Errorf("record = %+v", r)
	}
}

func TestCancelLeftoversFinishesWhatACancelBegan(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, untouched := b.start(t, b.instances(t, 3)...), b.start(t, b.instances(t, 3)...)
	b.sql(t, `UPDATE sync_sessions SET status = 'cancelling', cancel_requested_at = now() WHERE session_id = $1`, id)
	if n, err := b.CancelLeftovers(t.Context()); n != 3 || err != nil {
		t.Fatalf("CancelLeftovers = %d, %v", n, err)
	}
	if n, err := b.FinishSessions(t.Context()); n != 1 || err != nil {
		t.Fatalf("FinishSessions = %d, %v", n, err)
	}
	if s := b.session(t, untouched); s.Status != session.Running || s.Counts.Pending != 3 {
		t.Errorf("the other session = %+v", s)
	}
}

func TestPulseOfADeadWorkerIsOver(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	pulse, err := b.OpenPulse(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pulse.Close(t.Context()) })
	self := session.Worker{ID: uuid.New(), Hostname: "h", PID: 7, Version: "v", Queues: []session.Category{session.Account}, Concurrency: 4}
	if err := pulse.Register(t.Context(), self); err != nil {
		t.Fatal(err)
	}
	if list, err := b.Workers(t.Context()); err != nil || len(list) != 1 || !list[0].Alive || list[0].PID != 7 {
		t.Errorf("Workers = %+v, %v", list, err)
	}
	b.lapse(t)
	if _, err := pulse.Beat(t.Context(), self.ID); err != nil { // late, but before the reaper
		t.Errorf("Beat = %v", err)
	}
	b.lapse(t)
	if _, _, err := b.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = pulse.Beat(t.Context(), self.ID)
	wantErr(t, err, session.ErrLeaseOver)
	if err := pulse.Register(t.Context(), session.Worker{ID: uuid.New(), Concurrency: 1}); err != nil {
		t.Errorf("register again: %v", err)
	}
	began := time.Now()
	if err := pulse.Wait(t.Context(), 10*time.Millisecond); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("Wait = %v after %s", err, time.Since(began))
	}
	if err := pulse.Leave(t.Context(), self.ID); err != nil {
		t.Errorf("the connection did not outlive a quiet wait: %v", err)
	}
}

func TestKeepMonthsMayRunTwice(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	for range 2 {
		if err := b.KeepMonths(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFinishSessionsGoesOnBesideABrokenOne(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	broken, w := b.running(t, worker)
	if err := b.complete(t.Context(), w.Claim); err != nil {
		t.Fatal(err)
	}
	b.sql(t, `UPDATE sync_sessions SET total_instances = 7 WHERE session_id = $1`, broken)
	id, w := b.running(t, worker)
	if err := b.complete(t.Context(), w.Claim); err != nil {
		t.Fatal(err)
	}
	if n, err := b.FinishSessions(t.Context()); n != 1 || err == nil {
		t.Errorf("FinishSessions = %d, %v; want one ended and the other's error", n, err)
	}
	if s := b.session(t, id); s.Status != session.Completed {
		t.Errorf("session is %s", s.Status)
	}
}
