package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
)

// Accounts reads what was found on the servers. Error: account.ErrNotFound.
// Lists return the place after their last row, or the zero value when there are no more.
type Accounts interface {
	ListAccounts(ctx context.Context, f account.Filter, limit int, after account.Cursor) (list []account.Listed, next account.Cursor, err error)
	Account(ctx context.Context, id account.ID) (account.Detail, error)
	AccountHistory(ctx context.Context, id account.ID, limit int, after account.VersionID) (list []account.Version, next account.VersionID, err error)
}

const (
	accountList = "accounts"
	versionList = "versions"
)

// ListAccounts lists accounts by name.
func (a *API) ListAccounts(ctx context.Context, r gen.ListAccountsRequestObject) (gen.ListAccountsResponseObject, error) {
	from, err := afterAccount(r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	filter := account.Filter{
		Instance: (*fleet.InstanceID)(r.Params.InstanceId), Name: value(r.Params.Name), NameContains: value(r.Params.NameContains),
		Kind: (*account.Kind)(r.Params.Kind), Superuser: r.Params.Superuser, Deleted: value(r.Params.Deleted),
	}
	list, next, err := a.Accounts.ListAccounts(ctx, filter, limitOf(r.Params.Limit), from)
	if err != nil {
		return nil, err
	}
	cursor, err := nextAccount(next)
	if err != nil {
		return nil, err
	}
	return gen.ListAccounts200JSONResponse{Items: mapped(list, toAccount), NextCursor: cursor}, nil
}

func afterAccount(sent *string) (place account.Cursor, err error) {
	text, err := decodeCursor(accountList, sent)
	if err != nil || text == "" {
		return place, err
	}
	if err := json.Unmarshal([]byte(text), &place); err != nil || place.ID <= 0 {
		return account.Cursor{}, errCursor()
	}
	return place, nil
}

func nextAccount(next account.Cursor) (*string, error) {
	if next == (account.Cursor{}) {
		return nil, nil //nolint:nilnil // no more pages, and nothing went wrong
	}
	place, err := json.Marshal(next)
	if err != nil {
		return nil, fmt.Errorf("encode cursor: %w", err)
	}
	return encodeCursor(accountList, string(place)), nil
}

// GetAccount shows one account.
func (a *API) GetAccount(ctx context.Context, r gen.GetAccountRequestObject) (gen.GetAccountResponseObject, error) {
	d, err := a.Accounts.Account(ctx, account.ID(r.AccountId))
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

func toAccount(l account.Listed) gen.Account {
	return gen.Account{
		Id: int64(l.ID), InstanceId: int64(l.InstanceID), InstanceName: l.InstanceName, Identity: l.Identity, Name: l.Name,
		Host: l.Host, Kind: gen.AccountKind(l.Kind), System: l.System, CanLogin: l.CanLogin, Superuser: l.Superuser,
		ValidUntil: utc(l.ValidUntil), MembershipCount: l.Memberships, GrantCount: l.Grants,
		FirstSeenAt: l.FirstSeenAt.UTC(), LastSeenAt: l.LastSeenAt.UTC(), DeletedAt: utc(l.DeletedAt),
	}
}

func (a *API) toDetail(d account.Detail) gen.AccountDetail {
	acc := d.Account
	return gen.AccountDetail{
		Id: int64(d.ID), InstanceId: int64(d.InstanceID), InstanceName: d.InstanceName, Identity: acc.Identity, Name: acc.Name,
		Host: acc.Host, Kind: gen.AccountKind(acc.Kind), System: acc.System, CanLogin: acc.CanLogin, Superuser: acc.Superuser,
		ValidUntil: utc(acc.ValidUntil), Expired: acc.Expired(a.Now()), Attributes: notNil(acc.Attributes),
		Memberships: mapped(acc.Memberships, toMembership), Grants: mapped(acc.Grants, toGrant), Names: notNil(d.Names),
		FirstSeenAt: d.FirstSeenAt.UTC(), LastSeenAt: d.LastSeenAt.UTC(), DeletedAt: utc(d.DeletedAt), ReplacedAt: utc(d.ReplacedAt),
	}
}

func notNil[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

func toMembership(m account.Membership) gen.Membership {
	return gen.Membership{
		Role: m.Role, Grantor: optional(m.Grantor), Admin: optional(m.Admin), Inherit: m.Inherit, Set: m.Set, Default: m.Default,
	}
}

func toGrant(g account.Grant) gen.Grant {
	out := gen.Grant{
		Type: g.Type, Database: optional(g.Database), Schema: optional(g.Schema), Object: optional(g.Object),
		Column: optional(g.Column), Privileges: mapped(g.Privileges, func(p string) string { return p }),
		Grantor: optional(g.Grantor), ForRole: optional(g.ForRole), Source: string(g.Source), Effect: optional(string(g.Effect)),
	}
	if len(g.Grantable) > 0 {
		out.Grantable = &g.Grantable
	}
	return out
}

// optional leaves the zero value out.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func toVersion(v account.Version) (gen.AccountVersion, error) {
	out := gen.AccountVersion{
		Id: int64(v.ID), AccountId: int64(v.AccountID), Change: gen.AccountVersionChange(v.Change),
		ValidFrom: v.ValidFrom.UTC(), ValidTo: utc(v.ValidTo), Names: notNil(v.Names),
		RecordId: int64(v.Record), SessionId: v.Session,
	}
	diff, err := json.Marshal(v.Diff)
	if err != nil {
		return out, fmt.Errorf("encode version %d: %w", v.ID, err)
	}
	out.Diff = diff
	if v.State == nil {
		return out, nil
	}
	state, err := json.Marshal(v.State)
	if err != nil {
		return out, fmt.Errorf("encode version %d: %w", v.ID, err)
	}
	out.State = (*json.RawMessage)(&state)
	return out, nil
}
