package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/client"
	"github.com/dbfleet/dbfleet/internal/localsvc"
	"github.com/dbfleet/dbfleet/internal/testdb"
)

// The life of a fleet of 1,000 instances, each step of it a command of dbfleet:
// nothing else touches DBFleet, and only the target servers see SQL.
func TestLifeOfAFleetByTheCommandLineAlone(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	l.install()
	l.importFleet()
	l.readBack()
	l.tagFleet()
	broken := l.firstSync()
	l.readErrors(broken)
	l.mend()
	l.retry(broken)
	granted := l.grant()
	l.scheduled()
	l.readHistory(granted)
	l.exportMended()
	l.audited()
	l.revoke()
}

// The fleet: live instances of both engines on several addresses, and some
// that cannot be read before somebody mends them.
const (
	livePostgres = 700
	liveMaria    = 270
	staleLogins  = 20 // whose credential has an old password
	closedPorts  = 10 // whose port nobody listens on
	fleetSize    = livePostgres + liveMaria + staleLogins + closedPorts
)

// newLife starts the servers and no process of DBFleet.
func newLife(t *testing.T) *life {
	t.Helper()
	const addresses = "127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5,127.0.0.6,127.0.0.7,127.0.0.8"
	c := &cluster{t: t, dir: t.TempDir()}
	c.postgres = testdb.Target(t, localsvc.PostgresOptions{MaxConns: 200})
	c.url, c.redis = c.postgres.URL(""), testdb.Redis(t)
	c.target = testdb.Target(t, localsvc.PostgresOptions{MaxConns: 300, Listen: addresses})
	l := &life{cluster: c, hosts: strings.Split(addresses, ",")}
	l.maria = testdb.MariaDB(t, localsvc.MariaDBOptions{Listen: addresses, Settings: map[string]string{"max_connections": "300"}})
	c.targetSQL(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", targetUser, targetPassword),
		"CREATE TABLE orders (id bigint)", "CREATE ROLE app LOGIN", "CREATE ROLE old_batch LOGIN")
	// One server plays many: the documented limit of an account's connections is not that of all of them.
	l.mariaSQL(append(documented(t), "ALTER USER "+targetUser+" WITH MAX_USER_CONNECTIONS 0", "CREATE DATABASE crm", "CREATE TABLE crm.calls (id bigint)", "CREATE USER app")...)
	return l
}

// install goes from an empty database to three running processes.
func (l *life) install() {
	keys := ask[struct {
		Public string `json:"public_key"`
		File   string `json:"private_key_file"`
	}](l, 0, "keys", "new", "--out", filepath.Join(l.dir, "private.key"))
	l.env = []string{"DBFLEET_PUBLIC_KEY=" + keys.Public, "DBFLEET_PRIVATE_KEY_FILE=" + keys.File}
	l.run(0, "", "migrate")
	token := ask[struct{ Token string }](l, 0, "token", "create", "--local", "--user", "root", "--role", "admin").Token
	api := l.start("api", l.env...)
	l.start("scheduler", l.env...)
	l.start("worker", l.env...)
	l.env = append(l.env, "DBFLEET_API_URL=http://"+api.addr("api listening"), "DBFLEET_TOKEN="+token)

	l.run(0, "", "user", "add", "dba", "--role", "admin")
	l.env[len(l.env)-1] = "DBFLEET_TOKEN=" + ask[client.TokenCreated](l, 0, "token", "create", "--user", "dba", "--name", "life").Token
	if me := ask[client.User](l, 0, "whoami"); me.Name != "dba" || me.Role != client.RoleAdmin {
		l.t.Errorf("whoami: %+v", me)
	}
}

