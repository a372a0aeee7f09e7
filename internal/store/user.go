package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/user"
)

const maxUserName = 100 // characters

// CreateUser adds a user who has no token yet. Errors: *invalid.Error,
// user.ErrNameTaken.
func (s *Store) CreateUser(ctx context.Context, name string, role user.Role) (user.Profile, error) {
	_, roleErr := user.ParseRole("role", string(role))
	if err := errors.Join(invalid.Text("name", name, maxUserName), roleErr); err != nil {
		return user.Profile{}, err
	}
	var made user.Profile
	err := s.inTx(ctx, func(q *dbq.Queries) error {
		id, err := insertUser(ctx, q, name, role)
		if errors.Is(err, pgx.ErrNoRows) {
			return user.ErrNameTaken
		}
		if err != nil {
			return err
		}
		made, err = profile(ctx, q, id)
		return err
	})
	return made, err
}

// insertUser returns pgx.ErrNoRows when the name is taken.
func insertUser(ctx context.Context, q *dbq.Queries, name string, role user.Role) (user.ID, error) {
	id, err := q.InsertUser(ctx, dbq.InsertUserParams{Name: name, Role: string(role)})
	if err != nil {
		return 0, fmt.Errorf("insert user: %w", err)
	}
	event := userEvent("create", user.ID(id), map[string]any{"name": name, "role": role})
	return user.ID(id), insertAudit(ctx, q, event)
}

func userEvent(verb string, id user.ID, detail map[string]any) user.Event {
	return user.Event{Action: "user." + verb, ObjectType: "user", ObjectID: strconv.FormatInt(int64(id), 10), Detail: detail}
}

// User returns one user, or user.ErrNotFound; the system itself is none.
func (s *Store) User(ctx context.Context, id user.ID) (user.Profile, error) {
	return profile(ctx, s.q, id)
}

func profile(ctx context.Context, q *dbq.Queries, id user.ID) (user.Profile, error) {
	row, err := q.GetUser(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return user.Profile{}, user.ErrNotFound
	}
	if err != nil {
		return user.Profile{}, fmt.Errorf("read user %d: %w", id, err)
	}
	return toProfile(row), nil
}

func toProfile(row dbq.GetUserRow) user.Profile {
	return user.Profile{
		User:      user.User{ID: user.ID(row.ID), Name: row.Name, Role: user.Role(row.Role)},
		CreatedAt: row.CreatedAt, DisabledAt: row.DisabledAt, LastUsedAt: row.LastUsedAt,
	}
}

// Users returns users by id: at most limit of them, with ids over after. next
// is the id to go on after; 0 when there are no more.
func (s *Store) Users(ctx context.Context, f user.Filter, limit int, after int64) (list []user.Profile, next int64, err error) {
	rows, err := s.q.ListUsers(ctx, dbq.ListUsersParams{
		After: after, Name: f.Name, Role: (*string)(f.Role), Disabled: f.Disabled, RowLimit: more(limit),
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list users: %w", err)
	}
	rows, next = cut(rows, limit, func(r dbq.ListUsersRow) int64 { return r.ID })
	for _, row := range rows {
		list = append(list, toProfile(dbq.GetUserRow(row)))
	}
	return list, next, nil
}

// UpdateUser applies a change, which holds from the user's next request on, and
// stores it with an audit event; a change to what is already so has none.
// Errors: *invalid.Error, user.ErrNotFound, user.ErrLastAdmin.
func (s *Store) UpdateUser(ctx context.Context, id user.ID, change user.Change) (user.Profile, error) {
	if err := change.Validate(); err != nil {
		return user.Profile{}, err
	}
	var changed user.Profile
	err := s.inTx(ctx, func(q *dbq.Queries) error {
		if err := updateUser(ctx, q, id, change); err != nil {
			return err
		}
		var err error
		changed, err = profile(ctx, q, id)
		return err
	})
	return changed, err
}

func updateUser(ctx context.Context, q *dbq.Queries, id user.ID, change user.Change) error {
	rows, err := q.LockUserAndAdmins(ctx, int64(id))
	if err != nil {
		return fmt.Errorf("lock user %d: %w", id, err)
	}
	locked := make([]user.Profile, len(rows))
	for i, r := range rows {
		locked[i] = user.Profile{User: user.User{ID: user.ID(r.ID), Name: r.Name, Role: user.Role(r.Role)}, DisabledAt: r.DisabledAt}
	}
	before, after, err := change.Apply(id, locked)
	if err != nil {
		return err
	}
	detail := differences(
		field{"role", before.Role, after.Role},
		field{"disabled", !before.Living(), !after.Living()},
	)
	if len(detail) == 0 {
		return nil
	}
	err = q.UpdateUser(ctx, dbq.UpdateUserParams{ID: int64(id), Role: string(after.Role), Disabled: !after.Living()})
	if err != nil {
		return fmt.Errorf("update user %d: %w", id, err)
	}
	detail["name"] = before.Name
	return insertAudit(ctx, q, userEvent("update", id, detail))
}
