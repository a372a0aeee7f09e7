package httpapi

import (
	"context"
	"strconv"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
)

// Accounts reads what was found on the servers. Errors: account.ErrNotFound,
// account.ErrNotThere, and fleet.ErrInstanceNotFound of a comparison.
// Lists return the place after their last row, or the zero value when there are no more.
type Accounts interface {
	ListAccounts(ctx context.Context, f account.Filter, limit int, after account.Cursor) (list []account.Listed, next account.Cursor, err error)
	Account(ctx context.Context, id account.ID, at *time.Time) (account.Detail, error)
	AccountHistory(ctx context.Context, id account.ID, limit int, after account.VersionID) (list []account.Version, next account.VersionID, err error)
	CompareAccounts(ctx context.Context, c account.Comparison, limit int, after account.Cursor) (list []account.Difference, next account.Cursor, err error)
}

const (
	accountList = "accounts"
	versionList = "versions"
)

// ListAccounts lists accounts by name.
func (a *API) ListAccounts(ctx context.Context, r gen.ListAccountsRequestObject) (gen.ListAccountsResponseObject, error) {
	filter, err := accountFilter(r.Params)
	if err != nil {
		return nil, err
	}
	name := filtered(accountList, filter)
	from, err := afterPlace(name, r.Params.Cursor, accountRow)
	if err != nil {
		return nil, err
	}
	list, next, err := a.Accounts.ListAccounts(ctx, filter, limitOf(r.Params.Limit), from)
	if err != nil {
		return nil, err
	}
	return gen.ListAccounts200JSONResponse{Items: mapped(list, toAccount), NextCursor: nextPlace(name, next, accountRow)}, nil
}

func accountFilter(p gen.ListAccountsParams) (account.Filter, error) {
	f := account.Filter{
		Engine: fleet.Engine(value(p.Engine)), Instance: (*fleet.InstanceID)(p.InstanceId), Tag: value(p.Tag),
		Name: value(p.Name), NameContains: value(p.NameContains), Kind: (*account.Kind)(p.Kind),
		Superuser: p.Superuser, Locked: p.Locked, CanLogin: p.CanLogin, System: p.System, Deleted: value(p.Deleted),
		Grant: account.GrantFilter{
			Privilege: value(p.Privilege), Type: value(p.ObjectType), Database: value(p.Database),
			Schema: value(p.Schema), Object: value(p.Object), Column: value(p.Column),
		},
	}
	if err := f.Grant.Validate(); err != nil {
		return f, malformed(err)
	}
	return f, nil
}

// GetAccount shows one account, as it is or as it was.
func (a *API) GetAccount(ctx context.Context, r gen.GetAccountRequestObject) (gen.GetAccountResponseObject, error) {
	if err := account.CheckMoment("at", r.Params.At, a.Now()); err != nil {
		return nil, malformed(err)
	}
	d, err := a.Accounts.Account(ctx, account.ID(r.AccountId), r.Params.At)
	if err != nil {
		return nil, err
	}
	return gen.GetAccount200JSONResponse(a.toDetail(d)), nil
}

// ListAccountHistory lists the states that an account has had.
func (a *API) ListAccountHistory(ctx context.Context, r gen.ListAccountHistoryRequestObject) (gen.ListAccountHistoryResponseObject, error) {
	list := versionList + strconv.FormatInt(r.AccountId, 10)
	from, err := after(list, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	versions, next, err := a.Accounts.AccountHistory(ctx, account.ID(r.AccountId), limitOf(r.Params.Limit), account.VersionID(from))
	if err != nil {
		return nil, err
	}
	items := make([]gen.AccountVersion, len(versions))
	for i, v := range versions {
		if items[i], err = toVersion(v); err != nil {
			return nil, err
		}
	}
	return gen.ListAccountHistory200JSONResponse{Items: items, NextCursor: nextCursor(list, int64(next))}, nil
}

func accountRow(c account.Cursor) int64 { return int64(c.ID) }
