package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

// noLimit is a host limit that is never met.
const noLimit = 1_000_000

// A fleetBundle is a database with one credential and the means to drive
// sessions through it by hand.
type fleetBundle struct {
	*Store
	pool       *pgxpool.Pool
	credential int64
}

func newFleet(t testing.TB) *fleetBundle {
	t.Helper()
	b := &fleetBundle{pool: testdb.Postgres(t)}
	b.Store = New(b.pool)
	b.Serves = session.Serves{
		session.Account:  {fleet.PostgreSQL},
		session.Capacity: {fleet.PostgreSQL},
	}
	b.credential = b.newCredential(t, "fleet")
	b.sql(t, `CREATE SEQUENCE fleet_names`)
	return b
}

func (b *fleetBundle) newCredential(t testing.TB, name string) int64 {
	t.Helper()
	return value[int64](t, b.pool, `INSERT INTO credentials (name, username, sealed, key_id)
		VALUES ($1, 'reader', '\x00', 'k') RETURNING id`, name)
}

// sql runs one statement and fails the test when it fails.
func (b *fleetBundle) sql(t testing.TB, statement string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// hold runs a statement in a transaction that stays open until the test ends it,
// or is over.
func (b *fleetBundle) hold(t testing.TB, statement string, args ...any) pgx.Tx {
	t.Helper()
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tx.Rollback(context.WithoutCancel(t.Context())); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
			t.Error(err)
		}
	})
	if _, err := tx.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return tx
}

// value returns the single value of a query.
func value[T any](t testing.TB, pool *pgxpool.Pool, query string, args ...any) T {
	t.Helper()
	return values[T](t, pool, query, args...)[0]
}

// values returns the first column of every row.
func values[T any](t testing.TB, pool *pgxpool.Pool, query string, args ...any) []T {
	t.Helper()
	rows, err := pool.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return list
}

// instances adds n instances with a host each.
func (b *fleetBundle) instances(t testing.TB, n int) []fleet.InstanceID {
	t.Helper()
	return values[fleet.InstanceID](t, b.pool, `
		INSERT INTO instances (name, engine, host, port, credential_id, host_key)
		SELECT name, 'postgresql', name, 5432, $2, name
		FROM (SELECT 'i' || nextval('fleet_names') AS name FROM generate_series(1, $1::int)) n
		RETURNING id`, n, b.credential)
}

// onHost adds n instances of one host.
func (b *fleetBundle) onHost(t testing.TB, host string, n int) []fleet.InstanceID {
	t.Helper()
	ids := b.instances(t, n)
	b.sql(t, `UPDATE instances SET host = $2, host_key = $2 WHERE id = ANY ($1)`, ids, host)
	return ids
}

// start creates an account session over the instances.
func (b *fleetBundle) start(t testing.TB, ids ...fleet.InstanceID) session.ID {
	t.Helper()
	return b.startOf(t, session.Account, ids...)
}

func (b *fleetBundle) startOf(t testing.TB, c session.Category, ids ...fleet.InstanceID) session.ID {
	t.Helper()
	by := int64(1)
	s, created, err := b.CreateSession(t.Context(), session.Request{
		Category: c, Selector: session.Selector{IDs: ids}, CreatedBy: &by,
	})
	if err != nil || !created {
		t.Fatalf("create session: %v, created %v", err, created)
	}
	return s.ID
}

// worker registers a live worker for the account and capacity queues.
func (b *fleetBundle) worker(t testing.TB) session.WorkerID {
	t.Helper()
	return b.workerOf(t, 64, session.Account, session.Capacity)
}

func (b *fleetBundle) workerOf(t testing.TB, concurrency int, queues ...session.Category) session.WorkerID {
	t.Helper()
	id := uuid.New()
	b.sql(t, `INSERT INTO workers (id, hostname, pid, version, queues, concurrency, lease_until)
		VALUES ($1, 'host', 1, 'test', $2, $3, now() + interval '1 hour')`, id, texts(queues), concurrency)
	return id
}

// dispatch runs one round without a limit per host.
func (b *fleetBundle) dispatch(t testing.TB) []session.Ticket {
	t.Helper()
	return b.dispatchLimited(t, noLimit)
}

