package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/user"
)

// CreateSession stores a session with a record for every instance that the
// selector matches now; the membership never changes afterwards. created is
// false when the creator's idempotency key already made this very session.
//
// Errors: *invalid.Error, session.ErrEmptySelection, session.ErrNotServed,
// session.ErrIdempotencyMismatch.
func (s *Store) CreateSession(ctx context.Context, req session.Request) (got session.Session, created bool, err error) {
	if err := req.Validate(); err != nil {
		return session.Session{}, false, err
	}
	id := uuid.New()
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		created, err = createSession(ctx, q, id, req, s.Serves)
		if err != nil || created {
			return err
		}
		id, err = replayed(ctx, q, req)
		return err
	})
	if err != nil {
		return session.Session{}, false, err
	}
	got, err = s.Session(ctx, id)
	return got, created, err
}

// createSession reports false when the idempotency key is taken.
func createSession(ctx context.Context, q *dbq.Queries, id session.ID, req session.Request, serves session.Serves) (bool, error) {
	set, err := settings(ctx, q)
	if err != nil {
		return false, err
	}
	inserted, err := insertSession(ctx, q, id, req, set)
	if err != nil || !inserted {
		return false, err
	}
	// After the key: a replay is answered whatever became of the instances.
	if err := checkIDs(ctx, q, req.Selector.IDs); err != nil {
		return false, err
	}
	made, err := insertRecords(ctx, q, id, req, serves)
	if err != nil {
		return false, err
	}
	return true, finishCreation(ctx, q, id, made.Total, made.Pending, map[string]any{"category": req.Category})
}

// insertRecords writes a record for each active instance that is selected.
func insertRecords(ctx context.Context, q *dbq.Queries, id session.ID, req session.Request, serves session.Serves) (dbq.InsertRecordsRow, error) {
	made, err := q.InsertRecords(ctx, dbq.InsertRecordsParams{
		SessionID:    id,
		SyncCategory: string(req.Category),
		Served:       texts(serves.Engines(req.Category)),
		Ids:          numbers(req.Selector.IDs),
		Engines:      texts(req.Selector.Engines),
		Tags:         texts(req.Selector.Tags),
	})
	if err != nil {
		return made, fmt.Errorf("insert records: %w", err)
	}
	return made, nil
}

// finishCreation writes the total and an audit event with the detail and the
// total, or refuses a session without work.
func finishCreation(ctx context.Context, q *dbq.Queries, id session.ID, total, pending int32, detail map[string]any) error {
	switch {
	case total == 0:
		return session.ErrEmptySelection
	case pending == 0:
		return session.ErrNotServed
	}
	if err := q.SetSessionTotal(ctx, dbq.SetSessionTotalParams{Total: total, SessionID: id}); err != nil {
		return fmt.Errorf("write total: %w", err)
	}
	detail["instances"] = total
	return insertAudit(ctx, q, sessionEvent("sync_session.create", id, detail))
}

func insertSession(ctx context.Context, q *dbq.Queries, id session.ID, req session.Request, set setting.Settings) (bool, error) {
	selector, err := json.Marshal(req.Selector)
	if err != nil {
		return false, fmt.Errorf("encode selector: %w", err)
	}
	row := dbq.InsertSessionParams{
		SessionID:    id,
		SyncType:     string(req.Type()),
		SyncCategory: string(req.Category),
		Selector:     selector,
		MaxAttempts:  int32(set.MaxAttempts),
		CreatedBy:    req.CreatedBy,
		ScheduleID:   (*int64)(req.Schedule),
		Deadline:     set.SessionDeadline,
	}
	if req.MaxAttempts > 0 {
		row.MaxAttempts = int32(req.MaxAttempts)
	}
	if req.IdempotencyKey != "" {
		row.IdempotencyKey, row.RequestHash = &req.IdempotencyKey, requestHash(req)
	}
	_, err = q.InsertSession(ctx, row)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("insert session: %w", err)
	}
	return true, nil
}

// requestHash is what two requests with one idempotency key must share.
func requestHash(req session.Request) []byte {
	body, err := json.Marshal(struct {
		Category session.Category
		Selector session.Selector
		Attempts int
	}{req.Category, req.Selector, req.MaxAttempts})
	if err != nil {
		panic(err) // plain strings and numbers always encode
	}
	sum := sha256.Sum256(body)
	return sum[:]
}

