package httpapi

import (
	"context"
	"time"

	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

// Tokens keeps what users log in with. An owner limits a call to the tokens of
// that user; nil means everybody's. Errors are those of package user, and
// *invalid.Error.
type Tokens interface {
	IssueToken(ctx context.Context, owner user.ID, name string, expires *time.Time) (secret.Text, user.Token, error)
	Tokens(ctx context.Context, owner *user.ID, limit int, after int64) (list []user.Token, next int64, err error)
	RevokeToken(ctx context.Context, id user.TokenID, owner *user.ID) error
}

const tokenList = "tokens"

// CreateToken makes a token and shows it, once.
func (a *API) CreateToken(ctx context.Context, r gen.CreateTokenRequestObject) (gen.CreateTokenResponseObject, error) {
	plain, made, err := a.Tokens.IssueToken(ctx, user.ID(r.UserId), value(r.Body.Name), r.Body.ExpiresAt)
	if err != nil {
		return nil, err
	}
	return gen.CreateToken201JSONResponse{Token: plain.Reveal(), Id: int64(made.ID), ExpiresAt: utc(made.ExpiresAt)}, nil
}

// ListTokens lists the tokens of one user or of all.
func (a *API) ListTokens(ctx context.Context, r gen.ListTokensRequestObject) (gen.ListTokensResponseObject, error) {
	page, err := a.tokenPage(ctx, (*user.ID)(r.Params.UserId), r.Params.Limit, r.Params.Cursor)
	return gen.ListTokens200JSONResponse(page), err
}

// ListMyTokens lists the caller's tokens.
func (a *API) ListMyTokens(ctx context.Context, r gen.ListMyTokensRequestObject) (gen.ListMyTokensResponseObject, error) {
	me := user.ActorFrom(ctx).ID
	page, err := a.tokenPage(ctx, &me, r.Params.Limit, r.Params.Cursor)
	return gen.ListMyTokens200JSONResponse(page), err
}

func (a *API) tokenPage(ctx context.Context, owner *user.ID, limit *int, cursor *string) (gen.TokenPage, error) {
	name := filtered(tokenList, owner)
	from, err := after(name, cursor)
	if err != nil {
		return gen.TokenPage{}, err
	}
	list, next, err := a.Tokens.Tokens(ctx, owner, limitOf(limit), from)
	return gen.TokenPage{Items: mapped(list, toToken), NextCursor: nextCursor(name, next)}, err
}

// RevokeToken revokes anybody's token.
func (a *API) RevokeToken(ctx context.Context, r gen.RevokeTokenRequestObject) (gen.RevokeTokenResponseObject, error) {
	if err := a.Tokens.RevokeToken(ctx, user.TokenID(r.TokenId), nil); err != nil {
		return nil, err
	}
	return gen.RevokeToken204Response{}, nil
}

// RevokeMyToken revokes a token of the caller.
func (a *API) RevokeMyToken(ctx context.Context, r gen.RevokeMyTokenRequestObject) (gen.RevokeMyTokenResponseObject, error) {
	me := user.ActorFrom(ctx).ID
	if err := a.Tokens.RevokeToken(ctx, user.TokenID(r.TokenId), &me); err != nil {
		return nil, err
	}
	return gen.RevokeMyToken204Response{}, nil
}

func toToken(t user.Token) gen.Token {
	return gen.Token{
		Id: int64(t.ID), UserId: int64(t.User), UserName: t.UserName, Name: t.Name, CreatedAt: t.CreatedAt.UTC(),
		ExpiresAt: utc(t.ExpiresAt), LastUsedAt: utc(t.LastUsedAt), RevokedAt: utc(t.RevokedAt),
	}
}