func (b *fleetBundle) dispatchLimited(t testing.TB, hostLimit int) []session.Ticket {
	t.Helper()
	tickets, _, err := b.Dispatch(t.Context(), hostLimit)
	if err != nil {
		t.Fatal(err)
	}
	return tickets
}

// prove lets the logins of every credential count as proven in the session.
func (b *fleetBundle) prove(t testing.TB, id session.ID) {
	t.Helper()
	b.sql(t, `INSERT INTO session_logins (session_id, credential_id, credential_version)
		SELECT $1, id, version FROM credentials ON CONFLICT DO NOTHING`, id)
}

func (b *fleetBundle) claim(t testing.TB, ticket session.Ticket, w session.WorkerID) session.Work {
	t.Helper()
	work, err := b.Claim(t.Context(), ticket, w, time.Minute)
	if err != nil {
		t.Fatalf("claim %v: %v", ticket, err)
	}
	return work
}

// running starts a session over one new instance and claims its record.
func (b *fleetBundle) running(t testing.TB, w session.WorkerID) (session.ID, session.Work) {
	t.Helper()
	id := b.start(t, b.instances(t, 1)...)
	b.prove(t, id)
	return id, b.claim(t, b.ticket(t, id), w)
}

// ticket dispatches and returns the ticket of the session's only record.
func (b *fleetBundle) ticket(t testing.TB, id session.ID) session.Ticket {
	t.Helper()
	record := b.onlyRecord(t, id).ID
	tickets := b.dispatch(t)
	for _, ticket := range tickets {
		if ticket.Record == record {
			return ticket
		}
	}
	t.Fatalf("record %d was not dispatched: %v", record, tickets)
	return session.Ticket{}
}

// emptyServer is what a read of a server without accounts finds.
func emptyServer() account.Snapshot {
	return account.Snapshot{Server: fleet.Server{Flavour: "postgresql", Version: "17.2", Identity: "server-1"}}
}

func (b *fleetBundle) complete(ctx context.Context, c session.Claim) error {
	_, err := b.CompleteAccounts(ctx, c, emptyServer(), account.HoldRules{Percent: 30, Minimum: 20}, map[string]any{"read_ms": 5})
	return err
}

// fail closes the record as failed with the code.
func (b *fleetBundle) fail(t testing.TB, w session.Work, code session.Code) {
	t.Helper()
	if err := b.Close(t.Context(), w.Claim, session.RecordFailed, faultOf(code), nil); err != nil {
		t.Fatal(err)
	}
}

func faultOf(code session.Code) *session.Fault {
	return &session.Fault{Code: code, Phase: session.PhaseConnect, Err: errors.New("the driver's words")}
}

func (b *fleetBundle) session(t testing.TB, id session.ID) session.Session {
	t.Helper()
	s, err := b.Session(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *fleetBundle) records(t testing.TB, id session.ID) []session.Record {
	t.Helper()
	list, _, err := b.Records(t.Context(), id, session.RecordFilter{}, session.Page{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (b *fleetBundle) onlyRecord(t testing.TB, id session.ID) session.Record {
	t.Helper()
	list := b.records(t, id)
	if len(list) != 1 {
		t.Fatalf("session has %d records, want 1", len(list))
	}
	return list[0]
}

// wantStatus fails the test unless the session's only record has the status.
func (b *fleetBundle) wantStatus(t testing.TB, id session.ID, want session.RecordStatus) {
	t.Helper()
	if got := b.onlyRecord(t, id).Status; got != want {
		t.Errorf("record is %s, want %s", got, want)
	}
}

// makeDue makes every pending record due now, as a first attempt.
func (b *fleetBundle) makeDue(t testing.TB) {
	t.Helper()
	b.sql(t, `UPDATE sync_instance_records SET due_at = now(), dispatch_key = random() WHERE status = 'pending'`)
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error = %v, want %v", got, want)
	}
}

// ticketRecords returns the record numbers of tickets, sorted.
func ticketRecords(tickets []session.Ticket) []session.RecordID {
	ids := make([]session.RecordID, len(tickets))
	for i, t := range tickets {
		ids[i] = t.Record
	}
	slices.Sort(ids)
	return ids
}
