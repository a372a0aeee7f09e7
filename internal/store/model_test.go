package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// modelTime bounds the test; whatever was tried until then counts.
const modelTime = 12 * time.Second

// TestStoreBehavesAsItsModel does everything that workers, schedulers and
// people may do to two sessions over the same instances, in any order, with
// every delivery and every claim repeated at will, and compares each answer and
// each row with a model of a few lines.
func TestStoreBehavesAsItsModel(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	ids := b.instances(t, 4)
	end := time.Now().Add(modelTime)
	rapid.Check(t, func(rt *rapid.T) {
		if time.Now().After(end) {
			return
		}
		m := newModel(t, rt, b, ids)
		rt.Repeat(map[string]func(*rapid.T){
			"dispatch":       m.dispatch,
			"deliver":        m.deliver,
			"deliver again":  m.deliver,
			"settle":         m.settle,
			"settle again":   m.settle,
			"cancel session": m.cancelSession,
			"cancel record":  m.cancelRecord,
			"lose a worker":  m.loseWorker,
			"lose bells":     m.loseBells,
			"wipe the queue": m.wipe,
			"finish":         m.finish,
			"":               m.compare,
		})
		m.wantNoViolation(rt)
	})
}

// A model is what the rows must be. Its records are those of both sessions.
type model struct {
	*fleetBundle
	ctx      context.Context //nolint:containedctx // of the test
	t        *testing.T
	workers  []session.WorkerID
	sessions map[session.ID]*modelSession
	records  map[session.RecordID]*modelRecord
	order    []session.RecordID
	tickets  []session.Ticket // all that ever were
	claims   []session.Claim  // all that ever were
}

type modelSession struct {
	cancelling bool
	status     session.Status
}

type modelRecord struct {
	session   session.ID
	instance  fleet.InstanceID
	status    session.RecordStatus
	gen       int
	attempt   int
	failures  int
	lost      int
	cancelled bool // requested while it runs
	worker    session.WorkerID
}

func newModel(t *testing.T, rt *rapid.T, b *fleetBundle, ids []fleet.InstanceID) *model {
	t.Helper()
	b.sql(t, `DELETE FROM sync_sessions`)
	b.sql(t, `DELETE FROM workers`)
	m := &model{
		fleetBundle: b, ctx: t.Context(), t: t,
		sessions: map[session.ID]*modelSession{}, records: map[session.RecordID]*modelRecord{},
	}
	m.workers = []session.WorkerID{b.worker(t), b.worker(t)}
	for range 2 {
		id := b.start(t, ids[:rapid.IntRange(1, len(ids)).Draw(rt, "instances")]...)
		b.prove(t, id)
		m.sessions[id] = &modelSession{status: session.Running}
		for _, r := range b.records(t, id) {
			m.records[r.ID] = &modelRecord{session: id, instance: r.InstanceID, status: session.RecordPending}
			m.order = append(m.order, r.ID)
		}
	}
	return m
}

func (m *model) busy(instance fleet.InstanceID) bool {
	for _, r := range m.records {
		if r.instance == instance && (r.status == session.RecordQueued || r.status == session.RecordRunning) {
			return true
		}
	}
	return false
}

// release is a move to pending, or to cancelled when somebody wants that.
func (m *model) release(r *modelRecord) {
	r.status = session.RecordPending
	if r.cancelled || m.sessions[r.session].cancelling {
		r.status = session.RecordCancelled
	}
}

func (m *model) dispatch(rt *rapid.T) {
	waiting := map[fleet.InstanceID]bool{}
	for _, r := range m.records {
		if r.status == session.RecordPending && !m.sessions[r.session].cancelling && !m.busy(r.instance) && r.lost < 2 {
			waiting[r.instance] = true
		}
	}
	for _, r := range m.records {
		if r.lost >= 2 { // it may stand before the other one of its instance
			delete(waiting, r.instance)
		}
	}
	tickets, _, err := m.Dispatch(m.ctx, noLimit)
	if err != nil {
		rt.Fatal(err)
	}
	for _, ticket := range tickets {
		r := m.records[ticket.Record]
		if r.status != session.RecordPending || m.busy(r.instance) || m.sessions[r.session].cancelling {
			rt.Fatalf("dispatched %+v", r)
		}
		r.gen++
		r.status = session.RecordQueued
		if ticket.Gen != r.gen {
			rt.Fatalf("generation %d, want %d", ticket.Gen, r.gen)
		}
		delete(waiting, r.instance)
	}
	if len(waiting) > 0 {
		rt.Fatalf("left waiting: %v", waiting)
	}
	m.tickets = append(m.tickets, tickets...)
}

