package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// mergeAccounts stores a snapshot of an instance's accounts inside the
// transaction that settles its record. It must run before last_syncs is
// updated: until then that row says when missing accounts were last seen. An
// unchanged instance is three reads and no write.
func mergeAccounts(ctx context.Context, q *dbq.Queries, claim session.Claim, instance fleet.InstanceID,
	snap account.Snapshot, rules account.HoldRules,
) (merged, error) {
	m := merger{q: q, claim: claim, instance: instance}
	current, err := m.current(ctx)
	if err != nil {
		return merged{}, err
	}
	if snap.Accounts, err = m.carryOver(ctx, current, snap); err != nil {
		return merged{}, err
	}
	plan, err := account.NewPlan(current, snap, rules)
	if err != nil {
		return merged{}, err
	}
	hold, err := m.moveHold(ctx, current.Hold, plan.Hold)
	if err != nil {
		return merged{}, err
	}
	if err := m.write(ctx, current.Hold, plan, snap); err != nil {
		return merged{}, err
	}
	return mergeResult(plan, snap, hold), nil
}

// merger is the state of one merge.
type merger struct {
	q        *dbq.Queries
	claim    session.Claim
	instance fleet.InstanceID
}

// current locks the instance and reads what is stored about it. Only with the
// lock it is known whether the instance is still there: errInstanceDeleted.
func (m merger) current(ctx context.Context) (account.Current, error) {
	server, err := m.q.LockInstanceServer(ctx, int64(m.instance))
	if err != nil {
		return account.Current{}, fmt.Errorf("lock instance: %w", err)
	}
	if server.Deleted {
		return account.Current{}, errInstanceDeleted
	}
	hold, err := newestHold(ctx, m.q, m.instance)
	if err != nil {
		return account.Current{}, err
	}
	rows, err := m.q.StoredAccounts(ctx, int64(m.instance))
	if err != nil {
		return account.Current{}, fmt.Errorf("read stored accounts: %w", err)
	}
	stored := make([]account.Stored, len(rows))
	for i, r := range rows {
		stored[i] = account.Stored{
			ID: account.ID(r.ID), Identity: r.Identity, Hash: account.Hash(r.Hash),
			Kind: account.Kind(r.Kind), System: r.System, Deleted: r.Deleted,
		}
	}
	return account.Current{Identity: server.Identity, Accounts: stored, Hold: hold}, nil
}

// carryOver returns the snapshot's accounts with what is stored inside its
// gaps. Those that are then as they are stored it marks in current instead.
// What is stored about another server says nothing.
func (m merger) carryOver(ctx context.Context, current account.Current, snap account.Snapshot) ([]account.Account, error) {
	if snap.Complete() || current.Foreign(snap) {
		return snap.Accounts, nil
	}
	living := make(map[string]*account.Stored, len(current.Accounts))
	for i, s := range current.Accounts {
		if !s.Deleted {
			living[s.Identity] = &current.Accounts[i]
		}
	}
	carried := slices.Clone(snap.Accounts)
	for chunk := range slices.Chunk(carried, chunkRows) {
		if err := m.carryChunk(ctx, living, chunk, snap.Gaps); err != nil {
			return nil, err
		}
	}
	return carried, nil
}

func (m merger) carryChunk(ctx context.Context, living map[string]*account.Stored, chunk []account.Account, gaps []account.Gap) error {
	var ids []int64
	for _, a := range chunk {
		if s := living[a.Key()]; s != nil {
			ids = append(ids, int64(s.ID))
		}
	}
	states, err := m.states(ctx, ids)
	if err != nil {
		return err
	}
	for i, a := range chunk {
		s := living[a.Key()]
		if s == nil {
			continue
		}
		whole := account.CarryOver(states[s.ID], a, gaps)
		_, hash, err := account.Encode(whole)
		if err != nil {
			return err
		}
		if s.Same = hash == s.Hash; !s.Same {
			chunk[i] = whole
		}
	}
	return nil
}

