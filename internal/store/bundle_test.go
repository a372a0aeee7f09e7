package store_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

// bundle is a store on a database of its own, and the keys of its workers.
type bundle struct {
	*store.Store

	pool   *pgxpool.Pool
	public secret.PublicKey
	ring   secret.Keyring
}

func newBundle(t *testing.T) *bundle {
	t.Helper()
	pool := testdb.Postgres(t)
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
	return &bundle{Store: store.New(pool), pool: pool, public: key.Public(), ring: ring}
}

func (b *bundle) seal(password string) fleet.Seal {
	return func(place secret.Binding) ([]byte, error) { return b.public.Seal(place, secret.New(password)) }
}

// opened returns the password that is stored for a credential and a version.
func (b *bundle) opened(t *testing.T, id fleet.CredentialID, version int) (string, error) {
	t.Helper()
	sealed := row[[]byte](t, b, `SELECT sealed FROM credentials WHERE id = $1`, id)
	text, err := b.ring.Open(fleet.PasswordBinding(id, version), sealed)
	return text.Reveal(), err
}

func (b *bundle) credential(t *testing.T, name string) fleet.Credential {
	t.Helper()
	c, err := b.CreateCredential(t.Context(), name, "monitor", b.seal("old-password"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (b *bundle) instance(t *testing.T, in fleet.Instance) fleet.Instance {
	t.Helper()
	if in.Host == "" {
		in.Host = "DB-1.example.net"
	}
	in.Engine, in.Active = fleet.PostgreSQL, true
	in, err := b.CreateInstance(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// actions lists what the audit trail holds, oldest first.
func (b *bundle) actions(t *testing.T) string {
	t.Helper()
	return row[string](t, b, `SELECT COALESCE(string_agg(action || ' ' || object_id, ', ' ORDER BY id), '') FROM audit_events`)
}

func row[T any](t *testing.T, b *bundle, sql string, args ...any) T {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q does not hold %q", text, part)
	}
}

func pointer[T any](v T) *T { return &v }

func raw(text string) json.RawMessage { return json.RawMessage(text) }
