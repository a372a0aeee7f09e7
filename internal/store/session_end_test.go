package store

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbfleet/dbfleet/internal/session"
)

func TestCancelSessionClosesWhatWaits(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	id := b.start(t, b.instances(t, 5)...)
	tickets := b.dispatch(t) // three: the credential is not proven
	running := b.claim(t, tickets[0], worker)

	s, err := b.CancelSession(t.Context(), id)
	if err != nil || s.Status != session.Cancelling || s.Counts.Cancelled != 4 || s.Counts.Running != 1 {
		t.Fatalf("session = %+v, %v", s, err)
	}
	again, err := b.CancelSession(t.Context(), id)
	if err != nil || again.Status != session.Cancelling {
		t.Errorf("second cancel = %s, %v", again.Status, err)
	}
	if err := b.Close(t.Context(), running.Claim, session.RecordCancelled, nil, nil); err != nil {
		t.Fatal(err)
	}
	if n, err := b.FinishSessions(t.Context()); n != 1 || err != nil {
		t.Fatalf("FinishSessions = %d, %v", n, err)
	}
	s = b.session(t, id)
	if s.Status != session.Cancelled || s.Result != session.ResultCancelled || s.Counts.Cancelled != 5 {
		t.Errorf("session = %+v", s)
	}
	_, err = b.CancelSession(t.Context(), id)
	wantErr(t, err, session.ErrFinished)
	_, err = b.CancelSession(t.Context(), uuid.New())
	wantErr(t, err, session.ErrNotFound)
}

func TestCancelSessionEndsOneThatOnlyWaits(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	s, err := b.CancelSession(t.Context(), b.start(t, b.instances(t, 2)...))
	if err != nil || s.Status != session.Cancelled || s.CompletedAt == nil || s.Max != nil {
		t.Errorf("session = %+v, %v", s, err)
	}
}

func TestCancelSessionBeatsTheFinisher(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, w := b.running(t, b.worker(t))
	if err := b.complete(t.Context(), w.Claim); err != nil {
		t.Fatal(err)
	}
	s, err := b.CancelSession(t.Context(), id) // all has been read, but the session had not ended
	if err != nil || s.Status != session.Cancelled || s.Counts.Completed != 1 {
		t.Errorf("session = %+v, %v", s, err)
	}
}

func TestCancelRecordInEveryState(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reach func(t *testing.T, b *fleetBundle, id session.ID)
		want  session.RecordStatus
		err   error
	}{
		"pending": {func(*testing.T, *fleetBundle, session.ID) {}, session.RecordCancelled, nil},
		"queued":  {func(t *testing.T, b *fleetBundle, id session.ID) { t.Helper(); b.ticket(t, id) }, session.RecordCancelled, nil},
		"running": {func(t *testing.T, b *fleetBundle, id session.ID) {
			t.Helper()
			b.claim(t, b.ticket(t, id), b.worker(t))
		}, session.RecordRunning, nil},
		"completed": {func(t *testing.T, b *fleetBundle, id session.ID) {
			t.Helper()
			if err := b.complete(t.Context(), b.claim(t, b.ticket(t, id), b.worker(t)).Claim); err != nil {
				t.Fatal(err)
			}
		}, session.RecordCompleted, session.ErrFinished},
		"failed": {func(t *testing.T, b *fleetBundle, id session.ID) {
			t.Helper()
			b.fail(t, b.claim(t, b.ticket(t, id), b.worker(t)), session.CodeTLS)
		}, session.RecordFailed, session.ErrFinished},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFleet(t)
			b.worker(t)
			id := b.start(t, b.instances(t, 1)...)
			test.reach(t, b, id)
			got, err := b.CancelRecord(t.Context(), id, b.onlyRecord(t, id).ID)
			wantErr(t, err, test.err)
			if err == nil && got.Status != test.want {
				t.Errorf("answered %s, want %s", got.Status, test.want)
			}
			b.wantStatus(t, id, test.want)
			if s := b.session(t, id); test.want == session.RecordCancelled && (s.Status != session.Completed || s.Result != session.ResultCancelled) {
				t.Errorf("session = %s, %s", s.Status, s.Result)
			}
		})
	}
}

func TestCancelRecordTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, other := b.start(t, b.instances(t, 1)...), b.start(t, b.instances(t, 1)...)
	_, err := b.CancelRecord(t.Context(), uuid.New(), 1)
	wantErr(t, err, session.ErrNotFound)
	_, err = b.CancelRecord(t.Context(), id, b.onlyRecord(t, other).ID)
	wantErr(t, err, session.ErrRecordNotFound)
}

func TestRunningRecordOfACancelIsToldToItsWorker(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	pulse, err := b.OpenPulse(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pulse.Close(t.Context()) })
	self := session.Worker{ID: uuid.New(), Hostname: "h", Version: "v", Queues: []session.Category{session.Account}, Concurrency: 4}
	if err := pulse.Register(t.Context(), self); err != nil {
		t.Fatal(err)
	}
	id, w := b.running(t, self.ID)
	_, other := b.running(t, self.ID)
	if stop, err := pulse.Beat(t.Context(), self.ID); err != nil || len(stop) != 0 {
		t.Fatalf("Beat = %v, %v", stop, err)
	}
	if _, err := b.CancelSession(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CancelRecord(t.Context(), other.Session, other.Record); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := pulse.Wait(t.Context(), time.Minute); err != nil || time.Since(began) > 30*time.Second {
		t.Fatalf("the stop notice did not arrive: %v", err)
	}
	stop, err := pulse.Beat(t.Context(), self.ID)
	if diff := cmp.Diff([]session.RecordID{w.Record, other.Record}, stop); err != nil || diff != "" {
		t.Errorf("told to stop (-want +got): %v\n%s", err, diff)
	}
}

