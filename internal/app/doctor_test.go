package app

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dbfleet/dbfleet/internal/doctor"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

// clinic is an installation in which all is well.
type clinic struct {
	pool *pgxpool.Pool
	env  map[string]string
	key  secret.PrivateKey
}

func newClinic(t *testing.T, redis *localsvc.Redis) *clinic {
	t.Helper()
	key, err := secret.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	c := &clinic{pool: testdb.Postgres(t), key: key}
	c.env = map[string]string{
		"DBFLEET_DATABASE_URL": c.pool.Config().ConnString(), "DBFLEET_REDIS_URL": redis.URL(),
		"DBFLEET_PUBLIC_KEY": key.Public().String(), "DBFLEET_PRIVATE_KEY_FILE": keyFile(t, key),
		"DBFLEET_TARGET_ALLOW": "10.0.0.0/8:5432",
	}
	c.sql(t, `INSERT INTO credentials (name, username, sealed, key_id) VALUES ('one', 'u', '\x00', '`+string(key.Public().ID())+`')`)
	c.sql(t, `INSERT INTO instances (name, engine, host, port, credential_id, host_key) VALUES ('db1', 'postgresql', '10.1.2.3', 5432, 1, 'h')`)
	c.sql(t, `INSERT INTO workers (id, hostname, pid, version, queues, concurrency, lease_until)
		VALUES (gen_random_uuid(), 'sync-1', 42, 'v', '{account}', 8, now() + interval '1 h')`)
	c.sql(t, `INSERT INTO leases (name, holder, lease_until) VALUES ('census', gen_random_uuid(), now() + interval '1 h')`)
	return c
}

func keyFile(t *testing.T, key secret.PrivateKey) string {
	t.Helper()
	line, err := key.Line()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(line.Reveal()+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	return path
}

func (c *clinic) sql(t *testing.T, statement string) {
	t.Helper()
	if _, err := c.pool.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// examine returns the findings that are not ok, as "verdict check: found".
func (c *clinic) examine(t *testing.T) (bad []string, all []doctor.Finding) {
	t.Helper()
	var environ []string
	for name, value := range c.env {
		environ = append(environ, name+"="+value)
	}
	all, err := Local{Environ: environ}.Doctor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.Verdict != doctor.OK {
			bad = append(bad, string(f.Verdict)+" "+f.Check+": "+f.Found)
		}
		if (f.Advice == "") != (f.Verdict == doctor.OK) || strings.ContainsAny(f.Found+f.Advice, "\n\r") {
			t.Errorf("an advice is missing or unasked for, or takes two lines: %+v", f)
		}
	}
	return bad, all
}

func TestDoctorFindsAHealthyInstallationWell(t *testing.T) {
	t.Parallel()
	bad, all := newClinic(t, testdb.Redis(t)).examine(t)
	if len(bad) > 0 || len(all) < 25 {
		t.Errorf("%d findings, not well: %q", len(all), bad)
	}
}

const overdueSession = `INSERT INTO sync_sessions (session_id, sync_type, deadline_at) VALUES (gen_random_uuid(), 'manual_batch', now() - interval '1 h')`

const aSchedule = `INSERT INTO schedules (name, cron, time_zone, sync_category, selector, overlap, catch_up, created_by, paused_at, next_fire_at) VALUES `

const aRecord = overdueSession + `; UPDATE sync_sessions SET deadline_at = now() + interval '1 h', total_instances = 1;
	INSERT INTO sync_instance_records (session_id, instance_id, instance_name, host_key, credential_id, due_at)
	SELECT session_id, 1, 'db1', 'h', 1, now() - interval '1 h' FROM sync_sessions`

func TestDoctorFindsWhatIsWrongInTheDatabase(t *testing.T) {
	t.Parallel()
	redis := testdb.Redis(t)
	for want, damage := range map[string]string{
		"fail postgres_writable: ":                      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`,
		"warn postgres_connections:":                    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 5', current_database()); END $$`,
		"fail migrations: the schema has version 99999": `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`,
		"fail migrations: the schema has version 1 ":    `DELETE FROM goose_db_version WHERE version_id > 1`,
		"fail migrations: the schema has version 0 ":    `DROP TABLE goose_db_version`,
		"fail invariants: 1 broken: account 1 has no version": `INSERT INTO accounts (instance_id, identity, name, kind, attributes, memberships, grants, hash, first_seen_at, last_seen_at, deleted_at)
			VALUES (1, 'x', 'x', 'user', '{}', '[]', '[]', sha256('x'), now(), NULL, NULL)`,
		"warn workers: none is alive":                `UPDATE workers SET lease_until = now() - interval '1 s'`,
		"fail workers: none is alive, and 1 records": `DELETE FROM workers;` + aRecord,
		"warn queues: no live worker serves account": `UPDATE workers SET queues = '{other}'`,
		"fail queues: records wait":                  `UPDATE workers SET queues = '{other}';` + aRecord,
		"warn oldest_due: ":                          aRecord,
		"warn schedulers: ":                          `DELETE FROM leases`,
		"fail schedulers: none has reported within the last minute, and 1 schedules": `UPDATE leases SET lease_until = now();` + aSchedule +
			`('s', '0 2 * * *', 'UTC', 'account', '{}', 'skip', 'skip', 1, NULL, now())`,
		"fail sessions: 1 are open": overdueSession,
		"fail schedules: paused by a fault: nightly": aSchedule + `('nightly', '0 2 * * *', 'UTC', 'account', '{}', 'skip', 'skip', 1, now(), NULL);
			INSERT INTO schedule_fires (schedule_id, fire_time, trigger, outcome, created_at) SELECT id, now(), 'cron', 'failed', paused_at FROM schedules`,
		"warn schedules: missed a time or failed within 24h0m0s: nightly": aSchedule + `('nightly', '0 2 * * *', 'UTC', 'account', '{}', 'skip', 'skip', 1, NULL, now());
			INSERT INTO schedule_fires (schedule_id, fire_time, trigger, outcome, missed_count) SELECT id, now(), 'cron', 'missed', 1 FROM schedules`,
		"warn tls: of 1 active instances 1 have tls_mode require": `UPDATE instances SET tls_mode = 'require'`,
		"warn holds: 1 wait": `INSERT INTO account_holds (instance_id, reason, fingerprint, times_seen, known_count, missing_count, record_id, session_id)
			VALUES (1, 'mass_disappearance', '\x00', 1, 100, 90, 1, gen_random_uuid())`,
		"fail credentials: 1 of 1 are sealed for keys that the private key file lacks: lost": `UPDATE credentials SET key_id = 'lost'`,
		"fail addresses: 1 active instances are not allowed: db1":                            `UPDATE instances SET host = '192.168.1.1'`,
		"warn addresses: the names of 1":                                                     `UPDATE instances SET host = 'no-such-host.invalid'`,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			c := newClinic(t, redis)
			c.sql(t, damage)
			bad, _ := c.examine(t)
			if !slices.ContainsFunc(bad, func(line string) bool { return strings.HasPrefix(line, want) }) {
				t.Errorf("found %q", bad)
			}
		})
	}
}

