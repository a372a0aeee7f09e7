package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/client"
)

// measureReads asks what the pages ask, beside a long history and while a big
// session runs.
func measureReads(ctx context.Context, b *bench) (err error) {
	s, err := b.set(ctx, "reads", "")
	if err != nil {
		return err
	}
	defer s.struck(ctx, &err)
	if err := s.addInstances(ctx, max(b.running, b.each), nowhere(), tagAll); err != nil {
		return err
	}
	began := time.Now()
	if err := s.addHistory(ctx, b.history, b.each); err != nil {
		return err
	}
	b.say("reads: %s records made in %s", count(b.history*b.each), time.Since(began).Round(time.Second))
	if err := s.startSlow(ctx); err != nil {
		return err
	}
	one, err := s.create(ctx, tagAll)
	if err != nil {
		return err
	}
	failed := s.readAll(ctx, one.id)
	_, err = s.cancel(ctx, one.id)
	return errors.Join(failed, err)
}

// startSlow starts everything with a worker that does nothing, at the pace of
// one that reads targets.
func (s *stage) startSlow(ctx context.Context) error {
	if err := s.startAll(ctx, 0, roleNoop); err != nil {
		return err
	}
	return s.startWorkers(ctx, 1, roleNoop, "DBFLEET_CONCURRENCY=2", "DBFLEET_FETCHERS=1")
}

// get is one question to the API; running ones tell nothing once the session
// has ended.
type get struct {
	what    string
	running bool
	call    func(context.Context) (*http.Response, error)
}

// readAll measures every question; one that fails keeps no other from being
// asked.
func (s *stage) readAll(ctx context.Context, running uuid.UUID) error {
	ended, err := read[uuid.UUID](ctx, s, `SELECT session_id FROM sync_sessions WHERE status = 'failed' ORDER BY id DESC LIMIT 1`)
	if err != nil {
		return err
	}
	var faults []error
	for _, g := range append(s.runningGets(running), s.historyGets(ended)...) {
		if err := s.measureGet(ctx, "reads", running, g); err != nil {
			s.b.say("reads: %v", err)
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// measureGet reports what came of the questions, also of those that were
// answered when others failed.
func (s *stage) measureGet(ctx context.Context, figure string, running uuid.UUID, g get) error {
	l := load(ctx, s.b.rate, s.b.loadTime, g.call)
	runs, err := read[bool](ctx, s, `SELECT completed_at IS NULL FROM sync_sessions WHERE session_id = $1`, running)
	if err != nil {
		return err
	}
	if err := l.err(s.b.rate, runs || !g.running); err != nil {
		return fmt.Errorf("%s: %w", g.what, err)
	}
	l.report(s.b, figure, g.what)
	return nil
}

func (s *stage) runningGets(id uuid.UUID) []get {
	records := func(what string, p client.ListSyncRecordsParams) get {
		return get{"records of the running one: " + what, true, func(ctx context.Context) (*http.Response, error) {
			return s.api.ListSyncRecords(ctx, id, &p)
		}}
	}
	return []get{
		{"the running session", true, func(ctx context.Context) (*http.Response, error) { return s.api.GetSyncSession(ctx, id) }},
		records("first page", client.ListSyncRecordsParams{}),
		records("by duration", client.ListSyncRecordsParams{
			Sort: new(client.ListSyncRecordsParamsSort("duration")), Order: new(client.ListSyncRecordsParamsOrder("desc")),
		}),
		records("failed", client.ListSyncRecordsParams{Status: &[]client.RecordStatus{client.RecordStatusFailed}}),
	}
}

func (s *stage) historyGets(ended uuid.UUID) []get {
	list := func(what string, p client.ListSyncSessionsParams) get {
		return get{"list of sessions: " + what, false, func(ctx context.Context) (*http.Response, error) {
			return s.api.ListSyncSessions(ctx, &p)
		}}
	}
	sums := func(what string, days int) get {
		from := time.Now().AddDate(0, 0, -days)
		return get{"statistics: " + what, false, func(ctx context.Context) (*http.Response, error) {
			return s.api.GetSyncStatistics(ctx, &client.GetSyncStatisticsParams{From: &from})
		}}
	}
	return []get{
		list("first page", client.ListSyncSessionsParams{}),
		list("failed", client.ListSyncSessionsParams{Status: new(client.SessionStatus("failed"))}),
		list("an instance's name", client.ListSyncSessionsParams{Q: new(tagAll + "-0000042")}),
		{"an ended session", false, func(ctx context.Context) (*http.Response, error) { return s.api.GetSyncSession(ctx, ended) }},
		{"failed records of an ended session", false, func(ctx context.Context) (*http.Response, error) {
			return s.api.ListSyncRecords(ctx, ended, &client.ListSyncRecordsParams{Status: &[]client.RecordStatus{client.RecordStatusFailed}})
		}},
		sums("whole range", historyDays+1),
		sums("last 30 days", 30),
	}
}
