package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/collector/mysql/mysqltest"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/runner"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

// storedMariaDB is a MariaDB and what DBFleet stores about it: read by the account
// of the documentation and stored by the worker's job, in this process.
type storedMariaDB struct {
	*localsvc.MariaDB
	pool     *pgxpool.Pool
	store    *store.Store
	job      runner.Accounts
	worker   session.WorkerID
	instance fleet.InstanceID
}

// newStoredMariaDB loads the fleet and the hostile accounts.
func newStoredMariaDB(t *testing.T) *storedMariaDB {
	t.Helper()
	s := &storedMariaDB{MariaDB: testdb.MariaDB(t, localsvc.MariaDBOptions{}), worker: uuid.New()}
	if err := testdb.LoadFleetMariaDB(t.Context(), s.MariaDB); err != nil {
		t.Fatal(err)
	}
	s.run(t, "DROP DATABASE dbfleet") // the documentation makes it, too
	s.run(t, documented(t)...)
	s.run(t, hostileMariaDB()...)
	_, url := testdb.Server(t, localsvc.PostgresOptions{})
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s.pool, s.store = pool, store.New(pool)
	s.store.Serves = session.Serves{session.Account: {fleet.MySQL}}
	policy, err := netguard.ParsePolicy("127.0.0.0/8:*")
	if err != nil {
		t.Fatal(err)
	}
	s.job = runner.Accounts{
		Reader: mysql.New(&netguard.Dialer{Policy: policy}, nil), Store: s.store, Log: slog.New(slog.DiscardHandler),
	}
	s.register(t)
	return s
}

