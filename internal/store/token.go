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

const maxTokenName = 100 // characters

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
// which is stored nowhere. It is for who has the database and no token yet.
// Errors: *invalid.Error, user.ErrRoleDiffers, user.ErrDisabled.
func (s *Store) CreateToken(ctx context.Context, n NewToken) (secret.Text, error) {
	_, roleErr := user.ParseRole("role", string(n.Role))
	err := errors.Join(roleErr, invalid.Text("user", n.User, maxUserName), checkTokenName(n.Name))
	if err != nil {
		return secret.Text{}, err
	}
	var plain secret.Text
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		owner, err := ensureUser(ctx, q, n)
		if err != nil {
			return err
		}
		plain, _, err = insertToken(ctx, q, owner, n.Name, n.Expires)
		return err
	})
	return plain, err
}

func checkTokenName(name string) error { return invalid.OptionalText("name", name, maxTokenName) }

// ensureUser returns the user of that name, made when there is none.
func ensureUser(ctx context.Context, q *dbq.Queries, n NewToken) (user.User, error) {
	id, err := insertUser(ctx, q, n.User, n.Role)
	if err == nil {
		return user.User{ID: id, Name: n.User, Role: n.Role}, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return user.User{}, err
	}
	row, err := q.LockUserNamed(ctx, n.User)
	switch {
	case err != nil:
		return user.User{}, fmt.Errorf("read user %s: %w", n.User, err)
	case row.ID == 0:
		return user.User{}, invalid.Field("user", "nobody can log in as the system itself")
	case row.Role != string(n.Role):
		return user.User{}, fmt.Errorf("%w: %s is %s", user.ErrRoleDiffers, n.User, row.Role)
	case row.DisabledAt != nil:
		return user.User{}, user.ErrDisabled
	}
	return user.User{ID: user.ID(row.ID), Name: row.Name, Role: user.Role(row.Role)}, nil
}

// insertToken stores a token of a user and its audit event.
func insertToken(ctx context.Context, q *dbq.Queries, owner user.User, name string, expires *time.Time) (secret.Text, user.TokenID, error) {
	id, err := q.NextTokenID(ctx)
	if err != nil {
		return secret.Text{}, 0, fmt.Errorf("number the token: %w", err)
	}
	plain, hash := user.NewToken(user.TokenID(id))
	err = q.InsertToken(ctx, dbq.InsertTokenParams{ID: id, UserID: int64(owner.ID), Name: name, Hash: hash[:], ExpiresAt: expires})
	if err != nil {
		return secret.Text{}, 0, fmt.Errorf("store the token: %w", err)
	}
	detail := map[string]any{"user": owner.Name, "role": owner.Role, "name": name, "expires_at": expires}
	return plain, user.TokenID(id), insertAudit(ctx, q, tokenEvent("create", user.TokenID(id), detail))
}

func tokenEvent(verb string, id user.TokenID, detail map[string]any) user.Event {
	return user.Event{Action: "token." + verb, ObjectType: "token", ObjectID: strconv.FormatInt(int64(id), 10), Detail: detail}
}

// IssueToken makes a token for a user that is there. expires nil means never.
// The text is stored nowhere. Errors: *invalid.Error, user.ErrNotFound,
// user.ErrDisabled.
func (s *Store) IssueToken(ctx context.Context, owner user.ID, name string, expires *time.Time) (secret.Text, user.Token, error) {
	if err := checkTokenName(name); err != nil {
		return secret.Text{}, user.Token{}, err
	}
	var plain secret.Text
	var made user.Token
	err := s.inTx(ctx, func(q *dbq.Queries) error {
		if err := checkExpiry(ctx, q, expires); err != nil {
			return err
		}
		holder, err := lockHolder(ctx, q, owner)
		if err != nil {
			return err
		}
		var id user.TokenID
		if plain, id, err = insertToken(ctx, q, holder, name, expires); err != nil {
			return err
		}
		row, err := q.GetToken(ctx, int64(id))
		made = toToken(row)
		return err
	})
	return plain, made, err
}

func checkExpiry(ctx context.Context, q *dbq.Queries, expires *time.Time) error {
	if expires == nil {
		return nil
	}
	future, err := q.IsFuture(ctx, *expires)
	if err != nil {
		return fmt.Errorf("compare the expiry with the database's time: %w", err)
	}
	if !future {
		return invalid.Field("expires_at", "must be in the future")
	}
	return nil
}

// lockHolder returns a user who may hold a token; it cannot be disabled
// meanwhile.
func lockHolder(ctx context.Context, q *dbq.Queries, id user.ID) (user.User, error) {
	row, err := q.LockUser(ctx, int64(id))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return user.User{}, user.ErrNotFound
	case err != nil:
		return user.User{}, fmt.Errorf("lock user %d: %w", id, err)
	case row.DisabledAt != nil:
		return user.User{}, user.ErrDisabled
	}
	return user.User{ID: user.ID(row.ID), Name: row.Name, Role: user.Role(row.Role)}, nil
}

// Tokens returns tokens by id, those of one user when owner is not nil: at most
// limit of them, with ids over after. next is the id to go on after; 0 when
// there are no more.
func (s *Store) Tokens(ctx context.Context, owner *user.ID, limit int, after int64) (list []user.Token, next int64, err error) {
	rows, err := s.q.ListTokens(ctx, dbq.ListTokensParams{After: after, UserID: (*int64)(owner), RowLimit: more(limit)})
	if err != nil {
		return nil, 0, fmt.Errorf("list tokens: %w", err)
	}
	rows, next = cut(rows, limit, func(r dbq.ListTokensRow) int64 { return r.ID })
	for _, row := range rows {
		list = append(list, toToken(dbq.GetTokenRow(row)))
	}
	return list, next, nil
}

func toToken(row dbq.GetTokenRow) user.Token {
	return user.Token{
		ID: user.TokenID(row.ID), User: user.ID(row.UserID), UserName: row.UserName, Name: row.Name,
		CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt, LastUsedAt: row.LastUsedAt, RevokedAt: row.RevokedAt,
	}
}

// RevokeToken ends a token from its next use on; one that is revoked already
// stays as it is. With an owner, only that user's tokens are found. Errors:
// user.ErrTokenNotFound.
func (s *Store) RevokeToken(ctx context.Context, id user.TokenID, owner *user.ID) error {
	return s.inTx(ctx, func(q *dbq.Queries) error {
		n, err := q.RevokeToken(ctx, dbq.RevokeTokenParams{ID: int64(id), UserID: (*int64)(owner)})
		if err != nil {
			return fmt.Errorf("revoke token %d: %w", id, err)
		}
		row, err := q.GetToken(ctx, int64(id))
		if errors.Is(err, pgx.ErrNoRows) || err == nil && owner != nil && row.UserID != int64(*owner) {
			return user.ErrTokenNotFound
		}
		if err != nil {
			return fmt.Errorf("read token %d: %w", id, err)
		}
		if n == 0 {
			return nil
		}
		return insertAudit(ctx, q, tokenEvent("revoke", id, map[string]any{"user": row.UserName, "name": row.Name}))
	})
}
