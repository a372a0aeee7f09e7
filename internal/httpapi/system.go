package httpapi

import (
	"context"

	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/session"
)

// ListWorkers shows the worker processes.
func (a *API) ListWorkers(ctx context.Context, _ gen.ListWorkersRequestObject) (gen.ListWorkersResponseObject, error) {
	workers, err := a.Workers.Workers(ctx)
	if err != nil {
		return nil, err
	}
	return gen.ListWorkers200JSONResponse{Items: mapped(workers, toWorker)}, nil
}

func toWorker(w session.Worker) gen.Worker {
	return gen.Worker{
		Id: w.ID, Hostname: w.Hostname, Pid: w.PID, Version: w.Version, Concurrency: w.Concurrency,
		Queues:    mapped(w.Queues, func(c session.Category) string { return string(c) }),
		StartedAt: w.StartedAt.UTC(), BeatenAt: w.BeatenAt.UTC(), Alive: w.Alive,
	}
}