// register adds the server to the inventory, and a worker.
func (s *storedMariaDB) register(t *testing.T) {
	t.Helper()
	for _, insert := range []struct {
		sql  string
		args []any
	}{
		{"INSERT INTO credentials (name, username, sealed, key_id) VALUES ('c', $1, '', 'k')", []any{targetUser}},
		{`INSERT INTO instances (name, engine, host, port, credential_id, tls_mode, host_key)
			SELECT 'maria', 'mysql', '127.0.0.1', $1, id, 'disable', 'h' FROM credentials`, []any{s.Port()}},
		{`INSERT INTO workers (id, hostname, pid, version, queues, concurrency, lease_until)
			VALUES ($1, 'h', 1, 'test', '{account}', 4, now() + interval '1 hour')`, []any{s.worker}},
	} {
		if _, err := s.pool.Exec(t.Context(), insert.sql, insert.args...); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.pool.QueryRow(t.Context(), "SELECT id FROM instances").Scan(&s.instance); err != nil {
		t.Fatal(err)
	}
}

// run runs statements on the target as its superuser, on one connection.
func (s *storedMariaDB) run(t *testing.T, statements ...string) {
	t.Helper()
	if err := s.Exec(t.Context(), "", statements...); err != nil {
		t.Fatal(err)
	}
}

func (s *storedMariaDB) lines(t *testing.T, query string) []string {
	t.Helper()
	all, err := s.Lines(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// sync reads and stores the server once, and allows no gap.
func (s *storedMariaDB) sync(t *testing.T) runner.Report {
	t.Helper()
	by := int64(0)
	one, _, err := s.store.CreateSession(t.Context(), session.Request{
		Category: session.Account, Selector: session.Selector{All: true}, CreatedBy: &by,
	})
	if err != nil {
		t.Fatal(err)
	}
	tickets, _, err := s.store.Dispatch(t.Context(), 1)
	if err != nil || len(tickets) != 1 {
		t.Fatalf("%d tickets, %v", len(tickets), err)
	}
	work, err := s.store.Claim(t.Context(), tickets[0], s.worker, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	work.Target.Password = secret.New(targetPassword)
	report, err := s.job.Run(t.Context(), runner.Task{Work: work, Settings: setting.Defaults(), Answered: func(context.Context) {}})
	if err != nil || report.Partial {
		t.Fatalf("sync: %v, %+v", err, report)
	}
	if _, err := s.store.FinishSession(t.Context(), one.ID); err != nil {
		t.Fatal(err)
	}
	return report
}

// accounts returns what is stored.
func (s *storedMariaDB) accounts(t *testing.T) []account.Account {
	t.Helper()
	list, next, err := s.store.ListAccounts(t.Context(), account.Filter{Instance: &s.instance}, 1000, account.Cursor{})
	if err != nil || next != (account.Cursor{}) {
		t.Fatalf("list accounts: %v, more after %v", err, next)
	}
	all := make([]account.Account, len(list))
	for i, l := range list {
		detail, err := s.store.Account(t.Context(), l.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = detail.Account
	}
	return all
}

// versions returns what happened to which account since the version after, and the
// last version.
func (s *storedMariaDB) versions(t *testing.T, after int64) (changes []string, last int64) {
	t.Helper()
	rows, err := s.pool.Query(t.Context(), `SELECT v.id, v.change || ' ' || a.identity
		FROM account_versions v JOIN accounts a ON a.id = v.account_id WHERE v.id > $1 ORDER BY 2`, after)
	if err != nil {
		t.Fatal(err)
	}
	last = after
	var id int64
	var change string
	_, err = pgx.ForEachRow(rows, []any{&id, &change}, func() error {
		changes, last = append(changes, change), max(last, id)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return changes, last
}

// SHOW GRANTS and SHOW CREATE USER, which root asks for every account and role,
// tell what is stored, no more and no less.
func TestStoredMariaDBIsWhatItsRootIsTold(t *testing.T) {
	t.Parallel()
	s := newStoredMariaDB(t)
	s.sync(t)
	stored := s.accounts(t)
	var names []string
	for _, a := range stored {
		names = append(names, a.Host+"|"+a.Name)
		checkStored(t, s, a)
	}
	slices.Sort(names)
	want := s.lines(t, "SELECT concat(Host, '|', User) FROM mysql.global_priv")
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("accounts\n%q, the server has\n%q", names, want)
	}
	checkNoHashes(t, s)
}

// checkNoHashes looks for every hash of the server in all that was stored.
func checkNoHashes(t *testing.T, s *storedMariaDB) {
	t.Helper()
	hashes := s.lines(t, "SELECT substr(JSON_VALUE(Priv, '$.authentication_string'), 2) FROM mysql.global_priv "+
		"WHERE length(JSON_VALUE(Priv, '$.authentication_string')) = 41")
	const stored = `SELECT count(*) FROM (SELECT a::text AS line FROM accounts a UNION ALL SELECT v::text FROM account_versions v
		UNION ALL SELECT r::text FROM sync_instance_records r) l WHERE line ILIKE '%' || $1 || '%'`
	for _, hash := range hashes {
		var n int
		if err := s.pool.QueryRow(t.Context(), stored, hash).Scan(&n); err != nil || n > 0 {
			t.Errorf("a hash is stored in %d rows, %v", n, err)
		}
	}
	if len(hashes) < 50 {
		t.Errorf("%d hashes on the server", len(hashes))
	}
}

func checkStored(t *testing.T, s *storedMariaDB, a account.Account) {
	t.Helper()
	want, err := mysqltest.Shown(a, s.lines(t, "SHOW GRANTS FOR "+mysqltest.Grantee(a)))
	if err != nil {
		t.Fatal(err)
	}
	if got := mysqltest.Told(a); !slices.Equal(got, want) {
		t.Errorf("%s has\n%q, the server says\n%q", a.Identity, got, want)
	}
	row := " FROM mysql.global_priv WHERE Host = " + mysqltest.Text(a.Host) + " AND User = " + mysqltest.Text(a.Name)
	isRole := s.lines(t, "SELECT coalesce(JSON_VALUE(Priv, '$.is_role'), 0)"+row)[0] == "1"
	if isRole != (a.Kind != account.User) {
		t.Errorf("%s is a %s", a.Identity, a.Kind)
	}
	if isRole {
		if told := mysqltest.ToldAttributes(a); len(told) > 0 || a.CanLogin {
			t.Errorf("role %s has %q, login %t", a.Identity, told, a.CanLogin)
		}
		return
	}
	want, err = mysqltest.ShownAttributes(s.lines(t, "SHOW CREATE USER "+mysqltest.Grantee(a))[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := mysqltest.ToldAttributes(a); !slices.Equal(got, want) {
		t.Errorf("%s is %q, the server says %q", a.Identity, got, want)
	}
	if a.CanLogin == slices.Contains(want, "locked=true") {
		t.Errorf("%s: login %t", a.Identity, a.CanLogin)
	}
	age := s.lines(t, "SELECT coalesce(date_format(from_unixtime(nullif(JSON_VALUE(Priv, '$.password_last_changed'), 0)), '%Y-%m-%dT%TZ'), '')"+row)[0]
	if got := fmt.Sprint(a.Attributes["password_last_changed"]); got != age && (age != "" || got != "<nil>") {
		t.Errorf("%s: password of %s, want %s", a.Identity, got, age)
	}
}