// deliver hands any ticket to any worker, however often.
func (m *model) deliver(rt *rapid.T) {
	if len(m.tickets) == 0 {
		rt.Skip("nothing dispatched")
	}
	ticket := m.tickets[rapid.IntRange(0, len(m.tickets)-1).Draw(rt, "ticket")]
	worker := rapid.SampledFrom(m.workers).Draw(rt, "worker")
	r := m.records[ticket.Record]
	want := r.status == session.RecordQueued && r.gen == ticket.Gen && !m.sessions[r.session].cancelling
	w, err := m.Claim(m.ctx, ticket, worker, time.Minute)
	if err != nil && !errors.Is(err, session.ErrClaimLost) || (err == nil) != want {
		rt.Fatalf("claim of %+v: %v, want it %v", r, err, want)
	}
	if want {
		r.status, r.worker = session.RecordRunning, worker
		r.attempt++
		m.claims = append(m.claims, w.Claim)
	}
}

// settle ends any attempt in any way, however late and however often.
func (m *model) settle(rt *rapid.T) {
	if len(m.claims) == 0 {
		rt.Skip("nothing claimed")
	}
	c := m.claims[rapid.IntRange(0, len(m.claims)-1).Draw(rt, "claim")]
	how := rapid.SampledFrom([]string{"complete", "fail", "retry", "release", "cancelled"}).Draw(rt, "how")
	r := m.records[c.Record]
	want := r.status == session.RecordRunning && r.attempt == c.Attempt && r.worker == c.Worker
	err := m.settleAs(c, how)
	if how == "complete" && r.status == session.RecordCompleted && r.attempt == c.Attempt {
		if err != nil {
			rt.Fatalf("completion asked for again: %v", err)
		}
		return
	}
	if err != nil && !errors.Is(err, session.ErrClaimLost) || (err == nil) != want {
		rt.Fatalf("%s of %+v: %v, want it %v", how, r, err, want)
	}
	if !want {
		return
	}
	switch how {
	case "complete":
		r.status = session.RecordCompleted
	case "fail":
		r.status = session.RecordFailed
		r.failures++
	case "retry":
		m.release(r)
		r.failures++
	case "release":
		m.release(r)
	case "cancelled":
		r.status = session.RecordCancelled
	}
}

func (m *model) settleAs(c session.Claim, how string) error {
	switch how {
	case "complete":
		return m.complete(m.ctx, c)
	case "fail":
		return m.Close(m.ctx, c, session.RecordFailed, faultOf(session.CodeTLS), nil)
	case "retry":
		return m.Return(m.ctx, c, faultOf(session.CodeRefused), 0)
	case "release":
		return m.Return(m.ctx, c, nil, 0)
	}
	return m.Close(m.ctx, c, session.RecordCancelled, nil, nil)
}

func (m *model) cancelSession(rt *rapid.T) {
	id := m.records[rapid.SampledFrom(m.order).Draw(rt, "of record")].session
	s := m.sessions[id]
	var want error
	if s.status.Terminal() {
		want = session.ErrFinished
	}
	if _, err := m.CancelSession(m.ctx, id); !errors.Is(err, want) {
		rt.Fatalf("cancel of a %s session: %v", s.status, err)
	}
	if want != nil {
		return
	}
	s.cancelling, s.status = true, session.Cancelling
	for _, r := range m.records {
		if r.session == id && (r.status == session.RecordPending || r.status == session.RecordQueued) {
			r.status = session.RecordCancelled
		}
	}
	m.end(id)
}

func (m *model) cancelRecord(rt *rapid.T) {
	id := rapid.SampledFrom(m.order).Draw(rt, "record")
	r := m.records[id]
	var want error
	if r.status.Terminal() {
		want = session.ErrFinished
	}
	if _, err := m.CancelRecord(m.ctx, r.session, id); !errors.Is(err, want) {
		rt.Fatalf("cancel of a %s record: %v", r.status, err)
	}
	switch r.status {
	case session.RecordRunning:
		r.cancelled = true
	case session.RecordPending, session.RecordQueued:
		r.status = session.RecordCancelled
	}
	if want == nil {
		m.end(r.session)
	}
}

