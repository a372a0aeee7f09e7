package store

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

// A selectionBundle is a fleet of six instances that differ in engine, tags,
// and whether a session may take them.
type selectionBundle struct {
	*fleetBundle
	ids map[string]fleet.InstanceID
}

func newSelection(t *testing.T) *selectionBundle {
	t.Helper()
	b := &selectionBundle{fleetBundle: newFleet(t), ids: map[string]fleet.InstanceID{}}
	ids := b.instances(t, 6)
	for i, name := range []string{"red", "red-blue", "plain", "mysql-red", "inactive-red", "deleted-red"} {
		b.ids[name] = ids[i]
		b.sql(t, `UPDATE instances SET name = $2 WHERE id = $1`, ids[i], name)
	}
	b.sql(t, `UPDATE instances SET engine = 'mysql' WHERE name LIKE 'mysql%'`)
	b.sql(t, `UPDATE instances SET active = false WHERE name LIKE 'inactive%'`)
	b.sql(t, `UPDATE instances SET deleted_at = now() WHERE name LIKE 'deleted%'`)
	b.sql(t, `INSERT INTO instance_tags SELECT id, 'red' FROM instances WHERE name LIKE '%red%'`)
	b.sql(t, `INSERT INTO instance_tags SELECT id, 'blue' FROM instances WHERE name LIKE '%blue%'`)
	return b
}

func (b *selectionBundle) request(s session.Selector) session.Request {
	by := int64(7)
	return session.Request{Category: session.Account, Selector: s, CreatedBy: &by}
}

// selected returns what became of each instance of a session.
func (b *selectionBundle) selected(t *testing.T, id session.ID) map[string]session.RecordStatus {
	t.Helper()
	out := map[string]session.RecordStatus{}
	for _, r := range b.records(t, id) {
		out[r.InstanceName] = r.Status
	}
	return out
}

func TestCreateSessionTakesWhatTheSelectorMatches(t *testing.T) {
	t.Parallel()
	b := newSelection(t)
	const pending, skipped = session.RecordPending, session.RecordSkipped
	type want = map[string]session.RecordStatus
	for name, test := range map[string]struct {
		selector session.Selector
		want     want
	}{
		"all":               {session.Selector{All: true}, want{"red": pending, "red-blue": pending, "plain": pending, "mysql-red": skipped}},
		"ids":               {session.Selector{IDs: []fleet.InstanceID{b.ids["plain"], b.ids["red"]}}, want{"plain": pending, "red": pending}},
		"the same id twice": {session.Selector{IDs: []fleet.InstanceID{b.ids["red"], b.ids["red"]}}, want{"red": pending}},
		"one tag":           {session.Selector{Tags: []string{"blue"}}, want{"red-blue": pending}},
		"any of two tags":   {session.Selector{Tags: []string{"red", "blue"}}, want{"red": pending, "red-blue": pending, "mysql-red": skipped}},
		"engine":            {session.Selector{Engines: []fleet.Engine{fleet.PostgreSQL}}, want{"red": pending, "red-blue": pending, "plain": pending}},
		"tag and engine":    {session.Selector{Tags: []string{"red"}, Engines: []fleet.Engine{fleet.PostgreSQL}}, want{"red": pending, "red-blue": pending}},
		"ids and tag":       {session.Selector{IDs: []fleet.InstanceID{b.ids["plain"], b.ids["red"]}, Tags: []string{"red"}}, want{"red": pending}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, created, err := b.CreateSession(t.Context(), b.request(test.selector))
			if err != nil || !created {
				t.Fatalf("created %v, %v", created, err)
			}
			if diff := cmp.Diff(test.want, b.selected(t, s.ID)); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if s.Total != len(test.want) || s.Status != session.Running || s.Result != "" {
				t.Errorf("session = %+v", s)
			}
			if s.Counts.Pending+s.Counts.Skipped != s.Total {
				t.Errorf("counts = %+v of %d", s.Counts, s.Total)
			}
		})
	}
}

func TestCreateSessionRefusesWhatHasNoWork(t *testing.T) {
	t.Parallel()
	b := newSelection(t)
	for name, test := range map[string]struct {
		category session.Category
		selector session.Selector
		want     error
	}{
		"nothing matches":      {session.Account, session.Selector{Tags: []string{"green"}}, session.ErrEmptySelection},
		"engine not served":    {session.Account, session.Selector{Engines: []fleet.Engine{fleet.MySQL}}, session.ErrNotServed},
		"category not served":  {session.Config, session.Selector{All: true}, session.ErrNotServed},
		"filters exclude each": {session.Account, session.Selector{Tags: []string{"blue"}, Engines: []fleet.Engine{fleet.MySQL}}, session.ErrEmptySelection},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := b.request(test.selector)
			req.Category = test.category
			_, _, err := b.CreateSession(t.Context(), req)
			wantErr(t, err, test.want)
		})
	}
}

func TestCreateSessionNamesEveryInstanceItCannotTake(t *testing.T) {
	t.Parallel()
	b := newSelection(t)
	req := b.request(session.Selector{IDs: []fleet.InstanceID{b.ids["red"], b.ids["inactive-red"], b.ids["deleted-red"], 9_999_999}})
	_, _, err := b.CreateSession(t.Context(), req)
	faults := invalid.All(err)
	if len(faults) != 3 {
		t.Fatalf("faults = %v, want three", err)
	}
	for _, f := range faults {
		if f.Field != "selector.ids" {
			t.Errorf("fault of field %q: %v", f.Field, f)
		}
	}
	if n := value[int](t, b.pool, `SELECT count(*) FROM sync_sessions`); n != 0 {
		t.Errorf("%d sessions were stored", n)
	}
}

