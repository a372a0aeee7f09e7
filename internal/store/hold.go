package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

// ListHolds returns holds, newest first, at most limit of them and older than
// after (0: from the newest). Missing is left empty. next is the id to go on
// from; 0 when there are no more.
func (s *Store) ListHolds(ctx context.Context, f account.HoldFilter, limit int, after account.HoldID) (list []account.Hold, next account.HoldID, err error) {
	rows, err := s.q.ListHolds(ctx, dbq.ListHoldsParams{
		BeforeID: beforeID(int64(after)), InstanceID: (*int64)(f.Instance), Status: (*string)(f.Status), MaxRows: more(limit),
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list holds: %w", err)
	}
	list = make([]account.Hold, len(rows))
	for i, r := range rows {
		list[i] = hold(dbq.GetHoldRow{
			ID: r.ID, InstanceID: r.InstanceID, InstanceName: r.InstanceName, Reason: r.Reason, Status: r.Status,
			Fingerprint: r.Fingerprint, TimesSeen: r.TimesSeen, KnownCount: r.KnownCount, MissingCount: r.MissingCount,
			OldIdentity: r.OldIdentity, NewIdentity: r.NewIdentity, RecordID: r.RecordID, SessionID: r.SessionID,
			LastSeenAt: r.LastSeenAt, CreatedAt: r.CreatedAt, SeenAt: r.SeenAt, DecidedAt: r.DecidedAt, DecidedBy: r.DecidedBy,
			AppliedAt: r.AppliedAt, LapsedAt: r.LapsedAt,
		})
	}
	list, next = cut(list, limit, func(h account.Hold) account.HoldID { return h.ID })
	return list, next, nil
}

// Hold returns one hold with everything it is about. Error:
// account.ErrHoldNotFound.
func (s *Store) Hold(ctx context.Context, id account.HoldID) (account.Hold, error) {
	return getHold(ctx, s.q, id)
}

// DecideHold confirms or rejects an open hold for a user and returns it.
// Confirmed disappearances are stored at once; a confirmed change of server is
// stored by the next read that shows it. Errors: account.ErrHoldNotFound,
// account.ErrHoldDecided.
func (s *Store) DecideHold(ctx context.Context, id account.HoldID, confirm bool, userID int64) (account.Hold, error) {
	var decided account.Hold
	err := s.inTx(ctx, func(q *dbq.Queries) error {
		h, err := lockHold(ctx, q, id)
		if err != nil {
			return err
		}
		if err := decide(ctx, q, h, confirm, userID); err != nil {
			return err
		}
		if err := insertAudit(ctx, q, holdEvent(h, confirm)); err != nil {
			return err
		}
		decided, err = getHold(ctx, q, id)
		return err
	})
	return decided, err
}

func holdEvent(h account.Hold, confirm bool) user.Event {
	action := "hold.reject"
	if confirm {
		action = "hold.confirm"
	}
	return user.Event{
		Action: action, ObjectType: "hold", ObjectID: strconv.FormatInt(int64(h.ID), 10),
		Detail: map[string]any{"instance_id": h.InstanceID, "reason": h.Reason, "missing_count": h.MissingCount},
	}
}

// lockHold returns an open hold and locks its instance, so that no read of it
// is stored meanwhile.
func lockHold(ctx context.Context, q *dbq.Queries, id account.HoldID) (account.Hold, error) {
	instance, err := q.HoldInstance(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return account.Hold{}, account.ErrHoldNotFound
	}
	if err != nil {
		return account.Hold{}, fmt.Errorf("find hold: %w", err)
	}
	if _, err := q.LockInstanceServer(ctx, instance); err != nil {
		return account.Hold{}, fmt.Errorf("lock instance: %w", err)
	}
	h, err := getHold(ctx, q, id)
	if err == nil && h.Status != account.HoldOpen {
		return account.Hold{}, account.ErrHoldDecided
	}
	return h, err
}

func decide(ctx context.Context, q *dbq.Queries, h account.Hold, confirm bool, userID int64) error {
	status, apply := account.HoldRejected, false
	if confirm {
		status, apply = account.HoldConfirmed, h.Reason == account.MassDisappearance
	}
	n, err := q.DecideHold(ctx, dbq.DecideHoldParams{ID: int64(h.ID), Status: string(status), DecidedBy: &userID, Applied: apply})
	if err != nil {
		return fmt.Errorf("decide hold: %w", err)
	}
	if n == 0 {
		return account.ErrHoldDecided
	}
	if !apply {
		return nil
	}
	return loseMissing(ctx, q, h)
}

// loseMissing marks the hold's accounts as gone, as far as they still live.
func loseMissing(ctx context.Context, q *dbq.Queries, h account.Hold) error {
	living, err := q.LivingAmong(ctx, dbq.LivingAmongParams{InstanceID: int64(h.InstanceID), Identities: h.Missing})
	if err != nil {
		return fmt.Errorf("find missing accounts: %w", err)
	}
	ids := make([]account.ID, len(living))
	for i, id := range living {
		ids[i] = account.ID(id)
	}
	m := merger{q: q, claim: session.Claim{Record: h.Record, Session: h.Session}, instance: h.InstanceID}
	return m.lose(ctx, ids, h.LastSeenAt)
}

// moveHold writes what a plan says about the instance's holds, of which before
// is the newest or nil, and returns the newest one now.
func (m merger) moveHold(ctx context.Context, before *account.Hold, move account.HoldMove) (*account.Hold, error) {
	var err error
	switch {
	case move.Lapse != 0:
		err = m.q.LapseHold(ctx, int64(move.Lapse))
	case move.Count != 0:
		err = m.q.CountHold(ctx, int64(move.Count))
	case move.Apply != 0:
		err = m.q.ApplyHold(ctx, dbq.ApplyHoldParams{ID: int64(move.Apply), Seen: seen(move)})
	}
	if err != nil {
		return nil, fmt.Errorf("move hold: %w", err)
	}
	if move.Open == nil {
		return before, nil
	}
	return m.openHold(ctx, before, move)
}

// openHold writes a new hold. When it takes the place of another about missing
// accounts, they have been missing since then.
func (m merger) openHold(ctx context.Context, before *account.Hold, move account.HoldMove) (*account.Hold, error) {
	f := move.Open
	params := dbq.OpenHoldParams{
		InstanceID: int64(m.instance), Reason: string(f.Reason), Fingerprint: f.Fingerprint[:], TimesSeen: seen(move),
		KnownCount: int32(f.Known), MissingCount: int32(f.MissingCount), Missing: f.Missing,
		OldIdentity: f.OldIdentity, NewIdentity: f.NewIdentity,
		RecordID: int64(m.claim.Record), SessionID: m.claim.Session,
	}
	if params.Missing == nil {
		params.Missing = []string{}
	}
	if before != nil && move.Lapse == before.ID {
		params.LastSeenAt = before.LastSeenAt
	}
	id, err := m.q.OpenHold(ctx, params)
	if err != nil {
		return nil, fmt.Errorf("open hold: %w", err)
	}
	return &account.Hold{ID: account.HoldID(id), Reason: f.Reason, Known: f.Known, MissingCount: f.MissingCount}, nil
}

func seen(move account.HoldMove) int32 {
	if move.Seen {
		return 1
	}
	return 0
}

// newestHold returns the instance's newest hold, as far as plans need it; nil
// when it has never had one.
func newestHold(ctx context.Context, q *dbq.Queries, instance fleet.InstanceID) (*account.Hold, error) {
	r, err := q.NewestHold(ctx, int64(instance))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read newest hold: %w", err)
	}
	return &account.Hold{
		ID: account.HoldID(r.ID), Reason: account.HoldReason(r.Reason), Status: account.HoldStatus(r.Status),
		Fingerprint: account.Hash(r.Fingerprint), TimesSeen: int(r.TimesSeen),
		Known: int(r.KnownCount), MissingCount: int(r.MissingCount), LastSeenAt: r.LastSeenAt,
		AppliedAt: r.AppliedAt, LapsedAt: r.LapsedAt,
	}, nil
}

