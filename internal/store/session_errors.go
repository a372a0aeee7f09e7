package store

import (
	"context"
	"fmt"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

const (
	maxErrorKinds = 200 // a session with more has a message that does not normalise
	errorSamples  = 5
)

// ErrorKinds returns the failures of a session by fingerprint, the most
// frequent first, at most 200 of them. Error: session.ErrNotFound.
func (s *Store) ErrorKinds(ctx context.Context, id session.ID) ([]session.ErrorKind, error) {
	rows, err := s.q.ErrorKinds(ctx, dbq.ErrorKindsParams{SessionID: id, KindsLimit: maxErrorKinds, Samples: errorSamples})
	if err != nil {
		return nil, fmt.Errorf("group errors: %w", err)
	}
	if len(rows) == 0 {
		return nil, s.checkSession(ctx, id)
	}
	var kinds []session.ErrorKind
	for i, row := range rows {
		if i == 0 || row.Fingerprint != rows[i-1].Fingerprint || row.Code != rows[i-1].Code {
			kinds = append(kinds, session.ErrorKind{
				Fingerprint: session.Fingerprint(row.Fingerprint), Code: session.Code(row.Code), Phase: session.Phase(row.Phase),
				Message: session.Normalise(row.Message), Count: int(row.Failures),
			})
		}
		last := &kinds[len(kinds)-1]
		last.Samples = append(last.Samples, session.ErrorSample{
			Record: session.RecordID(row.RecordID), InstanceID: fleet.InstanceID(row.InstanceID),
			InstanceName: row.InstanceName, Message: row.Message,
		})
	}
	return kinds, nil
}

// verdict is what a sweep says of records that it fails: the message's template
// holds %s for what SQL fills in.
type verdict struct {
	code     session.Code
	template string
	filled   []any // anything of the form that SQL fills in
}

// The verdicts. What differs between records of one kind is a number or quoted.

func overdue() verdict {
	return verdict{session.CodeSessionDeadline, "the session's deadline passed before the instance was read", nil}
}

func deadHost() verdict {
	return verdict{session.CodeHostDown, `%s other instances of host "%s" did not answer`, []any{"3", "db"}}
}

func rejected() verdict {
	return verdict{session.CodeCredentialRejected, "%s logins with this credential failed in this session; it was not tried here", []any{"3"}}
}

func poisoned() verdict {
	return verdict{session.CodePoison, "%s workers were lost while they worked on this instance", []any{"3"}}
}

func (v verdict) fingerprint() string {
	return string(session.FingerprintOf(v.code, session.PhaseDispatch, fmt.Sprintf(v.template, v.filled...)))
}
