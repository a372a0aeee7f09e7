package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// The limits of hosts and credentials hold for where an instance is now.
func TestWaitingRecordsFollowTheirInstance(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	ids := b.instances(t, 1)
	id := b.start(t, ids...)
	b.sql(t, `UPDATE sync_instance_records SET lane = 1, contact = 'unreachable'`) // at its old host
	b.move(t, ids[0], id)
}

// move gives the instance another host and credential; the session's record must
// follow.
func (b *fleetBundle) move(t *testing.T, instance fleet.InstanceID, id session.ID, after ...func()) {
	t.Helper()
	other, host := fleet.CredentialID(b.newCredential(t, "other")), "elsewhere"
	if _, err := b.UpdateInstance(t.Context(), instance, fleet.InstanceChange{CredentialID: &other, HostKey: &host}); err != nil {
		t.Fatal(err)
	}
	for _, do := range after {
		do()
	}
	got := value[string](t, b.pool, `SELECT concat_ws(' ', status, credential_id, host_key, lane, contact) FROM sync_instance_records WHERE session_id = $1`, id)
	if want := fmt.Sprint("pending ", other, " ", host, " 0 unknown"); got != want {
		t.Errorf("the waiting record is %s, want %s", got, want)
	}
}

// The dispatcher has counted it for the old ones.
func TestQueuedRecordOfAMovedInstanceIsDispatchedAgain(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	worker := b.worker(t)
	ids := b.instances(t, 1)
	id := b.start(t, ids...)
	b.sql(t, `UPDATE sync_instance_records SET lane = 1, contact = 'unreachable'`)
	old := b.ticket(t, id)
	b.move(t, ids[0], id, func() {
		_, err := b.Claim(t.Context(), old, worker, time.Minute)
		wantErr(t, err, session.ErrClaimLost)
	})
	if w := b.claim(t, b.ticket(t, id), worker); w.Target.InstanceID != ids[0] {
		t.Errorf("claimed %+v", w)
	}
}
