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
	var rows []dbq.ListAccountsRow
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		rows, err = listAccounts(ctx, q, listParams(f, limit, after))
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

// listAccounts takes the way that fits the filter. Of a whole fleet, what is
// granted leads to the accounts; where other filters leave few accounts, these
// lead to what is granted to them.
func listAccounts(ctx context.Context, q *dbq.Queries, p dbq.ListAccountsParams) ([]dbq.ListAccountsRow, error) {
	if err := q.PlanForValues(ctx); err != nil {
		return nil, err
	}
	few := p.InstanceID != nil || p.Name != nil || p.Superuser != nil && *p.Superuser || p.Locked != nil && *p.Locked
	if few || !p.Granted {
		return q.ListAccounts(ctx, p)
	}
	if err := q.WalkInOrder(ctx); err != nil {
		return nil, err
	}
	found, err := q.SearchAccounts(ctx, searchParams(p))
	if err != nil {
		return nil, err
	}
	rows := make([]dbq.ListAccountsRow, len(found))
	for i, r := range found {
		rows[i] = dbq.ListAccountsRow(r)
	}
	return rows, nil
}

func listParams(f account.Filter, limit int, after account.Cursor) dbq.ListAccountsParams {
	return dbq.ListAccountsParams{
		AfterName: after.Name, AfterID: int64(after.ID), MaxRows: more(limit),
		InstanceID: (*int64)(f.Instance), Engine: optional(string(f.Engine)), Tag: optional(f.Tag),
		Name: optional(f.Name), Pattern: contains(f.NameContains), Kind: (*string)(f.Kind),
		Superuser: f.Superuser, Locked: f.Locked, CanLogin: f.CanLogin, System: f.System, Deleted: f.Deleted,
		Granted: !f.Grant.IsZero(), Privilege: optional(f.Grant.Privilege), GrantType: optional(f.Grant.Type),
		GrantDatabase: optional(f.Grant.Database), GrantSchema: optional(f.Grant.Schema),
		GrantObject: optional(f.Grant.Object), GrantColumn: optional(f.Grant.Column),
	}
}

func searchParams(p dbq.ListAccountsParams) dbq.SearchAccountsParams {
	return dbq.SearchAccountsParams{
		AfterName: p.AfterName, AfterID: p.AfterID, MaxRows: p.MaxRows, InstanceID: p.InstanceID, Engine: p.Engine, Tag: p.Tag,
		Name: p.Name, Pattern: p.Pattern, Kind: p.Kind, Superuser: p.Superuser, Locked: p.Locked, CanLogin: p.CanLogin,
		System: p.System, Deleted: p.Deleted, Privilege: p.Privilege, GrantType: p.GrantType, GrantDatabase: p.GrantDatabase,
		GrantSchema: p.GrantSchema, GrantObject: p.GrantObject, GrantColumn: p.GrantColumn,
	}
}

func listedAccount(r dbq.ListAccountsRow) account.Listed {
	return account.Listed{
		ID: account.ID(r.ID), InstanceID: fleet.InstanceID(r.InstanceID), InstanceName: r.InstanceName,
		Identity: r.Identity, Name: r.Name, Host: r.Host, Kind: account.Kind(r.Kind), System: r.System,
		CanLogin: r.CanLogin, Superuser: r.Superuser, Locked: r.Locked, ValidUntil: r.ValidUntil,
		Memberships: int(r.Memberships), Grants: int(r.Grants),
		FirstSeenAt: r.FirstSeenAt, LastSeenAt: r.LastSeenAt, DeletedAt: r.DeletedAt,
	}
}
