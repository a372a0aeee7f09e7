package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/session"
)

// newHeld returns an instance of 66 accounts of which 20 are held as missing.
func newHeld(t *testing.T) (*accountBundle, account.Hold) {
	t.Helper()
	b := newAccounts(t)
	b.merge(t, snapshot(people(1, 66)))
	m := b.merge(t, missing20())
	if !m.Held || m.Items.Deleted != 0 {
		t.Fatalf("not held: %+v", m)
	}
	return b, b.newest(t)
}

func missing20() account.Snapshot { return snapshot(people(21, 46)) }

func (b *accountBundle) newest(t *testing.T) account.Hold {
	t.Helper()
	holds, _, err := b.ListHolds(t.Context(), account.HoldFilter{Instance: &b.instance}, 1, 0)
	if err != nil || len(holds) != 1 {
		t.Fatalf("%d holds, %v", len(holds), err)
	}
	h, err := b.Hold(t.Context(), holds[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (b *accountBundle) living(t *testing.T) int {
	t.Helper()
	return one[int](t, b.pool, `SELECT count(*) FROM accounts WHERE instance_id = $1 AND deleted_at IS NULL`, b.instance)
}

func TestHoldSaysWhatItIsAbout(t *testing.T) {
	t.Parallel()
	b, h := newHeld(t)
	if h.Status != account.HoldOpen || h.Reason != account.MassDisappearance || h.TimesSeen != 1 || h.InstanceName != "orders-1" {
		t.Errorf("got %+v", h)
	}
	if h.Known != 66 || h.MissingCount != 20 || len(h.Missing) != 20 || h.Record != b.claim.Record || h.LastSeenAt == nil {
		t.Errorf("got %+v", h)
	}
	if n := b.living(t); n != 66 {
		t.Errorf("%d accounts live", n)
	}
}

func TestDetailsOfARecordSayWhatIsHeld(t *testing.T) {
	t.Parallel()
	b, h := newHeld(t)
	want := map[string]any{
		"completeness": "partial",
		"hold":         map[string]any{"id": h.ID, "reason": h.Reason, "known": 66, "missing": 20, "applied": false},
	}
	if diff := cmp.Diff(want, b.merge(t, missing20()).Details); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	want["completeness"] = "complete"
	want["hold"].(map[string]any)["applied"] = true
	if diff := cmp.Diff(want, b.merge(t, missing20()).Details); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"completeness": "complete"}, b.merge(t, missing20()).Details); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestHoldConfirmsItselfAtTheThirdCompleteRead(t *testing.T) {
	t.Parallel()
	b, opened := newHeld(t)
	b.merge(t, snapshot(people(21, 46), account.Gap{Database: "app"})) // does not count
	if m := b.merge(t, missing20()); !m.Held {
		t.Fatal("applied at the second complete read")
	}
	m := b.merge(t, missing20())
	if diff := cmp.Diff(session.Items{Synced: 46, Deleted: 20}, m.Items); diff != "" || m.Held {
		t.Fatalf("held %t; -want +got:\n%s", m.Held, diff)
	}
	h := b.newest(t)
	if h.ID != opened.ID || h.Status != account.HoldConfirmed || h.TimesSeen != 3 || h.DecidedBy != nil || h.AppliedAt == nil {
		t.Errorf("got %+v", h)
	}
	wrong := one[int](t, b.pool, `SELECT count(*) FROM accounts WHERE deleted_at IS NOT NULL AND last_seen_at IS DISTINCT FROM $1`, h.LastSeenAt)
	if wrong != 0 {
		t.Errorf("%d accounts were last seen at another time than before the hold", wrong)
	}
}

func TestDecideHoldConfirmDeletesAtOnce(t *testing.T) {
	t.Parallel()
	b, h := newHeld(t)
	got, err := b.DecideHold(t.Context(), h.ID, true, 7)
	if err != nil {
		t.Fatal(err)
	}
	if got.Status != account.HoldConfirmed || got.AppliedAt == nil || got.DecidedBy == nil || *got.DecidedBy != 7 {
		t.Errorf("got %+v", got)
	}
	b.checkHistory(t)
	if n := b.living(t); n != 46 {
		t.Errorf("%d accounts live", n)
	}
	if m := b.merge(t, missing20()); m.Held || m.Items.Deleted != 0 {
		t.Errorf("afterwards %+v", m)
	}
	if n := one[int](t, b.pool, `SELECT count(*) FROM audit_events WHERE action = 'hold.confirm'`); n != 1 {
		t.Errorf("%d audit events", n)
	}
}

func TestDecideHoldRejectKeepsUntilThePictureChanges(t *testing.T) {
	t.Parallel()
	b, h := newHeld(t)
	if _, err := b.DecideHold(t.Context(), h.ID, false, 7); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if m := b.merge(t, missing20()); !m.Held || m.Items.Deleted != 0 {
			t.Fatalf("got %+v", m)
		}
	}
	if got := b.newest(t); got.ID != h.ID || got.LapsedAt != nil {
		t.Fatalf("asked again: %+v", got)
	}
	b.merge(t, snapshot(people(1, 66)))
	b.merge(t, missing20())
	if got := b.newest(t); got.ID == h.ID || got.Status != account.HoldOpen {
		t.Errorf("not asked again after they were back: %+v", got)
	}
	if old, err := b.Hold(t.Context(), h.ID); err != nil || old.Status != account.HoldRejected || old.LapsedAt == nil {
		t.Errorf("got %+v, %v", old, err)
	}
}

func TestHoldIsSupersededByAnotherPicture(t *testing.T) {
	t.Parallel()
	b, first := newHeld(t)
	b.merge(t, snapshot(people(22, 45)))
	second := b.newest(t)
	if second.ID == first.ID || second.MissingCount != 21 || second.TimesSeen != 1 {
		t.Fatalf("got %+v", second)
	}
	if !second.LastSeenAt.Equal(*first.LastSeenAt) {
		t.Errorf("missing since %s, then since %s", first.LastSeenAt, second.LastSeenAt)
	}
	b.merge(t, snapshot(people(1, 66)))
	for _, id := range []account.HoldID{first.ID, second.ID} {
		if h, err := b.Hold(t.Context(), id); err != nil || h.Status != account.HoldSuperseded || h.DecidedAt == nil {
			t.Errorf("got %+v, %v", h, err)
		}
	}
}

func TestDecideHoldErrors(t *testing.T) {
	t.Parallel()
	b, h := newHeld(t)
	if _, err := b.DecideHold(t.Context(), h.ID+1, true, 7); !errors.Is(err, account.ErrHoldNotFound) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := b.Hold(t.Context(), h.ID+1); !errors.Is(err, account.ErrHoldNotFound) {
		t.Errorf("unknown: %v", err)
	}
	b.merge(t, snapshot(people(1, 66)))
	if _, err := b.DecideHold(t.Context(), h.ID, true, 7); !errors.Is(err, account.ErrHoldDecided) {
		t.Errorf("superseded: %v", err)
	}
	if n := b.living(t); n != 66 {
		t.Errorf("%d accounts live", n)
	}
}

func TestDecideHoldBesideReadsDecidesOnce(t *testing.T) {
	t.Parallel()
	b, h := newHeld(t)
	results := make(chan error, 6)
	var group sync.WaitGroup
	for i := range cap(results) {
		group.Go(func() {
			_, err := b.DecideHold(t.Context(), h.ID, i%2 == 0, int64(i))
			results <- err
		})
	}
	readers := *b
	group.Go(func() {
		if _, err := readers.tryMerge(t.Context(), missing20()); err != nil {
			t.Error(err)
		}
	})
	group.Wait()
	close(results)
	decided := 0
	for err := range results {
		switch {
		case err == nil:
			decided++
		case !errors.Is(err, account.ErrHoldDecided):
			t.Error(err)
		}
	}
	if decided != 1 {
		t.Errorf("decided %d times", decided)
	}
	b.checkHistory(t)
}

// other is what another server at the same address shows: some of its keys are
// the same and mean somebody else.
func other() account.Snapshot {
	snap := snapshot(people(3, 5))
	snap.Server.Identity = "T"
	for i := range snap.Accounts {
		snap.Accounts[i].Name = "other" + snap.Accounts[i].Identity
	}
	return snap
}

func TestAnotherServerIsHeldAndConfirmsItself(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	b.merge(t, snapshot(people(1, 4)))
	before := b.events(t)
	for range 2 {
		m := b.merge(t, other())
		if !m.Foreign || !m.KeepIdentity || !m.Held || m.Items != (session.Items{}) {
			t.Fatalf("got %+v", m)
		}
	}
	if diff := cmp.Diff(before, b.events(t)); diff != "" {
		t.Fatalf("something of the other server is stored:\n%s", diff)
	}
	m := b.merge(t, other())
	if diff := cmp.Diff(session.Items{Synced: 5, Created: 5, Deleted: 4}, m.Items); diff != "" || m.Foreign || m.KeepIdentity {
		t.Fatalf("%+v; -want +got:\n%s", m, diff)
	}
	if m := b.merge(t, other()); m.Held || m.Items != (session.Items{Synced: 5}) {
		t.Errorf("afterwards %+v", m)
	}
	if n := one[int](t, b.pool, `SELECT count(*) FROM accounts WHERE replaced_at IS NOT NULL AND name LIKE 'p%'`); n != 4 {
		t.Errorf("%d accounts belong to the former server", n)
	}
}

func TestAnotherServerTakesNothingOverFromTheFormer(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	b.merge(t, snapshot(people(1, 4)))
	b.merge(t, other())
	if _, err := b.DecideHold(t.Context(), b.newest(t).ID, true, 7); err != nil {
		t.Fatal(err)
	}
	partial := other()
	partial.Gaps = []account.Gap{{Database: "app"}}
	for i := range partial.Accounts {
		partial.Accounts[i].Grants = partial.Accounts[i].Grants[1:]
	}
	b.merge(t, partial)
	if n := one[int](t, b.pool, `SELECT count(*) FROM accounts WHERE replaced_at IS NULL AND jsonb_array_length(grants) <> 1`); n != 0 {
		t.Errorf("%d accounts have grants of the former server", n)
	}
}

func TestAnotherServerIsAppliedAfterConfirmation(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	b.merge(t, snapshot(people(1, 4)))
	b.merge(t, other())
	h, err := b.DecideHold(t.Context(), b.newest(t).ID, true, 7)
	if err != nil || h.AppliedAt != nil || h.Status != account.HoldConfirmed {
		t.Fatalf("got %+v, %v", h, err)
	}
	if m := b.merge(t, other()); m.Held || m.Items.Created != 5 || m.Items.Deleted != 4 {
		t.Fatalf("got %+v", m)
	}
	if h := b.newest(t); h.AppliedAt == nil || h.ID != 1 {
		t.Errorf("got %+v", h)
	}
	b.merge(t, snapshot(people(1, 4)))
	if h := b.newest(t); h.OldIdentity != "T" || h.NewIdentity != "S" || h.Status != account.HoldOpen {
		t.Errorf("the old server is another server now: %+v", h)
	}
}

func TestListHoldsFiltersAndPages(t *testing.T) {
	t.Parallel()
	b, _ := newHeld(t)
	for i := range 4 {
		b.merge(t, snapshot(people(22+i, 45-i)))
	}
	elsewhere := b.instance + 1
	count := func(f account.HoldFilter) string {
		var ids []account.HoldID
		for after, pages := account.HoldID(0), 0; pages == 0 || after != 0; pages++ {
			page, next, err := b.ListHolds(t.Context(), f, 2, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range page {
				ids = append(ids, h.ID)
			}
			after = next
		}
		return fmt.Sprint(ids)
	}
	open, superseded := account.HoldOpen, account.HoldSuperseded
	got := []string{
		count(account.HoldFilter{}), count(account.HoldFilter{Status: &open}),
		count(account.HoldFilter{Status: &superseded, Instance: &b.instance}), count(account.HoldFilter{Instance: &elsewhere}),
	}
	if diff := cmp.Diff([]string{"[5 4 3 2 1]", "[5]", "[4 3 2 1]", "[]"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
