package app

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// A fault that only a driver finds is one of the configuration like any other:
// listed with the others, exit code 2, and without the password.
func TestURLThatADriverRefusesIsAFaultOfTheConfiguration(t *testing.T) {
	t.Parallel()
	const canary = "CANARY"
	for url, want := range map[string]string{
		"postgres://u:" + canary + "@h/d?sslmode=bogus":                            "sslmode",
		"postgres://u:" + canary + "@h:99999/d":                                    "port",
		"postgres://u:" + canary + "@h/d?connect_timeout=" + canary:                "",
		"postgres://u:" + canary + "@h/d?pool_max_conns=" + canary:                 "",
		"postgres://u:" + canary + "@h/d?sslmode=verify-full&sslrootcert=/nowhere": "/nowhere",
		"postgres://u@h/d?sslmode=bogus&password=" + canary:                        "sslmode",
		"postgres://u:" + canary + "@h/d?target_session_attrs=" + canary:           "",
		"postgres://u:" + canary + "@h/d?sslmode=verify-full&sslcert=/" + canary:   "",
	} {
		var out strings.Builder
		code := Main(config.Scheduler, nil, []string{
			"DBFLEET_DATABASE_URL=" + url, "DBFLEET_REDIS_URL=redis://:" + canary + "@h:6379/abc", "DBFLEET_DB_CONNS=0",
		}, io.Discard, &out)
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if code != 2 || len(lines) != 4 {
			t.Errorf("%s: exit code %d, output:\n%s", url, code, out.String())
			continue
		}
		if !strings.Contains(out.String(), "DBFLEET_DATABASE_URL: ") || !strings.Contains(out.String(), "DBFLEET_REDIS_URL: ") ||
			!strings.Contains(out.String(), want) || strings.Contains(out.String(), canary) {
			t.Errorf("%s: want %q in\n%s", url, want, out.String())
		}
	}
}

// A URL may name several servers, and all of them are ours.
func TestEveryServerOfTheDatabaseURLIsOurs(t *testing.T) {
	t.Parallel()
	c, err := parseDatabaseURL(secret.New("postgres://u:p@10.0.0.1:5432,10.0.0.2:6432/d"))
	if err != nil {
		t.Fatal(err)
	}
	got := postgresServers(c.ConnConfig)
	if want := []string{"10.0.0.1:5432", "10.0.0.2:6432"}; !slices.Equal(got, want) {
		t.Errorf("our own servers are %v, want %v", got, want)
	}
	socket, err := parseDatabaseURL(secret.New("postgres:///d?host=/run/postgresql"))
	if err != nil {
		t.Fatal(err)
	}
	if got := postgresServers(socket.ConnConfig); len(got) != 0 {
		t.Errorf("a socket in the file system counts as %v", got)
	}
}