// importFleet registers everything by one file, which is refused before it is
// right, and again once it is in.
func (l *life) importFleet() {
	for name, password := range map[string]string{"fleet": targetPassword, "stale": "the old one"} {
		l.run(0, password+"\n", "credential", "add", name, "--username", targetUser)
	}
	rows := l.rows()
	bad := slices.Clone(rows)
	bad[1] = strings.Replace(bad[1], ",fleet,", ",fleat,", 1)
	bad[4] = strings.Replace(bad[4], ",postgresql,", ",postgres,", 1)
	l.write("bad.csv", bad)
	l.write("fleet.csv", rows)

	wrong := l.run(2, "", "instance", "check-csv", l.file("bad.csv")).out
	if !strings.Contains(wrong, "line 3: credential") || !strings.Contains(wrong, "line 6: engine") {
		l.t.Errorf("a bad file: %s", wrong)
	}
	l.run(2, "", "instance", "import", l.file("bad.csv"))
	if got := ask[client.InstanceImport](l, 0, "instance", "check-csv", l.file("fleet.csv")); got.Good != fleetSize || got.Bad != 0 {
		l.t.Errorf("checked: %+v", got)
	}
	if n := len(ask[items[client.Instance]](l, 0, "instance", "list").Items); n != 0 {
		l.t.Errorf("%d instances after checks alone", n)
	}
	if got := ask[client.InstanceImport](l, 0, "instance", "import", l.file("fleet.csv")); got.Imported != fleetSize {
		l.t.Errorf("imported: %+v", got)
	}
	l.run(2, "", "instance", "import", l.file("fleet.csv"))
}

// readBack finds the fleet as it was imported.
func (l *life) readBack() {
	if n := len(ask[items[client.Instance]](l, 0, "instance", "list", "--limit", "0").Items); n != fleetSize {
		l.t.Errorf("%d instances are listed", n)
	}
	if n := len(ask[items[client.Instance]](l, 0, "instance", "list", "--limit", "0", "--engine", "mysql").Items); n != liveMaria {
		l.t.Errorf("%d instances of MariaDB are listed", n)
	}
	l.run(0, "", "instance", "export", "--output-file", l.file("export.csv"))
	l.same("export.csv", "fleet.csv")
}

func (l *life) tagFleet() {
	if got := ask[client.InstanceBulkResult](l, 0, "instance", "tag", "add", "crm", "--engine", "mysql"); got.Changed != liveMaria {
		l.t.Errorf("tagged: %+v", got)
	}
	tags := map[string]int{}
	for _, one := range ask[items[client.TagCount]](l, 0, "instance", "tag", "list").Items {
		tags[one.Tag] = one.Instances
	}
	if tags["life"] != fleetSize || tags["crm"] != liveMaria {
		l.t.Errorf("tags: %v", tags)
	}
}

// firstSync starts a sync of everything, watches it to its end and returns it.
func (l *life) firstSync() client.SyncSession {
	started := ask[client.SyncSession](l, 0, "sync", "start", "--all")
	end := ask[client.SyncSession](l, 1, "sync", "watch", started.SessionId.String()[:8])
	if *end.Result != client.SessionResultPartial || end.Counts.Completed != livePostgres+liveMaria || end.Counts.Failed != staleLogins+closedPorts {
		l.t.Fatalf("the first sync ended %s with %+v", *end.Result, end.Counts)
	}
	l.run(1, "", "sync", "watch", end.SessionId.String())
	if last := ask[items[client.SyncSession]](l, 0, "sync", "list", "--limit", "1").Items; len(last) != 1 || last[0].SessionId != end.SessionId {
		l.t.Errorf("the last sync is not the one that was watched: %+v", last)
	}
	return end
}

