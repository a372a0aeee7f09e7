package httpapi

import (
	"context"

	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
	"github.com/dbfleet/dbfleet/internal/user"
)

// Users keeps who may log in. Errors are those of package user, and
// *invalid.Error.
type Users interface {
	CreateUser(ctx context.Context, name string, role user.Role) (user.Profile, error)
	Users(ctx context.Context, f user.Filter, limit int, after int64) (list []user.Profile, next int64, err error)
	User(ctx context.Context, id user.ID) (user.Profile, error)
	UpdateUser(ctx context.Context, id user.ID, c user.Change) (user.Profile, error)
}

const userList = "users"

// GetMe shows the user of the token.
func (a *API) GetMe(ctx context.Context, _ gen.GetMeRequestObject) (gen.GetMeResponseObject, error) {
	me, err := a.Users.User(ctx, user.ActorFrom(ctx).ID)
	if err != nil {
		return nil, err
	}
	return gen.GetMe200JSONResponse(toUser(me)), nil
}

// CreateUser adds a user.
func (a *API) CreateUser(ctx context.Context, r gen.CreateUserRequestObject) (gen.CreateUserResponseObject, error) {
	made, err := a.Users.CreateUser(ctx, r.Body.Name, user.Role(r.Body.Role))
	if err != nil {
		return nil, err
	}
	return gen.CreateUser201JSONResponse(toUser(made)), nil
}

// ListUsers lists users.
func (a *API) ListUsers(ctx context.Context, r gen.ListUsersRequestObject) (gen.ListUsersResponseObject, error) {
	filter := user.Filter{Name: r.Params.Name, Role: (*user.Role)(r.Params.Role), Disabled: r.Params.Disabled}
	name := filtered(userList, filter)
	from, err := after(name, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, next, err := a.Users.Users(ctx, filter, limitOf(r.Params.Limit), from)
	if err != nil {
		return nil, err
	}
	return gen.ListUsers200JSONResponse{Items: mapped(list, toUser), NextCursor: nextCursor(name, next)}, nil
}

// GetUser shows one user.
func (a *API) GetUser(ctx context.Context, r gen.GetUserRequestObject) (gen.GetUserResponseObject, error) {
	one, err := a.Users.User(ctx, user.ID(r.UserId))
	if err != nil {
		return nil, err
	}
	return gen.GetUser200JSONResponse(toUser(one)), nil
}

// UpdateUser changes the fields that are given.
func (a *API) UpdateUser(ctx context.Context, r gen.UpdateUserRequestObject) (gen.UpdateUserResponseObject, error) {
	changed, err := a.Users.UpdateUser(ctx, user.ID(r.UserId), user.Change{Role: (*user.Role)(r.Body.Role), Disabled: r.Body.Disabled})
	if err != nil {
		return nil, err
	}
	return gen.UpdateUser200JSONResponse(toUser(changed)), nil
}

func toUser(p user.Profile) gen.User {
	return gen.User{
		Id: int64(p.ID), Name: p.Name, Role: gen.Role(p.Role),
		CreatedAt: p.CreatedAt.UTC(), DisabledAt: utc(p.DisabledAt), LastUsedAt: utc(p.LastUsedAt),
	}
}
