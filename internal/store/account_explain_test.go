package store

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/dbq"
)

// Names are of the server that the accounts were on.
func TestComparisonOfAFormerServerKeepsItsNames(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	all := people(1, 4)
	b.merge(t, snapshot(all))
	first := b.moment(t)
	all[0].Memberships = []account.Membership{{Role: "3"}}
	b.merge(t, snapshot(all))
	second := b.moment(t)
	for range account.SelfConfirm {
		b.merge(t, other()) // has another 3
	}
	list, _, err := b.CompareAccounts(t.Context(), account.Comparison{Instance: b.instance, From: first, To: second}, 10, account.Cursor{})
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if got := list[0].Names["3"]; got != "p3" {
		t.Errorf("the former role is called %q", got)
	}
}

// A question about few accounts of a big instance reads only those.
func TestAccountsAreFoundByTheirIdentity(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	crowd{instances: 4, accounts: 2000}.add(t, b)
	b.exec(t, `UPDATE accounts SET deleted_at = now(), last_seen_at = now(), replaced_at = now() WHERE instance_id = $1 + 1`, b.instance)
	b.exec(t, `INSERT INTO account_versions (account_id, instance_id, change, valid_from, state)
		SELECT id, instance_id, 'created', now(), jsonb_build_object('memberships', memberships) FROM accounts`)
	b.exec(t, `VACUUM ANALYZE`)
	now := time.Now()
	for name, run := range map[string]func(context.Context, *dbq.Queries) error{
		"names": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.NamesOfIdentities(ctx, dbq.NamesOfIdentitiesParams{InstanceID: 2, Identities: []string{"16390", "16391"}})
			return err
		},
		"names of the past": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.NamesOfIdentities(ctx, dbq.NamesOfIdentitiesParams{InstanceID: 2, Identities: []string{"16390"}, ReplacedAt: &now})
			return err
		},
		"roles": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.ReachableAccounts(ctx, dbq.ReachableAccountsParams{Identity: "16390", InstanceID: 2, At: now})
			return err
		},
		"roles of the past": func(ctx context.Context, q *dbq.Queries) error {
			_, err := q.ReachableAccounts(ctx, dbq.ReachableAccountsParams{Identity: "16390", InstanceID: 2, At: now, ReplacedAt: &now})
			return err
		},
	} {
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			plan := explained(t, b.pool, mode, run)
			scans := 0
			plan.walk(func(n planNode) {
				if !strings.HasPrefix(n.Index, "accounts_") && n.Type != "Seq Scan" {
					return
				}
				scans++
				if !slices.Contains([]string{"accounts_identity", "accounts_past"}, n.Index) || !strings.Contains(n.Cond, "identity") {
					t.Errorf("%s, %s: %s %s (%s)", name, mode, n.Type, n.Index, n.Cond)
				}
			})
			if scans == 0 {
				t.Errorf("%s, %s: no scan of accounts", name, mode)
			}
		}
	}
}

// An open hold of many accounts is unpacked once for a page: with a join, which
// the planner takes for small, every row of it was compared with every other.
func TestMissingAccountsOfAHoldAreLookedUpInAHash(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	crowd{instances: 2, accounts: 500}.add(t, b)
	b.exec(t, `INSERT INTO account_holds (instance_id, reason, fingerprint, times_seen, known_count, missing_count, missing, record_id, session_id)
		SELECT $1 + 1, 'mass_disappearance', '', 1, 20000, 20000, array_agg(g::text), 1, gen_random_uuid() FROM generate_series(1, 20000) g`, b.instance)
	b.exec(t, `VACUUM ANALYZE`)
	plan := explained(t, b.pool, "force_custom_plan", func(ctx context.Context, q *dbq.Queries) error {
		_, err := q.AccountRows(ctx, []int64{1, 2, 3})
		return err
	})
	found := false
	plan.walk(func(n planNode) {
		if n.Type != "Function Scan" {
			return
		}
		found = true
		if !strings.Contains(n.Filter, "hashed SubPlan") {
			t.Errorf("the missing accounts are filtered by %q", n.Filter)
		}
	})
	if !found {
		t.Error("the missing accounts are not unpacked")
	}
}
