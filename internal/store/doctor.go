package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbfleet/dbfleet/internal/census"
	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/doctor"
)

// Clock returns the time of Postgres. When Postgres itself refuses, the error is
// nothing but its words.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := s.pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return time.Time{}, errors.New(pgErr.Message)
	}
	return now, err
}

// serverFacts asks the catalogs, which sqlc does not know. A limit of -1 is none.
const serverFacts = `
SELECT current_setting('server_version'), current_setting('server_version_num')::int, current_setting('server_encoding'),
       LEAST(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                 - COALESCE(current_setting('reserved_connections', true), '0')::int,
             (SELECT NULLIF(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
             (SELECT NULLIF(datconnlimit, -1) FROM pg_database WHERE datname = current_database())),
       pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean`

// Server returns what Postgres says about itself.
func (s *Store) Server(ctx context.Context) (doctor.Server, error) {
	var f doctor.Server
	err := s.pool.QueryRow(ctx, serverFacts).Scan(&f.Version, &f.VersionNum, &f.Encoding, &f.Connections, &f.ReadOnly)
	if err != nil {
		return doctor.Server{}, fmt.Errorf("ask the server: %w", err)
	}
	return f, nil
}

const doctorChannel = "dbfleet_doctor"

// TryListen listens on one connection and notifies on another, as the api and
// the workers do, and blocks until the notice has arrived or ctx ends.
func (s *Store) TryListen(ctx context.Context) (err error) {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig.Copy())
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() {
		ctx, cancel := deadline(context.WithoutCancel(ctx), "close connection")
		defer cancel()
		err = errors.Join(err, conn.Close(ctx))
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+doctorChannel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	word := uuid.NewString() // another doctor may be at work
	if _, err := s.pool.Exec(ctx, "SELECT pg_notify($1, $2)", doctorChannel, word); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	for {
		notice, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("wait for a notice: %w", err)
		}
		if notice.Payload == word {
			return nil
		}
	}
}

// Upkeep returns what the doctor looks at beside the invariants, on one snapshot.
func (s *Store) Upkeep(ctx context.Context) (doctor.Upkeep, error) {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return doctor.Upkeep{}, fmt.Errorf("begin: %w", err)
	}
	q, u := s.q.WithTx(tx), doctor.Upkeep{}
	err = errors.Join(readSchedulers(ctx, q, &u), readFleet(ctx, q, &u), rollback(ctx, tx))
	return u, err
}

// readSchedulers reads what schedulers and sessions are about.
func readSchedulers(ctx context.Context, q *dbq.Queries, u *doctor.Upkeep) (err error) {
	if u.Scheduler, err = q.LeaseHeld(ctx, census.LeaseName); err != nil {
		return fmt.Errorf("look for a scheduler: %w", err)
	}
	overdue, err := q.OverdueSessions(ctx, doctor.Grace)
	if err != nil {
		return fmt.Errorf("look for overdue sessions: %w", err)
	}
	for _, id := range overdue {
		u.Overdue = append(u.Overdue, id.String())
	}
	active, err := q.CountActiveSchedules(ctx)
	if err != nil {
		return fmt.Errorf("count schedules: %w", err)
	}
	u.Schedules = int(active)
	if u.Broken, err = q.SchedulesPausedByFault(ctx); err != nil {
		return fmt.Errorf("look for broken schedules: %w", err)
	}
	if u.Missed, err = q.SchedulesMissed(ctx, doctor.Recent); err != nil {
		return fmt.Errorf("look for missed times: %w", err)
	}
	return nil
}

// readFleet reads what the registered servers and logins are about.
func readFleet(ctx context.Context, q *dbq.Queries, u *doctor.Upkeep) error {
	keys, err := q.CountCredentialKeys(ctx)
	if err != nil {
		return fmt.Errorf("count keys: %w", err)
	}
	u.Credentials = map[string]int{}
	for _, row := range keys {
		u.Credentials[row.KeyID] = int(row.Credentials)
	}
	modes, err := q.CountTLSModes(ctx)
	if err != nil {
		return fmt.Errorf("count TLS modes: %w", err)
	}
	u.TLSModes = map[string]int{}
	for _, row := range modes {
		u.TLSModes[row.TlsMode] = int(row.Instances)
	}
	addresses, err := q.InstanceAddresses(ctx)
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	u.Addresses = []doctor.Address{}
	for _, row := range addresses {
		u.Addresses = append(u.Addresses, doctor.Address{Host: row.Host, Port: int(row.Port), Name: row.Name, Instances: int(row.Instances)})
	}
	holds, err := q.CountOpenHolds(ctx)
	if err != nil {
		return fmt.Errorf("count holds: %w", err)
	}
	u.Holds = int(holds)
	return nil
}
