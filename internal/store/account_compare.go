package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/dbq"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

// maxPairs bounds how many accounts of two instances one page compares: a page
// of instances that are nearly equal may hold fewer than limit.
const maxPairs = 2000

// CompareAccounts returns how the accounts of c differ, by name, at most limit
// of them and after the cursor. next is where to go on; zero when there are no
// more; a page before that may hold fewer than limit, even none. Accounts of two
// instances belong together by name and host. Error: fleet.ErrInstanceNotFound.
func (s *Store) CompareAccounts(ctx context.Context, c account.Comparison, limit int, after account.Cursor) (list []account.Difference, next account.Cursor, err error) {
	if err := s.knowInstances(ctx, c); err != nil {
		return nil, next, err
	}
	if c.Other != nil {
		return s.compareInstances(ctx, c, limit, after)
	}
	return s.compareMoments(ctx, c, limit, after)
}

func (s *Store) knowInstances(ctx context.Context, c account.Comparison) error {
	ids := []fleet.InstanceID{c.Instance}
	if c.Other != nil {
		ids = append(ids, *c.Other)
	}
	for _, id := range ids {
		known, err := s.q.InstanceKnown(ctx, int64(id))
		if err != nil {
			return fmt.Errorf("find instance: %w", err)
		}
		if !known {
			return fleet.ErrInstanceNotFound
		}
	}
	return nil
}

// moment returns at, or a time that no stored one is after.
func moment(at *time.Time) time.Time {
	if at == nil {
		return time.Now().Add(clockSkew)
	}
	return *at
}

// clockSkew is how far Postgres' clock may be ahead of ours.
const clockSkew = time.Hour

func (s *Store) compareMoments(ctx context.Context, c account.Comparison, limit int, after account.Cursor) (list []account.Difference, next account.Cursor, err error) {
	rows, err := s.q.PairsOfMoments(ctx, dbq.PairsOfMomentsParams{
		InstanceID: int64(c.Instance), FromTime: *c.From, ToTime: moment(c.To),
		AfterName: after.Name, AfterID: int64(after.ID), MaxRows: more(limit),
	})
	if err != nil {
		return nil, next, fmt.Errorf("compare moments: %w", err)
	}
	rows, next = cut(rows, limit, func(r dbq.PairsOfMomentsRow) account.Cursor {
		return account.Cursor{Name: r.Name, ID: account.ID(r.AccountID)}
	})
	eras := make(map[time.Time][]int) // places in list by the end of their server; zero: it is the present one
	for _, r := range rows {
		d, ok, err := differ(r.OldState, r.NewState, nil, nil)
		if err != nil {
			return nil, next, err
		}
		if !ok {
			continue
		}
		d.First, d.Second = sideIDs(d.Side, account.ID(r.AccountID), account.ID(r.AccountID))
		era := eraOf(r.ReplacedAt)
		eras[era] = append(eras[era], len(list))
		list = append(list, d)
	}
	return list, next, s.nameDifferences(ctx, c.Instance, list, eras)
}

func eraOf(replacedAt *time.Time) time.Time {
	if replacedAt == nil {
		return time.Time{}
	}
	return *replacedAt
}

// nameDifferences gives every difference the present or last names on the
// account's own server, which are asked for once for each server.
func (s *Store) nameDifferences(ctx context.Context, instance fleet.InstanceID, list []account.Difference, eras map[time.Time][]int) error {
	for era, places := range eras {
		var replacedAt *time.Time
		if !era.IsZero() {
			replacedAt = &era
		}
		var refers [][]string
		for _, at := range places {
			refers = append(refers, list[at].Diff.Refers())
		}
		names, err := s.names(ctx, int64(instance), replacedAt, distinct(refers))
		if err != nil {
			return err
		}
		for i, at := range places {
			list[at].Names = only(names, refers[i])
		}
	}
	return nil
}

func sideIDs(side account.Side, first, second account.ID) (account.ID, account.ID) {
	switch side {
	case account.OnlyFirst:
		return first, 0
	case account.OnlySecond:
		return 0, second
	}
	return first, second
}

func (s *Store) compareInstances(ctx context.Context, c account.Comparison, limit int, after account.Cursor) (list []account.Difference, next account.Cursor, err error) {
	at := moment(c.At)
	var rows []dbq.PairsOfInstancesRow
	var one, other map[string]string
	err = s.readOnce(ctx, func(q *dbq.Queries) error {
		if one, err = namesAt(ctx, q, c.Instance, at); err != nil {
			return err
		}
		if other, err = namesAt(ctx, q, *c.Other, at); err != nil {
			return err
		}
		rows, err = q.PairsOfInstances(ctx, dbq.PairsOfInstancesParams{
			InstanceID: int64(c.Instance), OtherID: int64(*c.Other), At: at,
			AfterName: after.Name, AfterID: int64(after.ID), MaxRows: more(maxPairs),
		})
		return err
	})
	if err != nil {
		return nil, next, fmt.Errorf("compare instances: %w", err)
	}
	place := func(r dbq.PairsOfInstancesRow) account.Cursor {
		return account.Cursor{Name: r.Name, ID: account.ID(r.Place)}
	}
	rows, next = cut(rows, maxPairs, place)
	for i, r := range rows {
		d, ok, err := differ(r.OneState, r.OtherState, one, other)
		if err != nil {
			return nil, next, err
		}
		if !ok {
			continue
		}
		d.First, d.Second = account.ID(r.OneID), account.ID(r.OtherID)
		if list = append(list, d); len(list) == limit && i < len(rows)-1 {
			return list, place(r), nil
		}
	}
	return list, next, nil
}

// readOnce runs do on one picture of the database.
func (s *Store) readOnce(ctx context.Context, do func(q *dbq.Queries) error) error {
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return do(s.q.WithTx(tx))
	})
}

// namesAt returns how the accounts of an instance were called, by identity.
func namesAt(ctx context.Context, q *dbq.Queries, instance fleet.InstanceID, at time.Time) (map[string]string, error) {
	rows, err := q.NamesAt(ctx, dbq.NamesAtParams{InstanceID: int64(instance), At: at})
	if err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	names := make(map[string]string, len(rows))
	for _, r := range rows {
		names[r.Identity] = r.Name
		if r.Host != "" {
			names[r.Identity] += "@" + r.Host
		}
	}
	return names, nil
}

// differ compares two stored forms; empty for none. With names the accounts are
// of two servers, and what they refer to is compared by name.
func differ(first, second string, one, other map[string]string) (d account.Difference, ok bool, err error) {
	x, err := decoded(first, one)
	if err != nil {
		return d, false, err
	}
	y, err := decoded(second, other)
	if err != nil {
		return d, false, err
	}
	d, ok = account.Differ(x, y)
	d.Names = map[string]string{}
	if one != nil {
		for _, name := range d.Diff.Refers() {
			d.Names[name] = name
		}
	}
	return d, ok, nil
}

func decoded(state string, names map[string]string) (*account.Account, error) {
	if state == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	a, err := account.Decode([]byte(state))
	if names != nil {
		a = a.ByName(names)
	}
	return &a, err
}
