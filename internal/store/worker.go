package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/session"
)

// pulseTimeout bounds each call of a heartbeat: well within the lease.
const pulseTimeout = 5 * time.Second

// Pulse is a worker's own connection to Postgres, apart from the pool, so that
// no long transaction can delay a heartbeat. One goroutine uses it; Close ends it.
type Pulse struct {
	conn *pgx.Conn
	q    *dbq.Queries
}

// OpenPulse connects and listens for stop notices.
func (s *Store) OpenPulse(ctx context.Context) (*Pulse, error) {
	ctx, cancel := deadline(ctx, "open heartbeat connection")
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig.Copy())
	if err != nil {
		return nil, away(fmt.Errorf("open heartbeat connection: %w", err))
	}
	if _, err := conn.Exec(ctx, "LISTEN dbfleet_stop"); err != nil {
		return nil, errors.Join(away(fmt.Errorf("listen for stop notices: %w", err)), conn.Close(ctx))
	}
	return &Pulse{conn: conn, q: dbq.New(conn)}, nil
}

func deadline(ctx context.Context, doing string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, pulseTimeout, fmt.Errorf("%s: over %s", doing, pulseTimeout))
}

// Register announces a new life of a worker with a fresh lease.
func (p *Pulse) Register(ctx context.Context, w session.Worker) error {
	ctx, cancel := deadline(ctx, "register worker")
	defer cancel()
	err := p.q.RegisterWorker(ctx, dbq.RegisterWorkerParams{
		ID: w.ID, Hostname: w.Hostname, Pid: int32(w.PID), Version: w.Version,
		Queues: texts(w.Queues), Concurrency: int32(w.Concurrency), Lease: session.WorkerLease,
	})
	if err != nil {
		return away(fmt.Errorf("register worker: %w", err))
	}
	return nil
}

// Beat renews the worker's lease and returns the records that it must stop.
// Error: session.ErrLeaseOver when the worker was declared dead.
func (p *Pulse) Beat(ctx context.Context, id session.WorkerID) ([]session.RecordID, error) {
	ctx, cancel := deadline(ctx, "heartbeat")
	defer cancel()
	n, err := p.q.BeatWorker(ctx, dbq.BeatWorkerParams{ID: id, Lease: session.WorkerLease})
	if err != nil {
		return nil, away(fmt.Errorf("heartbeat: %w", err))
	}
	if n == 0 {
		return nil, session.ErrLeaseOver
	}
	ids, err := p.q.RecordsToStop(ctx, &id)
	if err != nil {
		return nil, away(fmt.Errorf("list records to stop: %w", err))
	}
	stop := make([]session.RecordID, len(ids))
	for i, id := range ids {
		stop[i] = session.RecordID(id)
	}
	return stop, nil
}

// bellAge is how old news of a waiting ticket may be before it is told again:
// well within the time after which a bell is looked for.
const bellAge = 4 * time.Second

// Keep tells that the worker has these tickets waiting, so that nobody takes
// their bells for lost.
func (p *Pulse) Keep(ctx context.Context, tickets []session.Ticket) error {
	ctx, cancel := deadline(ctx, "keep bells")
	defer cancel()
	err := p.q.KeepBells(ctx, dbq.KeepBellsParams{Ids: recordIDs(tickets), Gens: gens(tickets), Age: bellAge})
	if err != nil {
		return away(fmt.Errorf("keep bells: %w", err))
	}
	return nil
}

// Wait blocks until a stop notice arrives or d has passed.
func (p *Pulse) Wait(ctx context.Context, d time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	_, err := p.conn.WaitForNotification(waiting)
	if err == nil || waiting.Err() != nil && ctx.Err() == nil && !p.conn.IsClosed() {
		return nil
	}
	return away(fmt.Errorf("wait for stop notices: %w", err))
}

// Leave removes the worker's row, so that nothing waits for its lease. What it
// still holds is taken back by the next reaper.
func (p *Pulse) Leave(ctx context.Context, id session.WorkerID) error {
	ctx, cancel := deadline(ctx, "leave")
	defer cancel()
	if err := p.q.RemoveWorker(ctx, id); err != nil {
		return away(fmt.Errorf("remove worker: %w", err))
	}
	return nil
}

// Close ends the connection, also when ctx has ended.
func (p *Pulse) Close(ctx context.Context) error {
	ctx, cancel := deadline(context.WithoutCancel(ctx), "close heartbeat connection")
	defer cancel()
	return p.conn.Close(ctx)
}

// Workers lists the workers that have a row, oldest first.
func (s *Store) Workers(ctx context.Context) ([]session.Worker, error) {
	rows, err := s.q.ListWorkers(ctx)
	if err != nil {
		return nil, fmt.Errorf("list workers: %w", err)
	}
	list := make([]session.Worker, len(rows))
	for i, row := range rows {
		list[i] = session.Worker{
			ID: row.ID, Hostname: row.Hostname, PID: int(row.Pid), Version: row.Version, Concurrency: int(row.Concurrency),
			StartedAt: row.StartedAt, BeatenAt: row.BeatenAt, Alive: row.Alive,
		}
		for _, queue := range row.Queues {
			list[i].Queues = append(list[i].Queues, session.Category(queue))
		}
	}
	return list, nil
}
