package store

import (
	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/session"
)

// merged says what a snapshot changed.
type merged struct {
	Items   session.Items // Updated counts changed and returned accounts
	Held    bool          // something waits for a decision: the read counts as partial
	Details map[string]any
	// KeepIdentity: the instance's identity stays what it is, because another
	// server is held or the server did not say who it is.
	KeepIdentity bool
	// Foreign: another server answered and is held. Nothing was stored, so this
	// was no read of the instance.
	Foreign bool
}

// maxGaps is how many gaps a record's details name; the rest is counted.
const maxGaps = 50

// mergeResult returns the counts of a stored plan and what the record's details
// say about it. hold is the one that the plan has to do with, or nil.
func mergeResult(plan account.Plan, snap account.Snapshot, hold *account.Hold) merged {
	m := merged{
		Held:         plan.Held,
		Foreign:      plan.Foreign,
		KeepIdentity: plan.Foreign || snap.Server.Identity == "",
		Details:      mergeDetails(plan, snap, hold),
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

// mergeDetails says how complete the read was. The keys are stored; do not rename.
func mergeDetails(plan account.Plan, snap account.Snapshot, hold *account.Hold) map[string]any {
	details := map[string]any{"completeness": "complete"}
	if !snap.Complete() || plan.Held {
		details["completeness"] = "partial"
	}
	if !snap.Complete() {
		gaps := make([]account.Gap, min(len(snap.Gaps), maxGaps))
		for i := range gaps {
			gaps[i] = snap.Gaps[i].Brief()
		}
		details["gaps"], details["gap_count"] = gaps, len(snap.Gaps)
	}
	if hold != nil && (plan.Held || plan.Hold.Apply != 0) {
		details["hold"] = map[string]any{
			"id": hold.ID, "reason": hold.Reason, "known": hold.Known, "missing": hold.MissingCount, "applied": !plan.Held,
		}
	}
	return details
}
