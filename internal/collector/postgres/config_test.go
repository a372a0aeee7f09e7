package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// sameConfig compares everything but functions.
func sameConfig() cmp.Option {
	return cmp.Options{
		cmpopts.IgnoreUnexported(pgconn.Config{}),
		cmpopts.IgnoreFields(pgconn.Config{}, "DialFunc", "LookupFunc", "BuildFrontend", "OnPgError",
			"BuildContextWatcherHandler", "TLSConfig"),
	}
}

func target() fleet.Target {
	return fleet.Target{
		Host: "db.example.com", Port: 5433, Username: "o'brien", Password: secret.New("p w' host=evil"),
		TLSMode: fleet.TLSVerifyFull, AppName: "dbfleet/1/2/3",
	}
}

func configured(t *testing.T) *pgconn.Config {
	t.Helper()
	base, err := baseConfig()
	if err != nil {
		t.Fatal(err)
	}
	config, err := configure(base, target(), fleet.Limits{}.OrDefaults(), "d b", nil)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

//nolint:paralleltest // it changes the environment, after the clean configuration is made
func TestEnvironmentChangesNothing(t *testing.T) {
	clean := configured(t)
	home := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	services := write(".pg_service.conf", "[evil]\nhost=evil,evil2\nport=1\nuser=evil\nsslmode=disable\noptions=-cfsync=off\nkrbspn=evil\n")
	passwords := write(".pgpass", "*:*:*:*:stolen\n")
	certificate := write(".postgresql/postgresql.crt", "no certificate")
	write(".postgresql/postgresql.key", "no key")
	write(".postgresql/root.crt", "no root")
	for name, value := range map[string]string{
		"HOME": home, "PGHOST": "evil", "PGPORT": "1", "PGDATABASE": "evil", "PGUSER": "evil", "PGPASSWORD": "evil",
		"PGPASSFILE": passwords, "PGAPPNAME": "evil", "PGCONNECT_TIMEOUT": "never", "PGSSLMODE": "disable",
		"PGSSLKEY": certificate, "PGSSLCERT": certificate, "PGSSLCERTMODE": "", "PGSSLSNI": "0", "PGSSLROOTCERT": certificate,
		"PGSSLPASSWORD": "evil", "PGSSLNEGOTIATION": "direct", "PGTARGETSESSIONATTRS": "read-write",
		"PGSERVICE": "evil", "PGSERVICEFILE": services, "PGTZ": "Mars/Olympus", "PGOPTIONS": "-c search_path=evil",
		"PGMINPROTOCOLVERSION": "3.2", "PGMAXPROTOCOLVERSION": "9", "PGCHANNELBINDING": "disable", "PGREQUIREAUTH": "none",
	} {
		t.Setenv(name, value)
	}
	hostile := configured(t)
	if diff := cmp.Diff(clean, hostile, sameConfig()); diff != "" {
		t.Errorf("the environment has changed the configuration (-clean +hostile):\n%s", diff)
	}
	if hostile.TLSConfig == nil || hostile.TLSConfig.InsecureSkipVerify || hostile.TLSConfig.RootCAs != nil ||
		len(hostile.TLSConfig.Certificates) > 0 {
		t.Errorf("the environment has changed TLS: %+v", hostile.TLSConfig)
	}
}

func TestServiceThatCannotBeFoundIsNamed(t *testing.T) {
	t.Setenv("PGSERVICE", "absent")
	t.Setenv("PGSERVICEFILE", filepath.Join(t.TempDir(), "absent"))
	_, err := New(&netguard.Dialer{}, nil)
	if err == nil || !strings.Contains(err.Error(), "PGSERVICE") {
		t.Errorf("error %v does not name the variable", err)
	}
}

func TestConfigHoldsWhatTheTargetSays(t *testing.T) {
	t.Parallel()
	config := configured(t)
	want := []any{"db.example.com", uint16(5433), "d b", "o'brien", "p w' host=evil", 0}
	got := []any{config.Host, config.Port, config.Database, config.User, config.Password, len(config.Fallbacks)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if config.TLSConfig.ServerName != "db.example.com" {
		t.Errorf("server name %q", config.TLSConfig.ServerName)
	}
	if config.RuntimeParams["application_name"] != "dbfleet/1/2/3" {
		t.Errorf("settings %v", config.RuntimeParams)
	}
}

func TestSessionIsReadOnlyAndLimited(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"application_name": "dbfleet/1/2/3", "client_encoding": "UTF8", "default_transaction_read_only": "on",
		"idle_in_transaction_session_timeout": "60000", "lock_timeout": "2000", "search_path": "pg_catalog",
		"statement_timeout": "54000",
	}
	if diff := cmp.Diff(want, configured(t).RuntimeParams); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func FuzzTargetNeverChangesWhereItConnects(f *testing.F) {
	f.Add("db.example.com", "user", "password", "database")
	f.Add("a,b", "u'", "x host=y", "postgres://h/d?sslmode=disable")
	base, err := baseConfig()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, host, user, password, database string) {
		target := target()
		target.Host, target.Username, target.Password = host, user, secret.New(password)
		config, err := configure(base, target, fleet.Limits{}.OrDefaults(), database, nil)
		if err != nil {
			t.Fatal(err)
		}
		if config.Host != host || config.User != user || config.Password != password || config.Database != database ||
			config.Port != 5433 || len(config.Fallbacks) != 0 || config.TLSConfig.InsecureSkipVerify {
			t.Errorf("%q became %q", []string{host, user, database}, []string{config.Host, config.User, config.Database})
		}
	})
}
