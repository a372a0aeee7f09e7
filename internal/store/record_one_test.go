package store

import (
	"errors"
	"testing"

	"github.com/dbfleet/dbfleet/internal/session"
)

func TestOneRecordTellsWhyItWaits(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	id := b.start(t, b.instances(t, 1)...)
	number := value[session.RecordID](t, b.pool, `SELECT id FROM sync_instance_records`)
	one, err := b.Record(t.Context(), number)
	if err != nil || one.SessionID != id || one.Waiting == nil || one.Waiting.Reason != session.NoWorker {
		t.Errorf("%+v %v", one, err)
	}
	if _, err := b.Record(t.Context(), number+1); !errors.Is(err, session.ErrRecordNotFound) {
		t.Errorf("unknown record: %v", err)
	}
}
