package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Reap removes the workers whose lease is over and takes back what they held:
// pending, or failed as poison at the session.MaxLost-th loss. The removal of
// the worker's row decides against its heartbeat at the same moment. It returns
// the number of workers and of records.
func (s *Store) Reap(ctx context.Context) (workers, records int, err error) {
	gone, err := s.q.RemoveLapsedWorkers(ctx)
	if err != nil {
		return 0, 0, away(fmt.Errorf("remove lapsed workers: %w", err))
	}
	lost, err := s.q.TakeBackLost(ctx, dbq.TakeBackLostParams{
		MaxLost: session.MaxLost, Message: poisoned().template, ErrorFingerprint: poisoned().fingerprint(),
	})
	if err != nil {
		return len(gone), 0, away(fmt.Errorf("take back lost records: %w", err))
	}
	return len(gone), len(lost), nil
}

// ReapStuck ends the attempts whose deadline passed under a live worker; that
// is a failure like any other. One whose results are just being stored is left
// to the next call. It returns how many it ended.
func (s *Store) ReapStuck(ctx context.Context) (int, error) {
	rows, err := s.q.StuckRecords(ctx)
	if err != nil {
		return 0, away(fmt.Errorf("list stuck records: %w", err))
	}
	ended := 0
	var faults []error
	for _, row := range rows {
		switch err := s.endStuck(ctx, row); {
		case err == nil:
			ended++
		case errors.Is(err, session.ErrAway):
			return ended, errors.Join(append(faults, err)...)
		case !errors.Is(err, session.ErrClaimLost):
			faults = append(faults, err)
		}
	}
	return ended, errors.Join(faults...)
}

// endStuck passes a record by that another transaction holds: its results are
// just being stored, and whoever waited for them would stop the whole sweep.
func (s *Store) endStuck(ctx context.Context, row dbq.StuckRecordsRow) error {
	c := session.Claim{Record: session.RecordID(row.ID), Session: row.SessionID, Attempt: int(row.Attempt), Worker: *row.WorkerID}
	fault := &session.Fault{
		Code: session.CodeStuck, Phase: session.PhaseStore,
		Err: errors.New("the worker did not end the attempt in time"),
	}
	policy := session.RetryPolicy{MaxAttempts: int(row.MaxAttempts)}
	delay, again := policy.Next(fault.Code, int(row.Failures)+1)
	return away(s.inTx(ctx, func(q *dbq.Queries) error {
		n, err := q.LockRunningRecord(ctx, dbq.LockRunningRecordParams{ID: row.ID, Attempt: row.Attempt, WorkerID: *row.WorkerID})
		if err := fenced(c, n, err, "lock stuck record"); err != nil {
			return err
		}
		if again {
			return returnRecord(ctx, q, c, fault, delay)
		}
		return closeRecord(ctx, q, c, session.RecordFailed, fault, nil)
	}))
}

// CancelLeftovers closes what still waits in cancelling sessions: a record
// given back beside the cancel, or everything when the canceller died half way.
func (s *Store) CancelLeftovers(ctx context.Context) (int64, error) {
	ids, err := s.q.CancellingSessions(ctx)
	if err != nil {
		return 0, away(fmt.Errorf("list cancelling sessions: %w", err))
	}
	var total int64
	var faults []error
	for _, id := range ids {
		n, err := s.cancelWaiting(ctx, id)
		total += n
		if err != nil {
			faults = append(faults, away(fmt.Errorf("cancel leftovers of %s: %w", id, err))) // the others must not wait for it
		}
	}
	return total, errors.Join(faults...)
}

// FailHopeless fails what waits and need not be tried: in sessions past their
// deadline, on hosts that do not answer, with credentials that are rejected.
// connect is how long a connect may take. It returns how many records failed.
func (s *Store) FailHopeless(ctx context.Context, connect time.Duration) (int64, error) {
	late, lateErr := inBatches(func() (int64, error) {
		return s.q.FailOverdue(ctx, dbq.FailOverdueParams{
			RowLimit: batch, Message: overdue().template, ErrorFingerprint: overdue().fingerprint(),
		})
	})
	down, downErr := inBatches(func() (int64, error) {
		return s.q.FailDeadHosts(ctx, dbq.FailDeadHostsParams{
			MaxSilent: session.MaxSilent, Connect: connect, RowLimit: batch,
			Message: deadHost().template, ErrorFingerprint: deadHost().fingerprint(),
		})
	})
	refused, refusedErr := inBatches(func() (int64, error) {
		return s.q.FailRejectedCredentials(ctx, dbq.FailRejectedCredentialsParams{
			MaxUnproven: session.MaxUnproven, RowLimit: batch,
			Message: rejected().template, ErrorFingerprint: rejected().fingerprint(),
		})
	})
	return late + down + refused, errors.Join(
		doing("fail records past the deadline", lateErr),
		doing("fail records of dead hosts", downErr),
		doing("fail records of rejected credentials", refusedErr),
	)
}

// doing is away for an error, if there is one, with what was done.
func doing(what string, err error) error {
	if err == nil {
		return nil
	}
	return away(fmt.Errorf("%s: %w", what, err))
}

// batch is how many records one statement of a loop changes at most, so that
// nobody waits long for its locks.
const batch = 2000

// inBatches calls do until it changes less than a whole batch.
func inBatches(do func() (int64, error)) (total int64, err error) {
	for {
		n, err := do()
		total += n
		if err != nil || n < batch {
			return total, err
		}
	}
}

// FinishSessions ends every session that has no open record left, and returns
// how many it ended.
func (s *Store) FinishSessions(ctx context.Context) (int, error) {
	ids, err := s.q.FinishableSessions(ctx)
	if err != nil {
		return 0, away(fmt.Errorf("list finished sessions: %w", err))
	}
	ended := 0
	var faults []error
	for _, id := range ids {
		done, err := s.FinishSession(ctx, id)
		if err != nil {
			faults = append(faults, away(fmt.Errorf("finish session %s: %w", id, err))) // the others must not wait for it
		}
		if done {
			ended++
		}
	}
	return ended, errors.Join(faults...)
}

// monthsAhead is how many months' partitions exist beyond the present one.
const monthsAhead = 3

// KeepMonths makes the partitions of the present and the coming months.
func (s *Store) KeepMonths(ctx context.Context) error {
	if err := s.q.KeepMonths(ctx, monthsAhead); err != nil {
		return away(fmt.Errorf("make partitions: %w", err))
	}
	return nil
}