func TestFinishSessionHasOneWinner(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, w := b.running(t, b.worker(t))
	if done, err := b.FinishSession(t.Context(), id); done || err != nil {
		t.Fatalf("finished an open session: %v, %v", done, err)
	}
	if err := b.complete(t.Context(), w.Claim); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var winners atomic.Int32
	for range 8 {
		wg.Go(func() {
			done, err := b.FinishSession(t.Context(), id)
			if err != nil {
				t.Error(err)
			}
			if done {
				winners.Add(1)
			}
		})
	}
	wg.Wait()
	if winners.Load() != 1 {
		t.Errorf("%d finishers ended it", winners.Load())
	}
	_, err := b.FinishSession(t.Context(), uuid.New())
	wantErr(t, err, session.ErrNotFound)
}

func TestEndedSessionFreezesItsFigures(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	ids := b.instances(t, 10)
	id := b.start(t, ids...)
	b.prove(t, id)
	for i, ticket := range b.dispatch(t) {
		w := b.claim(t, ticket, worker)
		b.sql(t, `UPDATE sync_instance_records SET started_at = now() - make_interval(secs => $2) WHERE id = $1`, w.Record, i+1)
		switch {
		case i < 6:
			if err := b.complete(t.Context(), w.Claim); err != nil {
				t.Fatal(err)
			}
		case i < 9:
			b.fail(t, w, session.CodeTLS)
		default:
			b.fail(t, w, session.CodePermission)
		}
	}
	before := b.session(t, id)
	if n, err := b.FinishSessions(t.Context()); n != 1 || err != nil {
		t.Fatalf("FinishSessions = %d, %v", n, err)
	}
	s := b.session(t, id)
	if diff := cmp.Diff(before.Counts, s.Counts); diff != "" || s.Counts.Done() != s.Total {
		t.Errorf("counts changed at the end (-before +after):\n%s", diff)
	}
	if s.Status != session.Failed || s.Result != session.Partial {
		t.Errorf("session = %s, %s", s.Status, s.Result)
	}
	if p50, p95, longest := s.P50.Round(time.Second), s.P95.Round(time.Second), s.Max.Round(time.Second); p50 != 5*time.Second || p95 != 10*time.Second || longest != 10*time.Second {
		t.Errorf("durations p50 %s, p95 %s, max %s", p50, p95, longest)
	}
	if len(s.ErrorGroups) != 2 || s.ErrorGroups[0].Code != session.CodeTLS || s.ErrorGroups[0].Count != 3 || s.ErrorGroups[0].Message != "the driver's words" {
		t.Errorf("error groups = %+v", s.ErrorGroups)
	}
}

func TestTerminalRowsNeverChange(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id, w := b.running(t, b.worker(t))
	if err := b.complete(t.Context(), w.Claim); err != nil {
		t.Fatal(err)
	}
	if _, err := b.FinishSession(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`UPDATE sync_sessions SET reason = 'x'`,
		`UPDATE sync_sessions SET status = 'running', completed_at = NULL, result = NULL`,
		`UPDATE sync_instance_records SET items_synced = 7`,
		`UPDATE sync_instance_records SET status = 'pending', completed_at = NULL`,
	} {
		wantState(t, b, statement, "DF001")
	}
}

func TestTablesRefuseImpossibleRows(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	b.start(t, b.instances(t, 1)...)
	for _, statement := range []string{
		`UPDATE sync_sessions SET status = 'completed'`,
		`UPDATE sync_sessions SET completed_at = now()`,
		`UPDATE sync_sessions SET status = 'cancelling'`,
		`UPDATE sync_sessions SET status = 'completed', result = 'succeeded', completed_at = now()`, // counts do not add up
		`UPDATE sync_sessions SET result = 'succeeded'`,
		`UPDATE sync_instance_records SET status = 'running'`,
		`UPDATE sync_instance_records SET status = 'running', worker_id = gen_random_uuid()`,
		`UPDATE sync_instance_records SET worker_id = gen_random_uuid()`,
		`UPDATE sync_instance_records SET status = 'completed'`,
		`UPDATE sync_instance_records SET completed_at = now()`,
		`UPDATE sync_instance_records SET status = 'failed', completed_at = now()`,
		`UPDATE sync_instance_records SET status = 'queued'`,
	} {
		wantState(t, b, statement, "23514")
	}
}

// wantState runs a statement that must fail with the SQLSTATE.
func wantState(t *testing.T, b *fleetBundle, statement, want string) {
	t.Helper()
	_, err := b.pool.Exec(t.Context(), statement)
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != want {
		t.Errorf("%s: %v, want SQLSTATE %s", statement, err, want)
	}
}

func TestSyncDataShowsWhatWasReadOrFailed(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	done, w := b.running(t, worker)
	if err := b.complete(t.Context(), w.Claim); err != nil {
		t.Fatal(err)
	}
	_, w = b.running(t, worker)
	b.fail(t, w, session.CodeTLS)
	b.start(t, b.instances(t, 1)...)
	got := values[string](t, b.pool, `SELECT format('%s %s %s %s', sync_type, status, message, error_message) FROM sync_data ORDER BY id`)
	want := []string{"manual_single completed synced ", "manual_single failed tls_failed the driver's words"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if at := value[time.Time](t, b.pool, `SELECT sync_time FROM sync_data WHERE session_id = $1`, done); at.IsZero() {
		t.Error("no time")
	}
}
