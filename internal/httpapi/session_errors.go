package httpapi

import (
	"context"

	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/session"
)

// ListSyncErrors lists the failures of a session by kind.
func (a *API) ListSyncErrors(ctx context.Context, r gen.ListSyncErrorsRequestObject) (gen.ListSyncErrorsResponseObject, error) {
	kinds, err := a.Sessions.ErrorKinds(ctx, r.SessionId)
	if err != nil {
		return nil, err
	}
	return gen.ListSyncErrors200JSONResponse{Items: mapped(kinds, toKind)}, nil
}

func toKind(k session.ErrorKind) gen.ErrorKind {
	return gen.ErrorKind{
		Fingerprint: string(k.Fingerprint), Code: string(k.Code), Phase: string(k.Phase), Message: k.Message, Count: k.Count,
		Samples: mapped(k.Samples, func(s session.ErrorSample) gen.ErrorSample {
			return gen.ErrorSample{
				RecordId: int64(s.Record), InstanceId: int64(s.InstanceID), InstanceName: s.InstanceName, Message: s.Message,
			}
		}),
	}
}