func getHold(ctx context.Context, q *dbq.Queries, id account.HoldID) (account.Hold, error) {
	r, err := q.GetHold(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return account.Hold{}, account.ErrHoldNotFound
	}
	if err != nil {
		return account.Hold{}, fmt.Errorf("read hold: %w", err)
	}
	return hold(r), nil
}

func hold(r dbq.GetHoldRow) account.Hold {
	return account.Hold{
		ID: account.HoldID(r.ID), InstanceID: fleet.InstanceID(r.InstanceID), InstanceName: r.InstanceName,
		Reason: account.HoldReason(r.Reason), Status: account.HoldStatus(r.Status), Fingerprint: account.Hash(r.Fingerprint),
		TimesSeen: int(r.TimesSeen), Known: int(r.KnownCount), MissingCount: int(r.MissingCount), Missing: r.Missing,
		OldIdentity: r.OldIdentity, NewIdentity: r.NewIdentity,
		Record: session.RecordID(r.RecordID), Session: r.SessionID, LastSeenAt: r.LastSeenAt,
		CreatedAt: r.CreatedAt, SeenAt: r.SeenAt, DecidedAt: r.DecidedAt, DecidedBy: r.DecidedBy,
		AppliedAt: r.AppliedAt, LapsedAt: r.LapsedAt,
	}
}

// beforeID is the filter of a list from new to old; zero means from the newest.
func beforeID(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}
