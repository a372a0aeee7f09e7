package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// ListAccounts returns accounts by name and id, at most limit of them and after
// the cursor. next is where to go on; zero when there are no more.
func (s *Store) ListAccounts(ctx context.Context, f account.Filter, limit int, after account.Cursor) (list []account.Listed, next account.Cursor, err error) {
	var rows []dbq.ListAccountsRow
	err = s.inTx(ctx, func(q *dbq.Queries) error {
		if err := q.PlanForValues(ctx); err != nil {
			return err
		}
		rows, err = q.ListAccounts(ctx, dbq.ListAccountsParams{
			AfterName: after.Name, AfterID: int64(after.ID),
			InstanceID: (*int64)(f.Instance), Name: optional(f.Name), Pattern: contains(f.NameContains),
			Kind: (*string)(f.Kind), Superuser: f.Superuser, Deleted: f.Deleted, MaxRows: more(limit),
		})
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

func listedAccount(r dbq.ListAccountsRow) account.Listed {
	return account.Listed{
		ID: account.ID(r.ID), InstanceID: fleet.InstanceID(r.InstanceID), InstanceName: r.InstanceName,
		Identity: r.Identity, Name: r.Name, Host: r.Host, Kind: account.Kind(r.Kind), System: r.System,
		CanLogin: r.CanLogin, Superuser: r.Superuser, ValidUntil: r.ValidUntil,
		Memberships: int(r.Memberships), Grants: int(r.Grants),
		FirstSeenAt: r.FirstSeenAt, LastSeenAt: r.LastSeenAt, DeletedAt: r.DeletedAt,
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// contains returns the LIKE pattern that finds s literally; nil when s is empty.
func contains(s string) *string {
	if s == "" {
		return nil
	}
	pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s) + "%"
	return &pattern
}

// Account returns one account with the names of all that it refers to, also
// of those that are gone. Error: account.ErrNotFound.
func (s *Store) Account(ctx context.Context, id account.ID) (account.Detail, error) {
	r, err := s.q.GetAccount(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return account.Detail{}, account.ErrNotFound
	}
	if err != nil {
		return account.Detail{}, fmt.Errorf("read account: %w", err)
	}
	state, err := account.Decode([]byte(r.State))
	if err != nil {
		return account.Detail{}, err
	}
	names, err := s.names(ctx, r.InstanceID, r.ReplacedAt, state.Refers())
	if err != nil {
		return account.Detail{}, err
	}
	return account.Detail{
		ID: account.ID(r.ID), InstanceID: fleet.InstanceID(r.InstanceID), InstanceName: r.InstanceName,
		Account: state, Names: names, FirstSeenAt: r.FirstSeenAt, LastSeenAt: r.LastSeenAt,
		DeletedAt: r.DeletedAt, ReplacedAt: r.ReplacedAt,
	}, nil
}

// names returns the present or last names of accounts of one server, by identity.
func (s *Store) names(ctx context.Context, instance int64, replacedAt *time.Time, identities []string) (map[string]string, error) {
	names := make(map[string]string, len(identities))
	if len(identities) == 0 {
		return names, nil
	}
	rows, err := s.q.NamesOfIdentities(ctx, dbq.NamesOfIdentitiesParams{
		InstanceID: instance, ReplacedAt: replacedAt, Identities: identities,
	})
	if err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	for _, r := range rows {
		names[r.Identity] = r.Name
	}
	return names, nil
}

// AccountHistory returns versions of an account, newest first, at most limit of
// them and older than after (0: from the newest). next is the id to go on from;
// 0 when there are no more. Error: account.ErrNotFound.
func (s *Store) AccountHistory(ctx context.Context, id account.ID, limit int, after account.VersionID) (list []account.Version, next account.VersionID, err error) {
	era, err := s.q.AccountEra(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, 0, account.ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("find account: %w", err)
	}
	rows, err := s.q.AccountVersions(ctx, dbq.AccountVersionsParams{
		AccountID: int64(id), BeforeID: beforeID(int64(after)), MaxRows: more(limit),
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read account history: %w", err)
	}
	rows, next = cut(rows, limit, func(r dbq.AccountVersionsRow) account.VersionID { return account.VersionID(r.ID) })
	if list, err = accountVersions(rows); err != nil {
		return nil, 0, err
	}
	if err := s.nameVersions(ctx, era, list); err != nil {
		return nil, 0, err
	}
	return list, next, nil
}

func accountVersions(rows []dbq.AccountVersionsRow) ([]account.Version, error) {
	versions := make([]account.Version, len(rows))
	for i, r := range rows {
		diff, err := account.DecodeDiff(r.Diff)
		if err != nil {
			return nil, err
		}
		v := account.Version{
			ID: account.VersionID(r.ID), AccountID: account.ID(r.AccountID), Change: account.Change(r.Change),
			ValidFrom: r.ValidFrom, ValidTo: r.ValidTo, Diff: diff,
		}
		if r.RecordID != nil && r.SessionID != nil {
			v.Record, v.Session = session.RecordID(*r.RecordID), *r.SessionID
		}
		if r.State != "" {
			state, err := account.Decode([]byte(r.State))
			if err != nil {
				return nil, err
			}
			v.State = &state
		}
		versions[i] = v
	}
	return versions, nil
}

// nameVersions gives every version the names of what it refers to.
func (s *Store) nameVersions(ctx context.Context, era dbq.AccountEraRow, versions []account.Version) error {
	all := map[string]bool{}
	for _, v := range versions {
		for _, identity := range v.Refers() {
			all[identity] = true
		}
	}
	names, err := s.names(ctx, era.InstanceID, era.ReplacedAt, slices.Collect(maps.Keys(all)))
	if err != nil {
		return err
	}
	for i, v := range versions {
		versions[i].Names = make(map[string]string)
		for _, identity := range v.Refers() {
			if name, known := names[identity]; known {
				versions[i].Names[identity] = name
			}
		}
	}
	return nil
}
