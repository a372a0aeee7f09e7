package store

import (
	"fmt"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Bounds of what one statement carries, so that a big instance costs little
// memory beyond its snapshot.
const (
	chunkRows  = 2000
	diffRows   = 500 // a change holds the stored state as well
	chunkBytes = 4 << 20
)

// accountBatch collects the rows of one statement as arrays.
type accountBatch struct {
	ids     []int64
	changes []string
	states  [][]byte
	hashes  [][]byte
	diffs   [][]byte
	bytes   int // of the states
}

func (b *accountBatch) add(w account.Write, a account.Account) error {
	state, _, err := account.Encode(a)
	if err != nil {
		return err
	}
	change := account.Changed
	if w.Returned {
		change = account.Returned
	}
	b.ids = append(b.ids, int64(w.ID))
	b.changes = append(b.changes, string(change))
	b.states = append(b.states, state)
	b.hashes = append(b.hashes, w.Hash[:])
	b.bytes += len(state)
	return nil
}

func (b *accountBatch) full() bool { return len(b.states) >= chunkRows || b.bytes >= chunkBytes }

func (b *accountBatch) reset() {
	b.ids, b.changes, b.states, b.hashes, b.diffs = b.ids[:0], b.changes[:0], b.states[:0], b.hashes[:0], b.diffs[:0]
	b.bytes = 0
}

// all checks that a statement wrote every row that it was given. It writes
// fewer only when an account has no current version, which is never right.
func all(n int64, err error, want int) error {
	if err == nil && n != int64(want) {
		return fmt.Errorf("wrote %d of %d rows", n, want)
	}
	return err
}

func recordID(c session.Claim) *int64 {
	id := int64(c.Record)
	return &id
}

// maxGaps is how many gaps a record's details name; the rest is counted.
const maxGaps = 50

// mergeResult returns the counts of a stored plan and what the record's details
// say about it.
func mergeResult(plan account.Plan, snap account.Snapshot) merged {
	m := merged{
		Held:         plan.Held,
		Foreign:      plan.Foreign,
		KeepIdentity: plan.Foreign || snap.Server.Identity == "",
		Details:      describe(plan, snap),
	}
	if plan.Foreign {
		return m
	}
	m.Items = session.Items{
		Synced:  int64(len(snap.Accounts)),
		Created: int64(len(plan.Create)),
		Updated: int64(len(plan.Change)),
		Deleted: int64(len(plan.Gone)),
	}
	return m
}

func describe(plan account.Plan, snap account.Snapshot) map[string]any {
	details := map[string]any{"completeness": "complete"}
	if !snap.Complete() || plan.Held {
		details["completeness"] = "partial"
	}
	if !snap.Complete() {
		details["gaps"] = snap.Gaps[:min(len(snap.Gaps), maxGaps)]
		details["gap_count"] = len(snap.Gaps)
	}
	if plan.Held {
		details["held"] = true
	}
	if f := plan.Hold.Open; f != nil {
		details["hold"] = map[string]any{"reason": f.Reason, "known": f.Known, "missing": f.MissingCount}
	}
	return details
}
