package store

import (
	"context"
	"fmt"
	"time"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Dispatch queues due records up to each queue's window and returns their
// tickets, to be enqueued after this call. busy reports whether records are on
// their way, so that another look is soon worth while. One round runs at a time
// over all schedulers; while another holds it, nothing is returned.
//
// The lock is taken in a statement of its own: in one statement the count
// would use a snapshot older than the lock.
func (s *Store) Dispatch(ctx context.Context, hostLimit int) (tickets []session.Ticket, busy bool, err error) {
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		locked, err := q.TryDispatchLock(ctx)
		if err != nil || !locked {
			return err
		}
		loads, err := q.QueueLoads(ctx)
		if err != nil {
			return fmt.Errorf("read queue loads: %w", err)
		}
		for _, row := range loads {
			taken, err := takeDue(ctx, q, row, hostLimit)
			if err != nil {
				return err
			}
			busy = busy || row.Busy > 0 || len(taken) > 0
			tickets = append(tickets, taken...)
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("dispatch: %w", err)
	}
	return tickets, busy, nil
}

func takeDue(ctx context.Context, q *dbq.Queries, row dbq.QueueLoadsRow, hostLimit int) ([]session.Ticket, error) {
	load := session.Load{Workers: int(row.Workers), Concurrency: int(row.Concurrency), Busy: int(row.Busy)}
	missing := load.Missing()
	if missing == 0 {
		return nil, nil
	}
	taken, err := q.TakeDue(ctx, dbq.TakeDueParams{
		Category: row.Category, Depth: session.CandidateDepth, Candidates: int64(session.Candidates(missing)), Missing: int32(missing),
		HostLimit: int64(hostLimit), MaxUnproven: session.MaxUnproven, HalfWindow: int64(load.Window() / 2),
	})
	if err != nil {
		return nil, fmt.Errorf("take due records of %s: %w", row.Category, err)
	}
	tickets := make([]session.Ticket, len(taken))
	for i, t := range taken {
		tickets[i] = session.Ticket{Record: session.RecordID(t.ID), Gen: int(t.Gen), Category: session.Category(row.Category)}
	}
	return tickets, nil
}

// OverdueBells returns tickets whose record has been queued for longer than
// age, at most limit, oldest first.
func (s *Store) OverdueBells(ctx context.Context, age time.Duration, limit int) ([]session.Ticket, error) {
	rows, err := s.q.OverdueBells(ctx, dbq.OverdueBellsParams{Age: age, RowLimit: int32(limit)})
	if err != nil {
		return nil, fmt.Errorf("list overdue bells: %w", err)
	}
	tickets := make([]session.Ticket, len(rows))
	for i, row := range rows {
		tickets[i] = session.Ticket{Record: session.RecordID(row.ID), Gen: int(row.Gen), Category: session.Category(row.SyncCategory)}
	}
	return tickets, nil
}

// bellsApart is what must lie between two misses in a row. Schedulers look every
// five seconds, each for itself.
const bellsApart = 4 * time.Second

// MarkBells notes which bells the queue still has and which it does not. A
// record missed for the second time in a row is due again at once. It returns
// how many records became due.
func (s *Store) MarkBells(ctx context.Context, heard, missed []session.Ticket) (int64, error) {
	var n int64
	err := s.inTx(ctx, func(q *dbq.Queries) (err error) {
		if err := q.HearBells(ctx, recordIDs(heard)); err != nil {
			return fmt.Errorf("mark bells heard: %w", err)
		}
		n, err = q.MissBells(ctx, dbq.MissBellsParams{Ids: recordIDs(missed), Gens: gens(missed), Apart: bellsApart})
		if err != nil {
			return fmt.Errorf("mark bells missed: %w", err)
		}
		return nil
	})
	return n, err
}

func recordIDs(tickets []session.Ticket) []int64 {
	ids := make([]int64, len(tickets))
	for i, t := range tickets {
		ids[i] = int64(t.Record)
	}
	return ids
}

func gens(tickets []session.Ticket) []int32 {
	list := make([]int32, len(tickets))
	for i, t := range tickets {
		list[i] = int32(t.Gen)
	}
	return list
}

// RingAllAgain makes every queued record due at once, because the queue has
// lost its memory. It returns how many there were.
func (s *Store) RingAllAgain(ctx context.Context) (int64, error) {
	n, err := s.q.RingAllAgain(ctx)
	if err != nil {
		return 0, fmt.Errorf("make queued records due again: %w", err)
	}
	return n, nil
}