func TestDoctorFindsWhatIsWrongInTheEnvironment(t *testing.T) {
	t.Parallel()
	redis := testdb.Redis(t)
	evicting := testdb.RedisWith(t, localsvc.RedisOptions{Args: []string{"--maxmemory-policy", "allkeys-lru"}})
	silent := testdb.RedisWith(t, localsvc.RedisOptions{Args: []string{"--rename-command", "CONFIG", "HIDDEN"}})
	stranger, err := secret.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	open := keyFile(t, stranger)
	if err := os.Chmod(open, 0o440); err != nil {
		t.Fatal(err)
	}
	const canary = "CANARY"
	for want, change := range map[string]map[string]string{
		"fail configuration: DBFLEET_TYPO: is not a variable":              {"DBFLEET_TYPO": "1"},
		"fail configuration: DBFLEET_TARGET_ALLOW: entry":                  {"DBFLEET_TARGET_ALLOW": "10.0.0.0/8"},
		"fail configuration: DBFLEET_CONCURRENCY: ":                        {"DBFLEET_CONCURRENCY": "many"},
		"fail configuration: DBFLEET_PRIVATE_KEY_FILE: cannot be read":     {"DBFLEET_PRIVATE_KEY_FILE": "/nowhere"},
		"fail configuration: DBFLEET_DATABASE_URL: must be set":            {"DBFLEET_DATABASE_URL": ""},
		"warn postgres: not looked at":                                     {"DBFLEET_DATABASE_URL": "mysql://u:" + canary + "@h/d"},
		"warn redis: not looked at":                                        {"DBFLEET_REDIS_URL": "redis://:" + canary + "@h:6379/abc"},
		"fail postgres: cannot be reached: connection refused":             {"DBFLEET_DATABASE_URL": "postgres://u:" + canary + "@127.0.0.1:1/d"},
		"fail postgres: cannot be reached: password authentication failed": {"DBFLEET_DATABASE_URL": "wrong password"},
		"fail redis: cannot be reached: connection refused":                {"DBFLEET_REDIS_URL": "redis://:" + canary + "@127.0.0.1:1/0"},
		"fail redis: cannot be reached: WRONGPASS":                         {"DBFLEET_REDIS_URL": "redis://:" + canary + "@" + redis.Addr() + "/0"},
		"fail redis_eviction: maxmemory-policy is allkeys-lru":             {"DBFLEET_REDIS_URL": evicting.URL()},
		"warn redis_eviction: the server does not tell":                    {"DBFLEET_REDIS_URL": silent.URL()},
		"fail key_pair: DBFLEET_PUBLIC_KEY":                                {"DBFLEET_PUBLIC_KEY": stranger.Public().String()},
		"warn key_file: the private key file is open to more":              {"DBFLEET_PRIVATE_KEY_FILE": open},
		"warn postgres_connections: ":                                      {"DBFLEET_DB_CONNS": "900"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			c := newClinic(t, redis)
			maps.Copy(c.env, change)
			if c.env["DBFLEET_DATABASE_URL"] == "wrong password" {
				from := c.pool.Config().ConnConfig
				c.env["DBFLEET_DATABASE_URL"] = strings.Replace(c.pool.Config().ConnString(), from.Password, canary, 1)
			}
			bad, all := c.examine(t)
			if !slices.ContainsFunc(bad, func(line string) bool { return strings.HasPrefix(line, want) }) {
				t.Errorf("found %q", bad)
			}
			for _, f := range all {
				if strings.Contains(f.Found+f.Advice, canary) {
					t.Errorf("a password is shown: %+v", f)
				}
			}
		})
	}
}

func TestDoctorFindsADatabaseOfAnotherEncoding(t *testing.T) {
	t.Parallel()
	server := testdb.Target(t, localsvc.PostgresOptions{})
	c := newClinic(t, testdb.Redis(t))
	other, err := pgxpool.New(t.Context(), server.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Exec(t.Context(), `CREATE DATABASE old TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'`); err != nil {
		t.Fatal(err)
	}
	c.env["DBFLEET_DATABASE_URL"] = server.URL("old")
	bad, _ := c.examine(t)
	for _, want := range []string{"fail postgres_encoding: SQL_ASCII", "fail migrations: "} {
		if !slices.ContainsFunc(bad, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("found %q, want %q", bad, want)
		}
	}
}
