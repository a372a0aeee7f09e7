package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

// An accountBundle is one instance whose accounts a test reads again and again.
type accountBundle struct {
	*Store
	pool     *pgxpool.Pool
	instance fleet.InstanceID
	claim    session.Claim
	rules    account.HoldRules
}

func newAccounts(t testing.TB) *accountBundle {
	t.Helper()
	b := &accountBundle{
		pool:  testdb.Postgres(t),
		claim: session.Claim{Session: uuid.New(), Attempt: 1, Worker: uuid.New()},
		rules: account.HoldRules{Percent: 30, Minimum: 20},
	}
	b.Store = New(b.pool)
	const credential = `INSERT INTO credentials (name, username, sealed, key_id) VALUES ('c', 'u', '', 'k') ON CONFLICT DO NOTHING`
	b.exec(t, credential)
	b.instance = b.newInstance(t, "orders-1")
	return b
}

func (b *accountBundle) newInstance(t testing.TB, name string) fleet.InstanceID {
	t.Helper()
	const insert = `INSERT INTO instances (name, engine, host, port, credential_id, host_key)
		SELECT $1, 'postgresql', 'h', 5432, id, 'h' FROM credentials RETURNING id`
	return one[fleet.InstanceID](t, b.pool, insert, name)
}

func (b *accountBundle) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// one returns the single value of a query.
func one[T any](t testing.TB, pool *pgxpool.Pool, sql string, args ...any) T {
	t.Helper()
	rows, err := pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// merge stores a snapshot as settling a record does, and fails the test when
// it cannot, or when the history is broken afterwards.
func (b *accountBundle) merge(t testing.TB, snap account.Snapshot) merged {
	t.Helper()
	m, err := b.tryMerge(t.Context(), snap)
	if err != nil {
		t.Fatal(err)
	}
	b.checkHistory(t)
	return m
}

func (b *accountBundle) tryMerge(ctx context.Context, snap account.Snapshot) (m merged, err error) {
	b.claim.Record++
	err = b.transact(ctx, func(tx pgx.Tx) error {
		if m, err = mergeAccounts(ctx, b.q.WithTx(tx), b.claim, b.instance, snap, b.rules); err != nil || m.Foreign {
			return err
		}
		if !m.KeepIdentity {
			if _, err := tx.Exec(ctx, `UPDATE instances SET identity = $2 WHERE id = $1`, b.instance, snap.Server.Identity); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `INSERT INTO last_syncs (instance_id, sync_category, record_id, session_id, synced_at, partial)
			VALUES ($1, 'account', $2, $3, clock_timestamp(), $4)
			ON CONFLICT (instance_id, sync_category) DO UPDATE SET synced_at = excluded.synced_at`,
			b.instance, b.claim.Record, b.claim.Session, m.Held)
		return err
	})
	return m, err
}

// checkHistory checks every account's versions: they begin with its creation,
// follow each other without gap or overlap, and the last one is its state.
func (b *accountBundle) checkHistory(t testing.TB) {
	t.Helper()
	broken := one[int](t, b.pool, `
		WITH v AS (
			SELECT account_id, change, valid_from, valid_to, state, valid_from = lag(valid_to) OVER w AS follows,
			       row_number() OVER w AS nr, lead(id) OVER w IS NULL AS last
			FROM account_versions WINDOW w AS (PARTITION BY account_id ORDER BY id))
		SELECT count(*) FROM v JOIN accounts a ON a.id = v.account_id
		WHERE (v.nr = 1) <> (v.change = 'created')
		   OR v.nr > 1 AND v.follows IS NOT TRUE
		   OR v.last <> (v.valid_to IS NULL)
		   OR v.last AND (v.state IS NULL) <> (a.deleted_at IS NOT NULL)
		   OR v.last AND v.state IS NOT NULL AND (v.state->>'name', v.state->'grants', v.state->'memberships', v.state->'attributes')
		      IS DISTINCT FROM (a.name, a.grants, a.memberships, a.attributes)
		   OR a.deleted_at < a.first_seen_at OR a.last_seen_at > a.deleted_at`)
	if broken != 0 {
		t.Fatalf("%d versions break the history", broken)
	}
	if without := one[int](t, b.pool, `SELECT count(*) FROM accounts a
		WHERE NOT EXISTS (SELECT FROM account_versions v WHERE v.account_id = a.id)`); without != 0 {
		t.Fatalf("%d accounts have no history", without)
	}
}

// people returns n accounts with the identities first, first+1 … that are
// members of 10 and may read a table of database app.
func people(first, n int) []account.Account {
	out := make([]account.Account, n)
	for i := range out {
		id := fmt.Sprint(first + i)
		out[i] = account.Account{
			Identity: id, Name: "p" + id, Kind: account.User, CanLogin: true,
			Attributes:  map[string]any{"connection_limit": -1, account.AttributeSettings: []string{"work_mem=4MB"}},
			Memberships: []account.Membership{{Role: "10", Grantor: "10"}},
			Grants: []account.Grant{
				{Type: "table", Database: "app", Object: "t", Privileges: []string{"SELECT"}, Grantor: "10", Source: account.Explicit},
				{Type: "database", Object: "app", Privileges: []string{"CONNECT"}, Source: account.Default},
			},
		}
	}
	return out
}

func snapshot(accounts []account.Account, gaps ...account.Gap) account.Snapshot {
	return account.Snapshot{Server: fleet.Server{Flavour: "postgresql", Version: "15.4", Identity: "S"}, Accounts: accounts, Gaps: gaps}
}

// events lists every version as "name change", in the order of their writing.
func (b *accountBundle) events(t *testing.T) []string {
	t.Helper()
	return one[[]string](t, b.pool, `SELECT COALESCE(array_agg(a.name || ' ' || v.change ORDER BY v.id), '{}')
		FROM account_versions v JOIN accounts a ON a.id = v.account_id`)
}

func (b *accountBundle) id(t testing.TB, identity string) account.ID {
	t.Helper()
	return one[account.ID](t, b.pool, `SELECT id FROM accounts WHERE instance_id = $1 AND identity = $2 AND replaced_at IS NULL`, b.instance, identity)
}

func TestMergeOfUnchangedAccountsRewritesNoRow(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	b.merge(t, snapshot(people(1, 50)))
	b.merge(t, snapshot(people(2, 49))) // one is gone and stays so
	rows := func() string {
		return one[string](t, b.pool, `SELECT string_agg(r, ' ' ORDER BY r) FROM (
			SELECT concat('a', id, ctid, xmin, xmax) AS r FROM accounts
			UNION ALL SELECT concat('v', id, ctid, xmin, xmax) FROM account_versions
			UNION ALL SELECT concat('h', id, ctid, xmin, xmax) FROM account_holds) x`)
	}
	before := rows()
	m := b.merge(t, snapshot(people(2, 49)))
	if diff := cmp.Diff(before, rows()); diff != "" {
		t.Errorf("rows were rewritten:\n%s", diff)
	}
	if diff := cmp.Diff(session.Items{Synced: 49}, m.Items); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestMergeStoresEveryEvent(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	first := b.merge(t, snapshot(people(1, 3)))
	changed := people(1, 3)
	changed[0].Superuser = true
	changed[1].Name = "renamed"
	second := b.merge(t, snapshot(changed))
	gone := b.merge(t, snapshot(changed[:2]))
	back := b.merge(t, snapshot(changed))
	want := []session.Items{{Synced: 3, Created: 3}, {Synced: 3, Updated: 2}, {Synced: 2, Deleted: 1}, {Synced: 3, Updated: 1}}
	if diff := cmp.Diff(want, []session.Items{first.Items, second.Items, gone.Items, back.Items}); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	events := []string{
		"p1 created", "renamed created", "p3 created", "p1 changed", "renamed changed", "p3 disappeared", "p3 returned",
	}
	if diff := cmp.Diff(events, b.events(t)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestMergeOfReturnedAccountSaysWhatIsOtherThanBefore(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	b.merge(t, snapshot(people(1, 3)))
	b.merge(t, snapshot(people(2, 2)))
	back := people(1, 3)
	back[0].Superuser = true
	b.merge(t, snapshot(back))
	versions, _, err := b.AccountHistory(t.Context(), b.id(t, "1"), 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := account.Diff{Fields: []account.FieldChange{{Name: "superuser", From: false, To: true}}}
	if v := versions[0]; v.Change != account.Returned || !cmp.Equal(want, v.Diff) {
		t.Errorf("got %s with %+v", v.Change, v.Diff)
	}
}

func TestMergeKeepsWhatLiesInAGap(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		gap  account.Gap
		lose func(*account.Account)
	}{
		"database":    {account.Gap{Database: "app"}, func(a *account.Account) { a.Grants = a.Grants[1:] }},
		"type":        {account.Gap{Database: "app", Type: "table"}, func(a *account.Account) { a.Grants = a.Grants[1:] }},
		"memberships": {account.Gap{Type: account.GapMemberships}, func(a *account.Account) { a.Memberships = nil }},
		"settings":    {account.Gap{Type: account.GapSettings}, func(a *account.Account) { delete(a.Attributes, account.AttributeSettings) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAccounts(t)
			b.merge(t, snapshot(people(1, 5)))
			now := people(1, 6)
			for i := range now {
				tt.lose(&now[i])
			}
			m := b.merge(t, snapshot(now[1:], tt.gap)) // 1 is gone, 6 is new
			if diff := cmp.Diff(session.Items{Synced: 5, Created: 1, Deleted: 1}, m.Items); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if m.Details["completeness"] != "partial" {
				t.Errorf("details %v", m.Details)
			}
			if m := b.merge(t, snapshot(now[1:])); m.Items.Updated != 4 {
				t.Errorf("the complete read changed %d, want 4", m.Items.Updated)
			}
		})
	}
}

func TestMergeOfIncompleteListRemovesNothing(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	b.merge(t, snapshot(people(1, 5)))
	bare := []account.Account{{Identity: "1", Name: "p1", Kind: account.User, CanLogin: true}}
	m := b.merge(t, snapshot(bare, account.Gap{Type: account.GapAccounts}))
	if diff := cmp.Diff(session.Items{Synced: 1}, m.Items); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDetailsOfManyGapsStaySmall(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	gaps := make([]account.Gap, 1000)
	for i := range gaps {
		gaps[i] = account.Gap{Database: fmt.Sprint("d", i), Code: session.CodePermission, Reason: strings.Repeat("\x00長", 4096)}
	}
	details := b.merge(t, snapshot(people(1, 1), gaps...)).Details
	if details["gap_count"] != 1000 {
		t.Errorf("%v gaps are counted", details["gap_count"])
	}
	if n := one[int](t, b.pool, `SELECT octet_length($1::jsonb::text)`, details); n > 32<<10 {
		t.Errorf("the details are %d bytes", n)
	}
}

func TestMergeStoresHostileText(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	hostile := people(1, 2)
	hostile[0].Name, hostile[1].Name = "a\x00\xff'; DROP TABLE accounts; --", strings.Repeat("長", 100)
	hostile[0].Grants[0].Object = `{"\u0000": null}` + "\x00"
	far := time.Date(200_000, 1, 1, 0, 0, 0, 0, time.UTC)
	past := time.Date(-4000, 1, 1, 0, 0, 0, 0, time.UTC)
	hostile[0].ValidUntil, hostile[1].ValidUntil = &far, &past
	b.merge(t, snapshot(hostile))
	if m := b.merge(t, snapshot(hostile)); m.Items.Updated != 0 {
		t.Error("what was stored is not what was read")
	}
	m := b.merge(t, snapshot(hostile, account.Gap{Database: "app"}))
	if m.Items.Updated != 0 {
		t.Error("the way through Postgres changes the state")
	}
}

func TestMergeRefusesAContradictionAsAWhole(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	if _, err := b.tryMerge(t.Context(), snapshot(append(people(1, 3), people(3, 1)...))); err == nil {
		t.Fatal("one identity twice was stored")
	}
	if n := one[int](t, b.pool, `SELECT count(*) FROM accounts`); n != 0 {
		t.Errorf("%d accounts are stored", n)
	}
}

func TestMergeKeepsInstancesApart(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	b.merge(t, snapshot(people(1, 3)))
	b.instance = b.newInstance(t, "orders-2")
	if m := b.merge(t, snapshot(people(2, 1))); m.Items.Created != 1 || m.Items.Deleted != 0 {
		t.Errorf("got %+v", m.Items)
	}
}

// A transaction may wait for another that began later; its now() is then older
// than what that one has written.
func TestMergeThatWaitedKeepsHistoryInOrder(t *testing.T) {
	t.Parallel()
	b := newAccounts(t)
	b.merge(t, snapshot(people(1, 3)))
	err := b.transact(t.Context(), func(tx pgx.Tx) error {
		var began time.Time
		if err := tx.QueryRow(t.Context(), `SELECT now()`).Scan(&began); err != nil {
			return err
		}
		later := people(1, 3)
		later[0].Superuser = true
		b.merge(t, snapshot(later))
		_, err := mergeAccounts(t.Context(), b.q.WithTx(tx), b.claim, b.instance, snapshot(people(2, 2)), b.rules)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.checkHistory(t)
}