func (m *model) loseWorker(rt *rapid.T) {
	i := rapid.IntRange(0, len(m.workers)-1).Draw(rt, "worker")
	dead := m.workers[i]
	m.sql(m.t, `UPDATE workers SET lease_until = now() - interval '1 s' WHERE id = $1`, dead)
	if _, _, err := m.Reap(m.ctx); err != nil {
		rt.Fatal(err)
	}
	m.workers[i] = m.worker(m.t)
	for _, r := range m.records {
		if r.status != session.RecordRunning || r.worker != dead {
			continue
		}
		r.lost++
		if m.release(r); r.status == session.RecordPending && r.lost >= session.MaxLost {
			r.status = session.RecordFailed
		}
	}
}

// loseBells lets the queue deny one task twice in a row.
func (m *model) loseBells(rt *rapid.T) {
	if len(m.tickets) == 0 {
		rt.Skip("nothing dispatched")
	}
	ticket := m.tickets[rapid.IntRange(0, len(m.tickets)-1).Draw(rt, "ticket")]
	m.sql(m.t, `UPDATE sync_instance_records SET bell_missed = 0 WHERE id = $1 AND status = 'queued'`, ticket.Record)
	for range 2 {
		m.missesLieBack(m.t)
		if _, err := m.MarkBells(m.ctx, nil, []session.Ticket{ticket}); err != nil {
			rt.Fatal(err)
		}
	}
	if r := m.records[ticket.Record]; r.status == session.RecordQueued && r.gen == ticket.Gen {
		m.release(r)
	}
}

func (m *model) wipe(rt *rapid.T) {
	if _, err := m.RingAllAgain(m.ctx); err != nil {
		rt.Fatal(err)
	}
	for _, r := range m.records {
		if r.status == session.RecordQueued {
			m.release(r)
		}
	}
}

func (m *model) finish(rt *rapid.T) {
	if _, err := m.CancelLeftovers(m.ctx); err != nil {
		rt.Fatal(err)
	}
	if _, err := m.FinishSessions(m.ctx); err != nil {
		rt.Fatal(err)
	}
	for id := range m.sessions {
		m.end(id)
	}
}

// end ends the session in the model when no record is open.
func (m *model) end(id session.ID) {
	s := m.sessions[id]
	if counts := m.counts(id); counts.Open() == 0 && !s.status.Terminal() {
		s.status, _ = session.Conclude(counts, s.cancelling)
	}
}

func (m *model) counts(id session.ID) session.Counts {
	var c session.Counts
	for _, r := range m.records {
		if r.session != id {
			continue
		}
		switch r.status {
		case session.RecordPending:
			c.Pending++
		case session.RecordQueued:
			c.Queued++
		case session.RecordRunning:
			c.Running++
		case session.RecordCompleted:
			c.Completed++
		case session.RecordFailed:
			c.Failed++
		case session.RecordCancelled:
			c.Cancelled++
		case session.RecordSkipped:
			c.Skipped++
		}
	}
	return c
}

// compare runs after every action.
func (m *model) compare(rt *rapid.T) {
	for id, want := range m.sessions {
		got, err := m.Session(m.ctx, id)
		if err != nil {
			rt.Fatal(err)
		}
		if got.Status != want.status || got.Counts != m.counts(id) {
			rt.Fatalf("session is %s with %+v, want %s with %+v", got.Status, got.Counts, want.status, m.counts(id))
		}
		list, _, err := m.Records(m.ctx, id, session.RecordFilter{}, session.Page{Limit: 100})
		if err != nil {
			rt.Fatal(err)
		}
		for _, r := range list {
			want := m.records[r.ID]
			state := func(status session.RecordStatus, attempt, failures, lost int) string {
				return fmt.Sprintf("%s, attempt %d, %d failures, %d lost", status, attempt, failures, lost)
			}
			if got, want := state(r.Status, r.Attempt, r.Failures, r.Lost), state(want.status, want.attempt, want.failures, want.lost); got != want {
				rt.Fatalf("record %d is %s, want %s", r.ID, got, want)
			}
		}
	}
}

func (m *model) wantNoViolation(rt *rapid.T) {
	found, err := m.Violations(m.ctx)
	if err != nil || len(found) > 0 {
		rt.Fatalf("violations: %v, %v", found, err)
	}
}