// readErrors finds each failure under its kind and by its name.
func (l *life) readErrors(s client.SyncSession) {
	id, counts := s.SessionId.String(), map[string]int{}
	for _, kind := range ask[items[client.ErrorKind]](l, 0, "sync", "errors", id).Items {
		counts[kind.Code] += kind.Count
	}
	logins, ports := counts["auth_failed"]+counts["credential_rejected"], counts["connection_refused"]+counts["host_down"]
	if logins != staleLogins || ports != closedPorts || counts["auth_failed"] == 0 || counts["connection_refused"] == 0 {
		l.t.Errorf("kinds of failure: %v", counts)
	}
	failed := ask[items[client.SyncRecord]](l, 0, "sync", "records", id, "--status", "failed", "--limit", "0").Items
	for _, r := range failed {
		if !strings.HasPrefix(r.InstanceName, "stale-") && !strings.HasPrefix(r.InstanceName, "closed-") {
			l.t.Errorf("%s failed: %+v", r.InstanceName, r.Fault)
		}
	}
	if len(failed) != staleLogins+closedPorts {
		l.t.Errorf("%d failed records", len(failed))
	}
	if said := l.run(0, "", "sync", "show", id).out; !strings.Contains(said, "auth_failed") || !strings.Contains(said, "dbfleet sync retry") {
		l.t.Errorf("sync show does not say what failed and what to do: %s", said)
	}
}

// mend gives the stale login its password and the others the right port.
func (l *life) mend() {
	l.run(0, targetPassword+"\n", "credential", "update", "stale", "--password-prompt")
	for i := range closedPorts {
		l.run(0, "", "instance", "update", fmt.Sprintf("closed-%04d", i), "--port", fmt.Sprint(l.target.Port()))
	}
}

func (l *life) retry(s client.SyncSession) {
	end := ask[client.SyncSession](l, 0, "sync", "retry", s.SessionId.String(), "--watch")
	if *end.ParentId != s.SessionId || end.Counts.Completed != staleLogins+closedPorts {
		l.t.Errorf("the retry of %s: %+v", s.SessionId, end)
	}
	if again := ask[client.Problem](l, 2, "sync", "retry", end.SessionId.String()); again.Code == "" {
		l.t.Errorf("a retry of nothing: %+v", again)
	}
}

// grant changes accounts on the targets, and returns a time just before it.
func (l *life) grant() time.Time {
	before := time.Now()
	l.targetSQL("GRANT SELECT ON orders TO app", "DROP ROLE old_batch")
	l.mariaSQL("GRANT SELECT ON crm.calls TO app")
	return before
}

// scheduled lets a schedule fire by itself, then by hand.
func (l *life) scheduled() {
	const name = "every-minute"
	l.run(0, "", "schedule", "add", name, "--cron", "* * * * *", "--tag", "life")
	var fire client.ScheduleFire
	l.poll("the schedule to fire", 90*time.Second, func() bool {
		fires := ask[items[client.ScheduleFire]](l, 0, "schedule", "history", name, "--limit", "1").Items
		if len(fires) == 1 {
			fire = fires[0]
		}
		return len(fires) == 1
	})
	if fire.SessionId == nil {
		l.t.Fatalf("the first fire: %+v", fire)
	}
	end := ask[client.SyncSession](l, 0, "sync", "watch", fire.SessionId.String())
	const postgres = fleetSize - liveMaria
	if end.Type != client.SessionTypeScheduled || end.Items.Updated != fleetSize || end.Items.Deleted != postgres || end.Items.Created != 0 {
		l.t.Errorf("the scheduled sync found %+v, want one account updated on each and one gone on %d", end.Items, postgres)
	}
	l.run(0, "", "schedule", "pause", name)
	l.run(0, "", "schedule", "update", name, "--instance", "pg-0000")
	l.poll("the last fire to end", time.Minute, func() bool {
		return len(ask[items[client.SyncSession]](l, 0, "sync", "list", "--status", "running").Items) == 0
	})
	if run := ask[client.SyncSession](l, 0, "schedule", "run", name, "--watch"); run.TotalInstances != 1 || run.Items.Updated != 0 {
		l.t.Errorf("run by hand: %+v", run)
	}
	l.run(0, "", "schedule", "remove", name)
}