// replayed returns the session that the request's idempotency key made before.
func replayed(ctx context.Context, q *dbq.Queries, req session.Request) (session.ID, error) {
	row, err := q.SessionOfKey(ctx, dbq.SessionOfKeyParams{CreatedBy: req.CreatedBy, IdempotencyKey: &req.IdempotencyKey})
	if err != nil {
		return session.ID{}, fmt.Errorf("find session of the idempotency key: %w", err)
	}
	if !slices.Equal(row.RequestHash, requestHash(req)) {
		return session.ID{}, session.ErrIdempotencyMismatch
	}
	return row.SessionID, nil
}

// checkIDs refuses ids that name no active instance, telling which.
func checkIDs(ctx context.Context, q *dbq.Queries, ids []fleet.InstanceID) error {
	if len(ids) == 0 {
		return nil
	}
	rows, err := q.UnselectableInstances(ctx, numbers(ids))
	if err != nil {
		return fmt.Errorf("check selected ids: %w", err)
	}
	var faults []error
	for _, row := range rows {
		reason := "instance %d does not exist"
		if row.Exists {
			reason = "instance %d is not active"
		}
		faults = append(faults, invalid.Field("selector.ids", reason, row.ID))
	}
	return errors.Join(faults...)
}

// RetrySession stores a manual_batch child of an ended session with a new
// record for each of the parent's records in scope whose instance is still
// active.
//
// Errors: *invalid.Error, session.ErrNotFound, session.ErrRunning,
// session.ErrEmptySelection, session.ErrNotServed.
func (s *Store) RetrySession(ctx context.Context, r session.Retry) (session.Session, error) {
	if err := r.Validate(); err != nil {
		return session.Session{}, err
	}
	id := uuid.New()
	err := s.inTx(ctx, func(q *dbq.Queries) error {
		parent, err := endedSession(ctx, q, r.Parent)
		if err != nil {
			return err
		}
		return insertChild(ctx, q, id, parent, r, s.Serves)
	})
	if err != nil {
		return session.Session{}, err
	}
	return s.Session(ctx, id)
}

func endedSession(ctx context.Context, q *dbq.Queries, id session.ID) (dbq.SyncSession, error) {
	row, err := q.SessionRow(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, session.ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("read session: %w", err)
	}
	if !session.Status(row.Status).Terminal() {
		return row, session.ErrRunning
	}
	return row, nil
}

func insertChild(ctx context.Context, q *dbq.Queries, id session.ID, parent dbq.SyncSession, r session.Retry, serves session.Serves) error {
	set, err := settings(ctx, q)
	if err != nil {
		return err
	}
	_, err = q.InsertSession(ctx, dbq.InsertSessionParams{
		SessionID:    id,
		SyncType:     string(session.ManualBatch),
		SyncCategory: parent.SyncCategory,
		ParentID:     &parent.SessionID,
		Selector:     parent.Selector,
		MaxAttempts:  parent.MaxAttempts,
		CreatedBy:    r.CreatedBy,
		Deadline:     set.SessionDeadline,
	})
	if err != nil {
		return fmt.Errorf("insert child session: %w", err)
	}
	made, err := q.InsertRetryRecords(ctx, dbq.InsertRetryRecordsParams{
		SessionID: id,
		ParentID:  parent.SessionID,
		Statuses:  texts(r.Statuses()),
		ErrorCode: string(r.Code), ErrorFingerprint: string(r.Fingerprint),
		Served: texts(serves.Engines(session.Category(parent.SyncCategory))),
	})
	if err != nil {
		return fmt.Errorf("insert records of the retry: %w", err)
	}
	return finishCreation(ctx, q, id, made.Total, made.Pending, retryDetail(parent, r))
}

// retryDetail says what is tried again.
func retryDetail(parent dbq.SyncSession, r session.Retry) map[string]any {
	detail := map[string]any{"category": parent.SyncCategory, "parent_id": parent.SessionID, "status": r.Statuses()}
	if r.Code != "" {
		detail["code"] = r.Code
	}
	if r.Fingerprint != "" {
		detail["fingerprint"] = r.Fingerprint
	}
	return detail
}

func sessionEvent(action string, id session.ID, detail map[string]any) user.Event {
	return user.Event{Action: action, ObjectType: "sync_session", ObjectID: id.String(), Detail: detail}
}

// texts returns the plain strings of named ones, never nil, so that SQL sees an
// empty array.
func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// numbers returns the plain numbers of ids, never nil.
func numbers[T ~int64](list []T) []int64 {
	out := make([]int64, len(list))
	for i, v := range list {
		out[i] = int64(v)
	}
	return out
}
