package livepg

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector/postgres"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/runner"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/setting"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/telemetry"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

const (
	minimalUser     = "dbfleet"
	minimalPassword = "Minimal-Pa55word"
	hostLimit       = 10 // records of one host at a time
	readLimit       = time.Minute
)

// A site is one target, and DBFleet's own database with the runner of a worker
// that reads it.
type site struct {
	*store.Store

	target   *localsvc.Postgres
	pool     *pgxpool.Pool
	run      *runner.Runner
	instance fleet.InstanceID
}

// newSite starts an empty target with the documented account.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{target: testdb.Target(t, localsvc.PostgresOptions{}), pool: testdb.Postgres(t)}
	s.Store = store.New(s.pool)
	s.Serves = session.Serves{session.Account: {fleet.PostgreSQL}}
	s.exec(t, "", documented(t))
	keys := s.register(t)
	s.run = runner.New(runner.Config{
		Store: s.Store, Keys: keys, Settings: func(context.Context) (setting.Settings, error) { return setting.Defaults(), nil },
		Jobs:   map[runner.Kind]runner.Job{{Engine: fleet.PostgreSQL, Category: session.Account}: s.job(t)},
		Worker: s.worker(t), Ended: func(session.ID) {}, Concurrency: 1,
		Metrics: telemetry.New(), Log: slog.New(slog.DiscardHandler),
	})
	return s
}

// documented returns the statement that the engine's page has for the account,
// with the tests' password. CONNECT is granted where a database is closed.
func documented(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/engines/postgresql.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```sql\n")
	create, _, found := strings.Cut(rest, ";\n")
	if !found || !strings.HasPrefix(create, "CREATE ROLE "+minimalUser) {
		t.Fatalf("the page begins with %q", create)
	}
	return strings.Replace(create, "'…'", "'"+minimalPassword+"'", 1)
}

// register stores the target as an instance and returns the worker's keys.
func (s *site) register(t *testing.T) secret.Keyring {
	t.Helper()
	key, err := secret.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	line, err := key.Line()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := secret.ParseKeyring([]byte(line.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.CreateCredential(t.Context(), "minimal", minimalUser, func(place secret.Binding) ([]byte, error) {
		return key.Public().Seal(place, secret.New(minimalPassword))
	})
	if err != nil {
		t.Fatal(err)
	}
	in, err := s.CreateInstance(t.Context(), fleet.Instance{
		Name: "target", Engine: fleet.PostgreSQL, Host: s.target.Host(), Port: s.target.Port(),
		CredentialID: c.ID, TLSMode: fleet.TLSDisable, Active: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.instance = in.ID
	return ring
}

func (s *site) job(t *testing.T) runner.Accounts {
	t.Helper()
	policy, err := netguard.ParsePolicy("127.0.0.0/8:*")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := postgres.New(&netguard.Dialer{Policy: policy}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return runner.Accounts{Reader: reader, Store: s.Store, Log: slog.New(slog.DiscardHandler)}
}

// worker registers a worker whose lease outlives the test.
func (s *site) worker(t *testing.T) func() session.WorkerID {
	t.Helper()
	id := uuid.New()
	_, err := s.pool.Exec(t.Context(), `INSERT INTO workers (id, hostname, pid, version, queues, concurrency, lease_until)
		VALUES ($1, 'host', 1, 'test', '{account}', 1, now() + interval '1 hour')`, id)
	if err != nil {
		t.Fatal(err)
	}
	return func() session.WorkerID { return id }
}

// sync reads the target and stores it, completely, or fails the test.
func (s *site) sync(t *testing.T) session.Items {
	t.Helper()
	by := int64(1)
	created, _, err := s.CreateSession(t.Context(), session.Request{
		Category: session.Account, Selector: session.Selector{IDs: []fleet.InstanceID{s.instance}}, CreatedBy: &by,
	})
	if err != nil {
		t.Fatal(err)
	}
	tickets, _, err := s.Dispatch(t.Context(), hostLimit)
	if err != nil || len(tickets) != 1 {
		t.Fatalf("dispatched %v: %v", tickets, err)
	}
	s.run.Handle(t.Context(), tickets[0])
	records, _, err := s.Records(t.Context(), created.ID, session.RecordFilter{}, session.Page{Limit: 2})
	if err != nil || len(records) != 1 {
		t.Fatalf("records %v: %v", records, err)
	}
	if r := records[0]; r.Status != session.RecordCompleted || r.Partial {
		t.Fatalf("the read is %s, partial %v: %+v, %s", r.Status, r.Partial, r.Fault, r.Details)
	}
	if _, err := s.FinishSession(t.Context(), created.ID); err != nil {
		t.Fatal(err)
	}
	return records[0].Items
}

// stored returns every living account as the store gives it.
func (s *site) stored(t *testing.T) []account.Detail {
	t.Helper()
	const most = 1000
	list, next, err := s.ListAccounts(t.Context(), account.Filter{Instance: &s.instance}, most, account.Cursor{})
	if err != nil || next != (account.Cursor{}) {
		t.Fatalf("list accounts up to %v: %v", next, err)
	}
	all := make([]account.Detail, len(list))
	for i, a := range list {
		if all[i], err = s.Account(t.Context(), a.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// connect opens a connection of the target's superuser that ends with the test.
func (s *site) connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	u, err := url.Parse(s.target.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		t.Fatal(err)
	}
	if database != "" {
		config.Database = database // may hold what a URL would not
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// exec runs statements on the target as its superuser.
func (s *site) exec(t *testing.T, database string, statements ...string) {
	t.Helper()
	conn := s.connect(t, database)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%.200s: %v", statement, err)
		}
	}
}

// ask returns the first column of each row, as the target's superuser sees it.
func (s *site) ask(t *testing.T, database, query string) []string {
	t.Helper()
	conn := s.connect(t, database)
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}
