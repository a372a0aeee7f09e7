package store

import (
	"context"
	"fmt"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

// ListAccounts returns accounts by name and id, at most limit of them and after
// the cursor. next is where to go on; zero when there are no more.
func (s *Store) ListAccounts(ctx context.Context, f account.Filter, limit int, after account.Cursor) (list []account.Listed, next account.Cursor, err error) {
	var rows []dbq.AccountRowsRow
	err = s.readOnce(ctx, func(q *dbq.Queries) error {
		if err := q.PlanForValues(ctx); err != nil {
			return err
		}
		ids, err := accountPage(ctx, q, listParams(f, limit, after))
		if err != nil {
			return err
		}
		if err := q.PlanFreely(ctx); err != nil {
			return err
		}
		rows, err = q.AccountRows(ctx, ids)
		return err
	})
	if err != nil {
		return nil, next, fmt.Errorf("list accounts: %w", err)
	}
	list = make([]account.Listed, len(rows))
	for i, r := range rows {
		list[i] = listedAccount(r)
	}
	list, next = cut(list, limit, func(a account.Listed) account.Cursor { return account.Cursor{Name: a.Name, ID: a.ID} })
	return list, next, nil
}

// maxFew is how many accounts are looked at one by one. Where more are left,
// a walk in the order of the list soon fills a page.
const maxFew = 5000

// accountPage returns the ids of a page, by the way that fits the filter: what
// is granted leads to the accounts, but where other filters leave few accounts,
// these lead to what is granted to them.
func accountPage(ctx context.Context, q *dbq.Queries, p dbq.AccountsInOrderParams) ([]int64, error) {
	if err := q.WalkInOrder(ctx); err != nil {
		return nil, err
	}
	if !p.Granted || p.InstanceID != nil || p.Name != nil || p.Superuser != nil && *p.Superuser || p.Locked != nil && *p.Locked {
		return q.AccountsInOrder(ctx, p)
	}
	few, ok, err := fewAccounts(ctx, q, p)
	if err != nil {
		return nil, err
	}
	if !ok {
		return q.GrantedAccounts(ctx, grantedParams(p))
	}
	return pageOfFew(ctx, q, p, few)
}

// pageOfFew reads all that is left of few accounts: with the page's limit the
// planner would walk through all accounts until it has met so many of them.
func pageOfFew(ctx context.Context, q *dbq.Queries, p dbq.AccountsInOrderParams, few []int64) ([]int64, error) {
	if len(few) == 0 {
		return nil, nil
	}
	if err := q.PlanFreely(ctx); err != nil {
		return nil, err
	}
	page := int(p.MaxRows)
	p.Ids, p.MaxRows = few, maxFew
	ids, err := q.AccountsInOrder(ctx, p)
	return ids[:min(page, len(ids))], err
}

// fewAccounts returns ids among which the whole page is; ok is false when the
// filter leaves too many.
func fewAccounts(ctx context.Context, q *dbq.Queries, p dbq.AccountsInOrderParams) (few []int64, ok bool, err error) {
	if p.Privilege != nil && (p.Engine != nil || p.Tag != nil) {
		few, err = q.GrantedOnInstances(ctx, onInstancesParams(p))
		if err != nil || len(few) <= maxFew {
			return few, err == nil, err
		}
	}
	if !filtersAccounts(p) {
		return nil, false, nil
	}
	p.Granted, p.MaxRows = false, maxFew+1
	few, err = q.AccountsInOrder(ctx, p)
	return few, err == nil && len(few) <= maxFew, err
}

// filtersAccounts reports whether p asks for more than what is granted where.
func filtersAccounts(p dbq.AccountsInOrderParams) bool {
	return p.Pattern != nil || p.Kind != nil || p.Superuser != nil || p.Locked != nil || p.CanLogin != nil || p.System != nil
}

func onInstancesParams(p dbq.AccountsInOrderParams) dbq.GrantedOnInstancesParams {
	arg := dbq.GrantedOnInstancesParams{
		AfterName: p.AfterName, AfterID: p.AfterID, Engine: p.Engine, Tag: p.Tag, Deleted: p.Deleted,
		Privilege: *p.Privilege, OfEach: p.MaxRows, MaxRows: maxFew + 1,
	}
	narrower := p.GrantType != nil || p.GrantDatabase != nil || p.GrantSchema != nil || p.GrantObject != nil || p.GrantColumn != nil
	if narrower || filtersAccounts(p) {
		arg.OfEach = arg.MaxRows // more than a page, for some of them will not do
	}
	return arg
}

func listParams(f account.Filter, limit int, after account.Cursor) dbq.AccountsInOrderParams {
	return dbq.AccountsInOrderParams{
		AfterName: after.Name, AfterID: int64(after.ID), MaxRows: more(limit),
		InstanceID: (*int64)(f.Instance), Engine: optional(string(f.Engine)), Tag: optional(f.Tag),
		Name: optional(f.Name), Pattern: contains(f.NameContains), Kind: (*string)(f.Kind),
		Superuser: f.Superuser, Locked: f.Locked, CanLogin: f.CanLogin, System: f.System, Deleted: f.Deleted,
		Granted: !f.Grant.IsZero(), Privilege: optional(f.Grant.Privilege), GrantType: optional(f.Grant.Type),
		GrantDatabase: optional(f.Grant.Database), GrantSchema: optional(f.Grant.Schema),
		GrantObject: optional(f.Grant.Object), GrantColumn: optional(f.Grant.Column),
	}
}

func grantedParams(p dbq.AccountsInOrderParams) dbq.GrantedAccountsParams {
	return dbq.GrantedAccountsParams{
		AfterName: p.AfterName, AfterID: p.AfterID, MaxRows: p.MaxRows, Engine: p.Engine, Tag: p.Tag,
		Name: p.Name, Pattern: p.Pattern, Kind: p.Kind, Superuser: p.Superuser, Locked: p.Locked, CanLogin: p.CanLogin,
		System: p.System, Deleted: p.Deleted, Privilege: p.Privilege, GrantType: p.GrantType, GrantDatabase: p.GrantDatabase,
		GrantSchema: p.GrantSchema, GrantObject: p.GrantObject, GrantColumn: p.GrantColumn,
	}
}

func listedAccount(r dbq.AccountRowsRow) account.Listed {
	return account.Listed{
		ID: account.ID(r.ID), InstanceID: fleet.InstanceID(r.InstanceID), InstanceName: r.InstanceName,
		Identity: r.Identity, Name: r.Name, Host: r.Host, Kind: account.Kind(r.Kind), System: r.System,
		CanLogin: r.CanLogin, Superuser: r.Superuser, Locked: r.Locked, ValidUntil: r.ValidUntil,
		Memberships: int(r.Memberships), Grants: int(r.Grants),
		FirstSeenAt: r.FirstSeenAt, LastSeenAt: r.LastSeenAt, DeletedAt: r.DeletedAt,
	}
}