// readHistory finds the grant wherever one can look for it.
func (l *life) readHistory(granted time.Time) {
	holders := ask[items[client.Account]](l, 0, "account", "list", "--privilege", "SELECT", "--object", "orders", "--limit", "0").Items
	if len(holders) != fleetSize-liveMaria || holders[0].Name != "app" {
		l.t.Errorf("%d accounts may read orders", len(holders))
	}
	shown := l.run(0, "", "account", "show", "app", "--instance", "pg-0000").out
	if !strings.Contains(shown, "SELECT") || !strings.Contains(shown, "orders") {
		l.t.Errorf("account show: %s", shown)
	}
	for _, instance := range []string{"pg-0000", "maria-0000", "stale-0000", "closed-0000"} {
		versions := ask[items[client.AccountVersion]](l, 0, "account", "history", "app", "--instance", instance).Items
		if len(versions) != 2 || versions[0].Change != client.AccountVersionChangeChanged || versions[1].Change != client.AccountVersionChangeCreated {
			l.t.Errorf("history of app on %s: %+v", instance, versions)
		}
	}
	since := granted.UTC().Format(time.RFC3339Nano)
	differences := ask[items[client.AccountDifference]](l, 0, "account", "diff", "pg-0000", "--from", since).Items
	if len(differences) != 2 {
		l.t.Errorf("since the grant: %+v", differences)
	}
	if twins := ask[items[client.AccountDifference]](l, 0, "account", "diff", "pg-0000", "closed-0000").Items; len(twins) != 0 {
		l.t.Errorf("two instances of one server differ: %+v", twins)
	}
}

// exportMended expects the import with the ports and tags that were changed.
func (l *life) exportMended() {
	rows := l.rows()
	for i, row := range rows {
		if strings.HasPrefix(row, "closed-") {
			rows[i] = strings.Replace(row, fmt.Sprintf(",%d,", l.closedPort()), fmt.Sprintf(",%d,", l.target.Port()), 1)
		}
		if strings.HasPrefix(row, "maria-") {
			rows[i] = strings.Replace(row, ",life,", ",crm;life,", 1)
		}
	}
	l.write("mended.csv", rows)
	l.run(0, "", "instance", "export", "--output-file", l.file("export.csv"))
	l.same("export.csv", "mended.csv")
}

func (l *life) audited() {
	actions := map[string]int{}
	for _, e := range ask[items[client.AuditEvent]](l, 0, "audit", "--user", "dba", "--limit", "0").Items {
		actions[e.Action]++
	}
	for action, want := range map[string]int{
		"credential.create": 2, "credential.update": 1, "instance.import": 1, "instance.update": closedPorts, "instance.bulk": 1,
		"sync_session.create": 2, "schedule.create": 1, "schedule.pause": 1, "schedule.update": 1, "schedule.run": 1, "schedule.delete": 1,
	} {
		if actions[action] < want {
			l.t.Errorf("%s was audited %d times, want %d; all: %v", action, actions[action], want, actions)
		}
	}
}

// revoke takes the token away that everything was done with.
func (l *life) revoke() {
	tokens := ask[items[client.Token]](l, 0, "token", "list").Items
	if len(tokens) != 1 || tokens[0].Name != "life" {
		l.t.Fatalf("tokens: %+v", tokens)
	}
	l.run(0, "", "token", "revoke", fmt.Sprint(tokens[0].Id))
	if p := ask[client.Problem](l, 2, "instance", "list"); p.Code != "unauthorized" || p.Status != http.StatusUnauthorized {
		l.t.Errorf("with a revoked token: %+v", p)
	}
	if said := l.run(2, "", "instance", "list").err; !strings.Contains(said, "not valid") || !strings.Contains(said, "dbfleet token create") {
		l.t.Errorf("with a revoked token: %s", said)
	}
}

func (l *life) file(name string) string { return filepath.Join(l.dir, name) }

func (l *life) write(name string, rows []string) {
	l.t.Helper()
	if err := os.WriteFile(l.file(name), []byte(columnNames+"\n"+strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
		l.t.Fatal(err)
	}
}
