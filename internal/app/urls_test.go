package app

import (
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/config"
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
		code := Main(config.Scheduler, []string{
			"DBFLEET_DATABASE_URL=" + url, "DBFLEET_REDIS_URL=redis://:" + canary + "@h:6379/abc", "DBFLEET_DB_CONNS=0",
		}, &out)
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
