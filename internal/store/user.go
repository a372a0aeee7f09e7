package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

// Authenticate returns the user of a token as it is now, or user.ErrBadToken
// when the token is unknown, expired or revoked, or its user disabled. It notes
// the use of the token at most once a minute.
func (s *Store) Authenticate(ctx context.Context, hash user.Hash) (user.User, error) {
	row, err := s.q.TokenOwner(ctx, hash[:])
	if errors.Is(err, pgx.ErrNoRows) {
		return user.User{}, user.ErrBadToken
	}
	if err != nil {
		return user.User{}, fmt.Errorf("read token: %w", err)
	}
	if row.Stale {
		if err := s.q.TouchToken(ctx, row.TokenID); err != nil {
			return user.User{}, fmt.Errorf("note the use of token %d: %w", row.TokenID, err)
		}
	}
	return user.User{ID: user.ID(row.ID), Name: row.Name, Role: user.Role(row.Role)}, nil
}

// NewToken asks for a token.
type NewToken struct {
	User    string // made with Role when there is none of that name
	Role    user.Role
	Name    string     // what the token is for; may be empty
	Expires *time.Time // nil: never
}

// CreateToken makes a token, and its user when needed, and returns the text,
// which is stored nowhere. Errors: *invalid.Error, user.ErrRoleDiffers.
func (s *Store) CreateToken(ctx context.Context, n NewToken) (secret.Text, error) {
	_, roleErr := user.ParseRole("role", string(n.Role))
	err := errors.Join(roleErr, invalid.Text("user", n.User, 100), invalid.OptionalText("name", n.Name, 100))
	if err != nil {
		return secret.Text{}, err
	}
	var plain secret.Text
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		plain, err = createToken(ctx, q, n)
		return err
	})
	return plain, err
}

func createToken(ctx context.Context, q *dbq.Queries, n NewToken) (secret.Text, error) {
	owner, err := q.EnsureUser(ctx, dbq.EnsureUserParams{Name: n.User, Role: string(n.Role)})
	if err != nil {
		return secret.Text{}, fmt.Errorf("make user %s: %w", n.User, err)
	}
	if owner.ID == 0 {
		return secret.Text{}, invalid.Field("user", "nobody can log in as the system itself")
	}
	if owner.Role != string(n.Role) {
		return secret.Text{}, fmt.Errorf("%w: %s is %s", user.ErrRoleDiffers, n.User, owner.Role)
	}
	id, err := q.NextTokenID(ctx)
	if err != nil {
		return secret.Text{}, fmt.Errorf("number the token: %w", err)
	}
	plain, hash := user.NewToken(user.TokenID(id))
	err = q.InsertToken(ctx, dbq.InsertTokenParams{ID: id, UserID: owner.ID, Name: n.Name, Hash: hash[:], ExpiresAt: n.Expires})
	if err != nil {
		return secret.Text{}, fmt.Errorf("store the token: %w", err)
	}
	return plain, insertAudit(ctx, q, user.Event{
		Action: "token.create", ObjectType: "token", ObjectID: strconv.FormatInt(id, 10),
		Detail: map[string]any{"user": n.User, "role": n.Role, "name": n.Name},
	})
}
