package runner

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/internal/session"
)

// Pulse is a connection to Postgres for heartbeats alone.
type Pulse interface {
	Register(ctx context.Context, w session.Worker) error
	Beat(ctx context.Context, id session.WorkerID) ([]session.RecordID, error)
	Keep(ctx context.Context, waiting []session.Ticket) error
	Wait(ctx context.Context, d time.Duration) error
	Leave(ctx context.Context, id session.WorkerID) error
	Close(ctx context.Context) error
}

// Heart keeps a worker process alive in Postgres. While Postgres is away, what
// runs goes on; only when Postgres says that the lease is over, everything is
// abandoned and the process comes back as a new worker.
type Heart struct {
	Open    func(context.Context) (Pulse, error)
	Self    session.Worker // everything but the id
	Stop    func([]session.RecordID)
	Abandon func()
	Waiting func() []session.Ticket // those whose claim has to wait
	Log     *slog.Logger

	id    atomic.Pointer[session.WorkerID]
	ready chan struct{}
}

// NewHeart returns a heart that does not beat yet; open connects to Postgres.
func NewHeart(open func(context.Context) (Pulse, error), self session.Worker, log *slog.Logger) *Heart {
	return &Heart{Open: open, Self: self, Log: log, ready: make(chan struct{})}
}

// ID is the worker's present life; the zero UUID before the first.
func (h *Heart) ID() session.WorkerID {
	if id := h.id.Load(); id != nil {
		return *id
	}
	return uuid.Nil
}

// Ready is closed when the worker has been registered for the first time.
func (h *Heart) Ready() <-chan struct{} { return h.ready }

// reopenPause keeps a worker from hammering a Postgres that is away.
const reopenPause = time.Second

// Run beats until ctx ends and then removes the worker's row.
func (h *Heart) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := h.beat(ctx); err != nil && ctx.Err() == nil {
			h.Log.WarnContext(ctx, "heartbeat failed: trying again", "err", err)
			select {
			case <-time.After(reopenPause):
			case <-ctx.Done():
			}
		}
	}
	if err := h.leave(context.WithoutCancel(ctx)); err != nil {
		h.Log.WarnContext(ctx, "worker not removed: its lease runs out by itself", "worker", h.ID(), "err", err)
	}
	return nil
}

// beat opens a connection and beats on it until an error or ctx ends.
func (h *Heart) beat(ctx context.Context) (err error) {
	pulse, err := h.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pulse.Close(ctx)) }()
	for {
		if err := h.once(ctx, pulse); err != nil {
			return err
		}
		if err := pulse.Wait(ctx, session.Heartbeat); err != nil {
			return err
		}
	}
}

// once sends one heartbeat, under a new life if the old one is over.
func (h *Heart) once(ctx context.Context, pulse Pulse) error {
	if h.id.Load() == nil {
		return h.register(ctx, pulse)
	}
	stop, err := pulse.Beat(ctx, h.ID())
	if errors.Is(err, session.ErrLeaseOver) {
		h.Log.WarnContext(ctx, "declared dead: abandoning what runs and coming back as a new worker", "worker", h.ID())
		h.Abandon()
		return h.register(ctx, pulse)
	}
	if err != nil {
		return err
	}
	h.Stop(stop)
	if waiting := h.Waiting(); len(waiting) > 0 {
		return pulse.Keep(ctx, waiting)
	}
	return nil
}

func (h *Heart) register(ctx context.Context, pulse Pulse) error {
	self := h.Self
	self.ID = uuid.New()
	if err := pulse.Register(ctx, self); err != nil {
		return err
	}
	if h.id.Swap(&self.ID) == nil {
		close(h.ready)
	}
	h.Log.InfoContext(ctx, "worker registered", "worker", self.ID, "concurrency", self.Concurrency)
	return nil
}

// leave removes the worker's row on a connection of its own, since the end of
// ctx may have broken the other in the middle of a heartbeat.
func (h *Heart) leave(ctx context.Context) (err error) {
	if h.id.Load() == nil {
		return nil
	}
	pulse, err := h.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pulse.Close(ctx)) }()
	return pulse.Leave(ctx, h.ID())
}
