package config_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/logging"
	"github.com/dbfleet/dbfleet/internal/secret"
)

const canary = "CANARY-51c0"

// environ is an environment that every role accepts.
type environ map[string]string

func newEnviron(tb testing.TB) environ {
	tb.Helper()
	key, err := secret.NewPrivateKey()
	if err != nil {
		tb.Fatal(err)
	}
	line, err := key.Line()
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(tb.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(line.Reveal()), 0o600); err != nil {
		tb.Fatal(err)
	}
	return environ{
		"DBFLEET_DATABASE_URL":     "postgres://u:" + canary + "@db:5432/dbfleet",
		"DBFLEET_REDIS_URL":        "redis://:" + canary + "@cache:6379/0",
		"DBFLEET_PUBLIC_KEY":       key.Public().String(),
		"DBFLEET_PRIVATE_KEY_FILE": path,
		"DBFLEET_TARGET_ALLOW":     "10.0.0.0/8:5432",
	}
}

func (e environ) with(name, value string) environ {
	c := environ{}
	for k, v := range e {
		c[k] = v
	}
	c[name] = value
	return c
}

func (e environ) list() []string {
	all := []string{"PATH=/bin", "HOME="}
	for k, v := range e {
		all = append(all, k+"="+v)
	}
	return all
}

