package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/app"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/store"
)

// millionTime bounds what is done at once to a million records.
const millionTime = 3 * time.Minute

// measureMillion creates a session of a million records, waits for the first of
// them, and cancels the rest.
func measureMillion(ctx context.Context, b *bench) (err error) {
	s, err := b.set(ctx, "million", "")
	if err != nil {
		return err
	}
	defer s.struck(ctx, &err)
	if err := s.startNoop(ctx, b.million, scaleWorkers); err != nil {
		return err
	}
	one, note, err := s.createMillion(ctx)
	if err != nil {
		return err
	}
	b.report.add(line{
		Figure: "million", Case: count(b.million) + " records: created after", Value: ms(one.answered), Unit: "ms", Note: note,
	})
	settled, err := s.awaitFirst(ctx, one, b.first)
	if err != nil {
		return err
	}
	b.report.add(line{
		Figure: "million", Case: "first " + count(b.first) + " settled after", Value: ms(settled), Unit: "ms",
		Note: fmt.Sprintf("%s that do nothing, %.0f records/s", workersOf(scaleWorkers), perSecond(b.first, settled)),
	})
	return s.cancelMillion(ctx, one)
}

// lookEvery is seldom, because a look at so many rows is work beside the work.
const lookEvery = time.Second

// awaitFirst returns how long after its answer the session had settled n records.
func (s *stage) awaitFirst(ctx context.Context, one synced, n int) (time.Duration, error) {
	var looked time.Time
	var at time.Time
	err := s.await(ctx, "the first records to be settled", noopTime, func(ctx context.Context) (bool, error) {
		if time.Since(looked) < lookEvery {
			return false, nil
		}
		defer func() { looked = time.Now() }()
		err := s.pool.QueryRow(ctx, `SELECT completed_at FROM sync_instance_records
			WHERE session_id = $1 AND status = 'completed' ORDER BY completed_at OFFSET $2 LIMIT 1`, one.id, n-1).Scan(&at)
		if errors.Is(err, pgx.ErrNoRows) {
			return false, nil
		}
		return err == nil, err
	})
	return at.Sub(one.began) - one.answered, err
}

// createMillion asks the API, and the store when that takes longer than a
// request may; the note says so.
func (s *stage) createMillion(ctx context.Context) (one synced, note string, err error) {
	one, apiErr := s.create(ctx, tagAll)
	if apiErr == nil {
		return one, "by the API", nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, millionTime, errors.New("create a million records: over "+millionTime.String()))
	defer cancel()
	st, by := store.New(s.pool), int64(0)
	st.Serves = app.Serves()
	began := time.Now()
	made, _, err := st.CreateSession(ctx, session.Request{
		Category: session.Account, Selector: session.Selector{Tags: []string{tagAll}}, CreatedBy: &by,
	})
	if err != nil {
		return synced{}, "", errors.Join(apiErr, err)
	}
	took := time.Since(began)
	return synced{id: made.ID, began: began, answered: took}, fmt.Sprintf("without limits; by the API: %.100s", apiErr.Error()), nil
}

// cancelMillion cancels and waits for the end, also when the answer took longer
// than a request may: the sweep then does what is left.
func (s *stage) cancelMillion(ctx context.Context, one synced) error {
	began := time.Now()
	took, cancelErr := s.cancel(ctx, one.id)
	note := ""
	if cancelErr != nil {
		note = fmt.Sprintf("%.100s", cancelErr.Error())
	}
	s.b.report.add(line{Figure: "million", Case: "cancel, time to the answer", Value: ms(took), Unit: "ms", Note: note})
	err := s.await(ctx, "the end of the cancelled session", millionTime, func(ctx context.Context) (bool, error) {
		return read[bool](ctx, s, `SELECT completed_at IS NOT NULL FROM sync_sessions WHERE session_id = $1`, one.id)
	})
	if err != nil {
		return errors.Join(cancelErr, err)
	}
	s.b.report.add(line{Figure: "million", Case: "cancel, time to the end", Value: ms(time.Since(began)), Unit: "ms"})
	return nil
}