func TestCreateSessionWithAKnownKeyReturnsTheSameSession(t *testing.T) {
	t.Parallel()
	b := newSelection(t)
	req := b.request(session.Selector{IDs: []fleet.InstanceID{b.ids["plain"]}})
	req.IdempotencyKey = "key-1"
	first, created, err := b.CreateSession(t.Context(), req)
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	// The answer must not depend on what has changed since.
	b.sql(t, `UPDATE instances SET active = false WHERE id = $1`, b.ids["plain"])
	again, created, err := b.CreateSession(t.Context(), req)
	if err != nil || created || again.ID != first.ID {
		t.Errorf("again: session %s, created %v, %v; want %s", again.ID, created, err, first.ID)
	}

	other := req
	other.Selector = session.Selector{IDs: []fleet.InstanceID{b.ids["red"]}}
	_, _, err = b.CreateSession(t.Context(), other)
	wantErr(t, err, session.ErrIdempotencyMismatch)

	somebody := int64(8)
	other.CreatedBy = &somebody
	if _, created, err := b.CreateSession(t.Context(), other); err != nil || !created {
		t.Errorf("another user's key: created %v, %v", created, err)
	}
}

func TestCreateSessionAtOnceWithOneKeyMakesOneSession(t *testing.T) {
	t.Parallel()
	b := newSelection(t)
	req := b.request(session.Selector{All: true})
	req.IdempotencyKey = "key-1"
	const callers = 16
	var wg sync.WaitGroup
	got := make([]session.ID, callers)
	made := make([]bool, callers)
	for i := range callers {
		wg.Go(func() {
			s, created, err := b.CreateSession(t.Context(), req)
			if err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
			got[i], made[i] = s.ID, created
		})
	}
	wg.Wait()
	creators := 0
	for i := range callers {
		if got[i] != got[0] {
			t.Errorf("caller %d got another session", i)
		}
		if made[i] {
			creators++
		}
	}
	if creators != 1 {
		t.Errorf("%d callers created it, want 1", creators)
	}
	if n := value[int](t, b.pool, `SELECT count(*) FROM sync_instance_records`); n != 4 {
		t.Errorf("%d records, want 4", n)
	}
}

func TestCreateSessionFollowsTheSettings(t *testing.T) {
	t.Parallel()
	b := newSelection(t)
	ctx := user.WithActor(t.Context(), user.Actor{User: user.User{ID: 7, Name: "ada"}})
	for key, v := range map[string]int{"session.deadline": 120, "session.max_attempts": 7} {
		if err := b.SetSetting(ctx, key, json.RawMessage(jsonOf(t, v))); err != nil {
			t.Fatal(err)
		}
	}
	s, _, err := b.CreateSession(ctx, b.request(session.Selector{All: true}))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.DeadlineAt.Sub(s.StartedAt); got != 2*time.Minute || s.MaxAttempts != 7 {
		t.Errorf("deadline after %s, %d attempts", got, s.MaxAttempts)
	}
	own := b.request(session.Selector{All: true})
	own.MaxAttempts = 2
	if s, _, err := b.CreateSession(ctx, own); err != nil || s.MaxAttempts != 2 {
		t.Errorf("own attempts: %d, %v", s.MaxAttempts, err)
	}
	if n := value[int](t, b.pool, `SELECT count(*) FROM audit_events WHERE action = 'sync_session.create' AND user_id = 7`); n != 2 {
		t.Errorf("%d audit events, want 2", n)
	}
}

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestRetrySessionTakesTheRecordsInScope(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	ids := b.instances(t, 4)
	parent := b.start(t, ids...)
	if _, err := b.RetrySession(t.Context(), session.Retry{Parent: parent, Scope: session.RetryFailed}); err == nil {
		t.Error("a running session was retried")
	} else {
		wantErr(t, err, session.ErrRunning)
	}
	b.prove(t, parent)
	for i, ticket := range b.dispatch(t) {
		w := b.claim(t, ticket, worker)
		switch i {
		case 0:
			if err := b.complete(t.Context(), w.Claim); err != nil {
				t.Fatal(err)
			}
		case 1:
			b.fail(t, w, session.CodePermission)
		default:
			b.fail(t, w, session.CodeTLS)
		}
	}
	if _, err := b.FinishSessions(t.Context()); err != nil {
		t.Fatal(err)
	}

	child, err := b.RetrySession(t.Context(), session.Retry{Parent: parent, Scope: session.RetryFailed})
	if err != nil || child.Total != 3 || *child.Parent != parent || child.Type != session.ManualBatch {
		t.Errorf("child = %+v, %v", child, err)
	}
	child, err = b.RetrySession(t.Context(), session.Retry{Parent: parent, Scope: session.RetryFailed, Code: session.CodeTLS})
	if err != nil || child.Total != 2 {
		t.Errorf("child of one code = %d records, %v", child.Total, err)
	}
	audited := value[string](t, b.pool, `SELECT detail::text FROM audit_events WHERE object_id = $1`, child.ID.String())
	want := fmt.Sprintf(`{"code": "tls_failed", "status": ["failed"], "category": "account", "instances": 2, "parent_id": "%s"}`, parent)
	if audited != want {
		t.Errorf("the retry is audited as %s, want %s", audited, want)
	}
	_, err = b.RetrySession(t.Context(), session.Retry{Parent: parent, Scope: session.RetryCancelled})
	wantErr(t, err, session.ErrEmptySelection)
	_, err = b.RetrySession(t.Context(), session.Retry{Parent: uuid.New(), Scope: session.RetryFailed})
	wantErr(t, err, session.ErrNotFound)
}