func load(tb testing.TB, role config.Role, e environ) config.Config {
	tb.Helper()
	c, err := config.Load(role, e.list())
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// faults returns "variable: reason" lines, sorted.
func faults(err error) []string {
	var all []string
	for _, e := range invalid.All(err) {
		all = append(all, e.Error())
	}
	slices.Sort(all)
	return all
}

func TestDefaultsOfEachRole(t *testing.T) {
	t.Parallel()
	e := newEnviron(t)
	api, worker, scheduler := load(t, config.API, e), load(t, config.Worker, e), load(t, config.Scheduler, e)
	type figures struct {
		Conns, Concurrency, Fetchers int
		Monitor, HTTP                string
		Format                       logging.Format
		Drain                        time.Duration
		Level                        slog.Level
	}
	of := func(c config.Config) figures {
		return figures{c.DBConns, c.Concurrency, c.Fetchers, c.MonitorAddr, c.HTTPAddr, c.LogFormat, c.DrainTimeout, c.LogLevel}
	}
	for name, tt := range map[string]struct{ got, want figures }{
		"api":       {of(api), figures{16, 0, 0, "127.0.0.1:8081", "127.0.0.1:8080", "auto", 30 * time.Second, slog.LevelInfo}},
		"worker":    {of(worker), figures{4, 64, 4, "127.0.0.1:0", "", "auto", 30 * time.Second, slog.LevelInfo}},
		"scheduler": {of(scheduler), figures{4, 0, 0, "127.0.0.1:0", "", "auto", 0, slog.LevelInfo}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := strings.Join(worker.Categories, ","); got != "account,capacity,config,aggregation,other" {
		t.Errorf("categories = %s", got)
	}
	if worker.DatabaseURL.Reveal() != e["DBFLEET_DATABASE_URL"] || worker.RedisURL.Reveal() != e["DBFLEET_REDIS_URL"] {
		t.Error("URLs are not those given")
	}
	for name, c := range map[string]config.Config{"worker": worker, "api": api} {
		if err := c.TargetAllow.Check(netip.MustParseAddrPort("10.0.0.1:5432")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOnlyTheWorkerCanOpenAndOnlyTheAPISeals(t *testing.T) {
	t.Parallel()
	e := newEnviron(t)
	api, worker, scheduler := load(t, config.API, e), load(t, config.Worker, e), load(t, config.Scheduler, e)
	if len(api.Keys.IDs())+len(scheduler.Keys.IDs()) != 0 || len(worker.Keys.IDs()) != 1 {
		t.Error("private keys are with the wrong process")
	}
	if api.PublicKey.ID() != worker.Keys.IDs()[0] || !scheduler.PublicKey.IsZero() {
		t.Error("the public key is not the one given")
	}
}

func TestSetValuesAreTaken(t *testing.T) {
	t.Parallel()
	e := newEnviron(t).with("DBFLEET_CONCURRENCY", "256").with("DBFLEET_FETCHERS", "8").with("DBFLEET_QUEUES", "account, other").
		with("DBFLEET_DB_CONNS", "2").with("DBFLEET_MONITOR_ADDR", ":9000").with("DBFLEET_HTTP_ADDR", "[::1]:80").
		with("DBFLEET_LOG_LEVEL", "debug").with("DBFLEET_LOG_FORMAT", "json").with("DBFLEET_DRAIN_TIMEOUT", "1m").
		with("DBFLEET_TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8").with("DBFLEET_TEST_ANYTHING", "1").
		with("DBFLEET_REDIS_URL", "redis-sentinel://:pw@a:26379,b:26379?master=m")
	w, a := load(t, config.Worker, e), load(t, config.API, e)
	if w.Concurrency != 256 || w.Fetchers != 8 || strings.Join(w.Categories, ",") != "account,other" || w.DBConns != 2 {
		t.Errorf("worker: %+v", w)
	}
	if a.MonitorAddr != ":9000" || a.HTTPAddr != "[::1]:80" || len(a.TrustedProxies) != 2 || a.DrainTimeout != time.Minute {
		t.Errorf("api: %+v", a)
	}
	if w.LogLevel != slog.LevelDebug || w.LogFormat != logging.JSON {
		t.Errorf("log: %v %v", w.LogLevel, w.LogFormat)
	}
	if few := load(t, config.Worker, newEnviron(t).with("DBFLEET_CONCURRENCY", "2")); few.Fetchers != 2 {
		t.Errorf("fetchers = %d for a concurrency of 2", few.Fetchers)
	}
}

func TestEveryMissingVariableIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	for role, want := range map[config.Role][]string{
		config.API:       {"DBFLEET_DATABASE_URL", "DBFLEET_PUBLIC_KEY", "DBFLEET_REDIS_URL", "DBFLEET_TARGET_ALLOW"},
		config.Worker:    {"DBFLEET_DATABASE_URL", "DBFLEET_PRIVATE_KEY_FILE", "DBFLEET_REDIS_URL", "DBFLEET_TARGET_ALLOW"},
		config.Scheduler: {"DBFLEET_DATABASE_URL", "DBFLEET_REDIS_URL"},
		"clerk":          {"DBFLEET_DATABASE_URL", "DBFLEET_REDIS_URL", "role"},
	} {
		_, err := config.Load(role, []string{"DBFLEET_TARGET_ALLOW= "})
		var got []string
		for _, f := range faults(err) {
			name, _, _ := strings.Cut(f, ":")
			got = append(got, name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", role, diff)
		}
	}
}

func TestFaultsNameTheVariableAndHideTheValue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		role              config.Role
		name, value, want string
	}{
		{config.API, "DBFLEET_DATABASE_URL", "postgres://u:" + canary + "%zz@db/x", "is not a URL"},
		{config.API, "DBFLEET_DATABASE_URL", "mysql://u:" + canary + "@db/x", "start with postgres://"},
		{config.API, "DBFLEET_DATABASE_URL", "host=db password=" + canary, "start with postgres://"},
		{config.API, "DBFLEET_DATABASE_URL", "postgres://u:" + canary + "@db", "no database"},
		{config.API, "DBFLEET_DATABASE_URL", "postgres:///x?password=" + canary, "no host"},
		{config.API, "DBFLEET_REDIS_URL", "http://u:" + canary + "@db", "start with redis://"},
		{config.API, "DBFLEET_REDIS_URL", "redis:///0?p=" + canary, "no host"},
		{config.API, "DBFLEET_PUBLIC_KEY", "dbfleet-key-1:" + canary, "start with dbfleet-pub-1:"},
		{config.Worker, "DBFLEET_PRIVATE_KEY_FILE", "/nonexistent/keys", "cannot be read"},
		{config.Worker, "DBFLEET_TARGET_ALLOW", "10.0.0.0/8", "needs ports"},
		{config.API, "DBFLEET_TARGET_ALLOW", "10.0.0.0/8:x,y", "; entry \"y\""},
		{config.Worker, "DBFLEET_CONCURRENCY", "0", "1 to 4096"},
		{config.Worker, "DBFLEET_CONCURRENCY", "4097", "1 to 4096"},
		{config.Worker, "DBFLEET_CONCURRENCY", "many", "1 to 4096"},
		{config.Worker, "DBFLEET_FETCHERS", "65", "1 to 64"},
		{config.Worker, "DBFLEET_QUEUES", "account,backup", `"backup" is not one of`},
		{config.Worker, "DBFLEET_QUEUES", "account,account", "twice"},
		{config.Scheduler, "DBFLEET_DB_CONNS", "1", "2 to 1000"},
		{config.API, "DBFLEET_TRUSTED_PROXIES", "10.0.0.1/8", "not a network"},
		{config.API, "DBFLEET_HTTP_ADDR", "8080", "host:port"},
		{config.API, "DBFLEET_MONITOR_ADDR", "a:http", "host:port"},
		{config.API, "DBFLEET_MONITOR_ADDR", "127.0.0.1:8080", "differ from DBFLEET_HTTP_ADDR"},
		{config.API, "DBFLEET_LOG_LEVEL", "loud", "one of info, debug"},
		{config.API, "DBFLEET_LOG_FORMAT", "xml", "one of auto"},
		{config.API, "DBFLEET_DRAIN_TIMEOUT", "30", "such as 45s"},
		{config.API, "DBFLEET_DRAIN_TIMEOUT", "1h", "1s to 10m"},
		{config.API, "DBFLEET_DATABSE_URL", canary, "not a variable"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.want, func(t *testing.T) {
			t.Parallel()
			c, err := config.Load(tt.role, newEnviron(t).with(tt.name, tt.value).list())
			got := faults(err)
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.name+": ") || !strings.Contains(got[0], tt.want) {
				t.Errorf("faults = %q, want one with %q", got, tt.want)
			}
			if out := fmt.Sprintf("%v %+v %#v", err, c, c); strings.Contains(out, canary) {
				t.Errorf("shows the value: %s", out)
			}
		})
	}
}

func TestVariablesOfAKubernetesServiceAreNoFault(t *testing.T) {
	t.Parallel()
	load(t, config.API, newEnviron(t).with("DBFLEET_WEB_SERVICE_HOST", "10.0.0.1").with("DBFLEET_WEB_SERVICE_PORT_HTTP", "80").
		with("DBFLEET_WEB_PORT", "tcp://10.0.0.1:80").with("DBFLEET_WEB_PORT_80_TCP_ADDR", "10.0.0.1"))
}

func TestFetchersMayNotExceedConcurrency(t *testing.T) {
	t.Parallel()
	_, err := config.Load(config.Worker, newEnviron(t).with("DBFLEET_CONCURRENCY", "2").with("DBFLEET_FETCHERS", "3").list())
	if got := faults(err); len(got) != 1 || !strings.Contains(got[0], "more than DBFLEET_CONCURRENCY (2)") {
		t.Errorf("faults = %q", got)
	}
}

func TestKeyFileFaultDoesNotShowItsText(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte("dbfleet-key-1:"+canary), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(config.Worker, newEnviron(t).with("DBFLEET_PRIVATE_KEY_FILE", path).list())
	if got := faults(err); len(got) != 1 || !strings.Contains(got[0], "line 1") || strings.Contains(got[0], canary) {
		t.Errorf("faults = %q", got)
	}
}

func TestCheckupReadsWhatIsSetAndNamesWhatIsNot(t *testing.T) {
	t.Parallel()
	whole, err := config.LoadCheckup(newEnviron(t).list())
	if err != nil || len(whole.Unset) != 0 || whole.TargetAllow == nil || whole.PublicKey.ID() != whole.Keys.IDs()[0] {
		t.Errorf("whole: %+v, %v", whole, err)
	}
	if whole.APIConns != 16 || whole.WorkerConns != 4 || whole.SchedulerConns != 4 {
		t.Errorf("conns: %+v", whole)
	}
	e := newEnviron(t)
	few, err := config.LoadCheckup([]string{
		"DBFLEET_DATABASE_URL=" + e["DBFLEET_DATABASE_URL"], "DBFLEET_REDIS_URL=" + e["DBFLEET_REDIS_URL"], "DBFLEET_DB_CONNS=7",
	})
	if err != nil || strings.Join(few.Unset, ",") != "DBFLEET_PUBLIC_KEY,DBFLEET_PRIVATE_KEY_FILE,DBFLEET_TARGET_ALLOW" || few.WorkerConns != 7 {
		t.Errorf("few: %+v, %v", few, err)
	}
	bad, err := config.LoadCheckup([]string{
		"DBFLEET_PUBLIC_KEY=x", "DBFLEET_TARGET_ALLOW=x", "DBFLEET_QUEUES=x", "DBFLEET_HTTP_ADDR=x", "DBFLEET_LOG_LEVEL=x", "DBFLEET_X=x",
		"DBFLEET_API_URL=localhost:8080",
	})
	if len(faults(err)) != 9 || bad.TargetAllow != nil {
		t.Errorf("faults = %q", faults(err))
	}
}

func TestResealNeedsBothKeysAndTheOthersNone(t *testing.T) {
	t.Parallel()
	database := "DBFLEET_DATABASE_URL=postgresql:///dbfleet?host=/tmp"
	if _, err := config.LoadKeyTools([]string{database}, true); len(faults(err)) != 2 {
		t.Errorf("reseal without keys: %v", err)
	}
	tools, err := config.LoadKeyTools([]string{database}, false)
	if err != nil || !tools.PublicKey.IsZero() || len(tools.Keys.IDs()) != 0 || tools.DatabaseURL.IsZero() {
		t.Errorf("others without keys: %v", err)
	}
	if _, err := config.LoadKeyTools([]string{database, "DBFLEET_PUBLIC_KEY=" + canary, "DBFLEET_PRIVATE_KEY_FILE=/does/not/be"}, false); len(faults(err)) != 2 {
		t.Errorf("others with keys that are none: %v", err)
	}
}

func TestCommandsReadOnlyWhatTheyNeed(t *testing.T) {
	t.Parallel()
	tools, err := config.LoadTools([]string{"DBFLEET_DATABASE_URL=postgresql:///dbfleet?host=/tmp"})
	if err != nil || tools.DatabaseURL.Reveal() != "postgresql:///dbfleet?host=/tmp" {
		t.Errorf("tools: %v", err)
	}
	if _, err := config.LoadTools(nil); len(faults(err)) != 1 {
		t.Errorf("tools without a database: %v", err)
	}
	client, err := config.LoadClient([]string{"DBFLEET_API_URL=https://fleet.test/x/", "DBFLEET_TOKEN=" + canary})
	if err != nil || client.APIURL != "https://fleet.test/x" || client.Token.Reveal() != canary {
		t.Errorf("client: %+v, %v", client, err)
	}
	if client, err := config.LoadClient(nil); err != nil || client.APIURL != "http://127.0.0.1:8080" || !client.Token.IsZero() {
		t.Errorf("client without anything: %+v, %v", client, err)
	}
	for _, bad := range []string{"ftp://x", "https://", "https://u:" + canary + "@x", "https://x?a=" + canary, "://" + canary} {
		if _, err := config.LoadClient([]string{"DBFLEET_API_URL=" + bad}); len(faults(err)) != 1 || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
