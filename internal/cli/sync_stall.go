package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dbfleet/dbfleet/client"
)

const (
	stalledAfter = 3 * time.Second // without anything that runs or ends
	askWhyEvery  = 5 * time.Second // while that lasts
)

// stall is what a watcher knows about a session in which nothing moves.
type stall struct {
	settled int       // records that had ended when it began
	since   time.Time // zero before the first look
	asked   time.Time
	alone   bool // it was said that no worker serves the session
	waiting int  // records, when all that are open wait for another attempt; else 0
}

// moves notes whether anything happens in the session, and reports it.
func (s *stall) moves(now client.SyncSession, at time.Time) bool {
	done := settled(now.Counts)
	if !s.since.IsZero() && now.Counts.Running == 0 && done == s.settled && now.Status == client.SessionStatusRunning {
		return at.Sub(s.since) < stalledAfter
	}
	*s = stall{settled: done, since: at}
	return true
}

// explain looks once in a while why nothing moves. A question that gets no
// answer ends nothing: the next one, or the session's own, will tell.
func (w *watcher) explain(ctx context.Context, s client.SyncSession) {
	now := w.app.now()
	if w.stall.moves(s, now) || now.Sub(w.stall.asked) < askWhyEvery {
		return
	}
	w.stall.asked = now
	w.stall.waiting = w.waiting(ctx, s)
	if w.stall.waiting > 0 {
		return
	}
	served, err := w.served(ctx, s.Category)
	if err != nil || served != w.stall.alone {
		return
	}
	w.stall.alone = !served
	if served {
		w.display.note(fmt.Sprintf("A worker serves %s now.", s.Category))
		return
	}
	w.display.note(fmt.Sprintf("No worker serves %s: start one, or see dbfleet worker list.", s.Category))
}

// waiting returns how many records wait for another attempt when all that are
// open do so, and else 0.
func (w *watcher) waiting(ctx context.Context, s client.SyncSession) int {
	if s.Counts.Queued > 0 || s.Counts.Pending > maxPage {
		return 0
	}
	params := client.ListSyncRecordsParams{Status: &[]client.RecordStatus{client.RecordStatusPending}, Limit: new(maxPage)}
	page, err := read[client.SyncRecordPage](w.api.ListSyncRecordsWithResponse(ctx, s.SessionId, &params))
	first := func(r client.SyncRecord) bool { return r.Failures == 0 }
	if err != nil || page.value.NextCursor != nil || slices.ContainsFunc(page.value.Items, first) {
		return 0
	}
	return len(page.value.Items)
}

// served reports whether a living worker takes work of a category.
func (w *watcher) served(ctx context.Context, category client.Category) (bool, error) {
	all, err := read[client.WorkerList](w.api.ListWorkersWithResponse(ctx))
	return slices.ContainsFunc(all.value.Items, func(one client.Worker) bool {
		return one.Alive && slices.Contains(one.Queues, string(category))
	}), err
}
