package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/client"
)

// synced is one session as it was measured.
type synced struct {
	id       uuid.UUID
	began    time.Time     // before the request
	answered time.Duration // until its answer
	settled  time.Duration // until the last record came to an end
	done     int           // records that were completed
	failed   int           // records that ended otherwise
	partial  int           // of done
}

func (s synced) rate() float64 { return perSecond(s.done, s.settled) }

// create asks the API for a session over the instances with a tag.
func (s *stage) create(ctx context.Context, tag string) (synced, error) {
	one := synced{began: time.Now()}
	answer, err := s.api.CreateSyncSessionWithResponse(ctx, nil, client.SyncSessionRequest{
		Category: client.CategoryAccount, Selector: client.Selector{Tags: &[]string{tag}},
	})
	one.answered = time.Since(one.began)
	if err != nil {
		return one, fmt.Errorf("create session: %w", err)
	}
	if answer.JSON201 == nil {
		return one, fmt.Errorf("create session: %s after %s: %s", answer.Status(), one.answered, answer.Body)
	}
	one.id = answer.JSON201.SessionId
	return one, nil
}

// cancel cancels a session and returns the time until the answer.
func (s *stage) cancel(ctx context.Context, id uuid.UUID) (time.Duration, error) {
	began := time.Now()
	answer, err := s.api.CancelSyncSessionWithResponse(ctx, id)
	took := time.Since(began)
	if err != nil {
		return took, fmt.Errorf("cancel session: %w", err)
	}
	if answer.JSON200 == nil && answer.JSON202 == nil {
		return took, fmt.Errorf("cancel session: %s after %s: %s", answer.Status(), took, answer.Body)
	}
	return took, nil
}

// run creates a session and waits until it has ended.
func (s *stage) run(ctx context.Context, tag string, limit time.Duration) (synced, error) {
	one, err := s.create(ctx, tag)
	if err != nil {
		return one, err
	}
	return one, s.awaitEnd(ctx, &one, limit)
}

// awaitEnd waits for the end of a session and reads what became of it.
func (s *stage) awaitEnd(ctx context.Context, one *synced, limit time.Duration) error {
	err := s.await(ctx, "the session to end", limit, func(ctx context.Context) (bool, error) {
		return read[bool](ctx, s, `SELECT completed_at IS NOT NULL FROM sync_sessions WHERE session_id = $1`, one.id)
	})
	if err != nil {
		return err
	}
	var last time.Time
	err = s.pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status <> 'completed'),
		       count(*) FILTER (WHERE partial), max(completed_at)
		FROM sync_instance_records WHERE session_id = $1`, one.id).Scan(&one.done, &one.failed, &one.partial, &last)
	if err != nil {
		return fmt.Errorf("count records: %w", err)
	}
	one.settled = last.Sub(one.began)
	if one.failed > 0 {
		return s.firstError(ctx, one)
	}
	return nil
}

// firstError makes an error of records that should all have been completed.
func (s *stage) firstError(ctx context.Context, one *synced) error {
	text, err := read[string](ctx, s, `
		SELECT COALESCE(min(error_code || ': ' || error_message), 'no error') FROM sync_instance_records
		WHERE session_id = $1 AND status <> 'completed'`, one.id)
	if err != nil {
		return err
	}
	return fmt.Errorf("%d of %d records were not completed: %s", one.failed, one.failed+one.done, text)
}