// states returns the stored states of accounts by id.
func (m merger) states(ctx context.Context, ids []int64) (map[account.ID]account.Account, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := m.q.StoredStates(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read stored states: %w", err)
	}
	states := make(map[account.ID]account.Account, len(rows))
	for _, r := range rows {
		state, err := account.Decode([]byte(r.State))
		if err != nil {
			return nil, err
		}
		states[account.ID(r.ID)] = state
	}
	return states, nil
}

// write stores what the plan says: first what goes, since a replaced server's
// accounts make room for others of the same identity.
func (m merger) write(ctx context.Context, hold *account.Hold, plan account.Plan, snap account.Snapshot) error {
	if err := m.lose(ctx, plan.Gone, missingSince(hold, plan.Hold)); err != nil {
		return err
	}
	if plan.Replace {
		if err := m.q.ReplaceAccounts(ctx, int64(m.instance)); err != nil {
			return fmt.Errorf("replace accounts: %w", err)
		}
	}
	if err := m.change(ctx, plan.Change, snap.Accounts); err != nil {
		return err
	}
	return m.create(ctx, plan.Create, snap.Accounts)
}

// missingSince is when the accounts that go now were last seen, if that was
// before the instance's last read because they were held since.
func missingSince(hold *account.Hold, move account.HoldMove) *time.Time {
	if hold == nil || move.Apply != hold.ID {
		return nil
	}
	return hold.LastSeenAt
}

// lose marks living accounts as gone.
func (m merger) lose(ctx context.Context, ids []account.ID, lastSeen *time.Time) error {
	for chunk := range slices.Chunk(ids, chunkRows) {
		n, err := m.q.LoseAccounts(ctx, dbq.LoseAccountsParams{
			Ids: numbers(chunk), LastSeenAt: lastSeen,
			RecordID: recordID(m.claim), SessionID: &m.claim.Session,
		})
		if err := all(n, err, len(chunk)); err != nil {
			return fmt.Errorf("store disappeared accounts: %w", err)
		}
	}
	return nil
}

// create stores new accounts.
func (m merger) create(ctx context.Context, writes []account.Write, accounts []account.Account) error {
	var batch accountBatch
	for i, w := range writes {
		if err := batch.add(w, accounts[w.Index]); err != nil {
			return err
		}
		if !batch.full() && i < len(writes)-1 {
			continue
		}
		n, err := m.q.CreateAccounts(ctx, dbq.CreateAccountsParams{
			InstanceID: int64(m.instance), States: batch.states, Hashes: batch.hashes,
			RecordID: recordID(m.claim), SessionID: &m.claim.Session,
		})
		if err := all(n, err, len(batch.states)); err != nil {
			return fmt.Errorf("store new accounts: %w", err)
		}
		batch.reset()
	}
	return nil
}

// change stores the new states of known accounts, and what changed.
func (m merger) change(ctx context.Context, writes []account.Write, accounts []account.Account) error {
	for chunk := range slices.Chunk(writes, diffRows) {
		var batch accountBatch
		for _, w := range chunk {
			if err := batch.add(w, accounts[w.Index]); err != nil {
				return err
			}
		}
		if err := m.addDiffs(ctx, &batch, chunk, accounts); err != nil {
			return err
		}
		n, err := m.q.ChangeAccounts(ctx, dbq.ChangeAccountsParams{
			Ids: batch.ids, Changes: batch.changes, States: batch.states, Hashes: batch.hashes, Diffs: batch.diffs,
			RecordID: recordID(m.claim), SessionID: &m.claim.Session,
		})
		if err := all(n, err, len(batch.ids)); err != nil {
			return fmt.Errorf("store changed accounts: %w", err)
		}
	}
	return nil
}

// addDiffs compares with what is stored. A returned account is compared with
// what it was before it disappeared.
func (m merger) addDiffs(ctx context.Context, batch *accountBatch, writes []account.Write, accounts []account.Account) error {
	states, err := m.states(ctx, batch.ids)
	if err != nil {
		return err
	}
	for _, w := range writes {
		diff, err := json.Marshal(account.Compare(states[w.ID], accounts[w.Index]))
		if err != nil {
			return fmt.Errorf("encode diff: %w", err)
		}
		batch.diffs = append(batch.diffs, diff)
	}
	return nil
}
