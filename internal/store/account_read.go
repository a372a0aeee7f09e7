package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

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
// of those that are gone; they are the present or last ones. With at it is the
// account as it was then. Errors: account.ErrNotFound, account.ErrNotThere.
func (s *Store) Account(ctx context.Context, id account.ID, at *time.Time) (account.Detail, error) {
	r, err := s.q.GetAccount(ctx, int64(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return account.Detail{}, account.ErrNotFound
	}
	if err != nil {
		return account.Detail{}, fmt.Errorf("read account: %w", err)
	}
	if at != nil {
		if r.State, err = s.stateAt(ctx, id, *at); err != nil {
			return account.Detail{}, err
		}
	}
	state, err := account.Decode([]byte(r.State))
	if err != nil {
		return account.Detail{}, err
	}
	detail := account.Detail{
		ID: account.ID(r.ID), InstanceID: fleet.InstanceID(r.InstanceID), InstanceName: r.InstanceName,
		Account: state, FirstSeenAt: r.FirstSeenAt, LastSeenAt: r.LastSeenAt,
		DeletedAt: r.DeletedAt, ReplacedAt: r.ReplacedAt, AsOf: at,
	}
	if detail.Superuser, err = s.superuserPath(ctx, detail); err != nil {
		return account.Detail{}, err
	}
	detail.Names, err = s.names(ctx, r.InstanceID, r.ReplacedAt, state.Refers())
	return detail, err
}

// stateAt returns the stored form of an account at a moment. Error:
// account.ErrNotThere.
func (s *Store) stateAt(ctx context.Context, id account.ID, at time.Time) (string, error) {
	state, err := s.q.AccountStateAt(ctx, dbq.AccountStateAtParams{AccountID: int64(id), At: at})
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && state == "":
		return "", account.ErrNotThere
	case err != nil:
		return "", fmt.Errorf("read account at %s: %w", at.Format(time.RFC3339), err)
	}
	return state, nil
}

// superuserPath reads the roles that the account may reach. One that is gone
// reaches none.
func (s *Store) superuserPath(ctx context.Context, d account.Detail) (*account.SuperuserPath, error) {
	params := dbq.ReachableAccountsParams{Identity: d.Account.Identity, InstanceID: int64(d.InstanceID), ReplacedAt: d.ReplacedAt}
	switch {
	case d.AsOf != nil:
		params.At = *d.AsOf
	case d.DeletedAt == nil:
		params.At = time.Now().Add(clockSkew)
	default:
		return nil, nil //nolint:nilnil // no way, and nothing went wrong
	}
	rows, err := s.q.ReachableAccounts(ctx, params)
	if err != nil {
		return nil, fmt.Errorf("read roles: %w", err)
	}
	all := make([]account.Account, len(rows))
	for i, state := range rows {
		if all[i], err = account.Decode([]byte(state)); err != nil {
			return nil, err
		}
	}
	return account.PathToSuperuser(d.Account.Identity, all), nil
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
	refers := make([][]string, len(versions))
	for i, v := range versions {
		refers[i] = v.Refers()
	}
	names, err := s.names(ctx, era.InstanceID, era.ReplacedAt, distinct(refers))
	if err != nil {
		return err
	}
	for i := range versions {
		versions[i].Names = only(names, refers[i])
	}
	return nil
}

func distinct(lists [][]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// only returns the names of the identities that have one.
func only(names map[string]string, identities []string) map[string]string {
	out := make(map[string]string, len(identities))
	for _, identity := range identities {
		if name, known := names[identity]; known {
			out[identity] = name
		}
	}
	return out
}
