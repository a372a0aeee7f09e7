package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	steps := []Migration{{Version: 1, Name: "00001_core.sql", AppliedAt: &sampleTime}, {Version: 2, Name: "00002_more.sql"}}
	tests := map[string]struct {
		args  string
		steps []Migration
		out   []string
	}{
		"up":              {"migrate", steps, []string{"applied 1 00001_core.sql\napplied 2 00002_more.sql\n"}},
		"up to date":      {"migrate", nil, []string{"up to date already"}},
		"status":          {"migrate status", steps, []string{"2026-11-21 01:00:00Z", "2        00002_more.sql  -"}},
		"down":            {"migrate down --to 1", steps[1:], []string{"took back 2"}},
		"nothing to undo": {"migrate down --to 1", nil, []string{"Nothing to take back."}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			local := &fakeLocal{steps: tt.steps, down: -1}
			b := &bench{local: local}
			b.run(t, strings.Fields(tt.args)...).want(t, 0, tt.out...)
			if strings.Contains(tt.args, "down") && local.down != 1 {
				t.Errorf("down to %d, want 1", local.down)
			}
			got := b.run(t, append(strings.Fields(tt.args), "--json")...)
			got.want(t, 0, `"items":[`)
			if !json.Valid([]byte(got.out)) {
				t.Errorf("out = %s", got.out)
			}
		})
	}
}

func TestMigrateShowsTheStepsBeforeTheFailure(t *testing.T) {
	t.Parallel()
	local := &fakeLocal{steps: []Migration{{Version: 1, Name: "00001_core.sql"}}, err: errors.New("apply 2: no such type")}
	got := (&bench{local: local}).run(t, "migrate")
	got.want(t, 2, "applied 1 00001_core.sql\n")
	got.wantErr(t, "dbfleet: apply 2: no such type")
	if got := (&bench{local: local}).run(t, "migrate", "--json"); got.code != 2 || got.out != "" {
		t.Errorf("code = %d, out = %q", got.code, got.out)
	}
}

func TestLocalFaultsAreAllListed(t *testing.T) {
	t.Parallel()
	local := &fakeLocal{err: errors.Join(invalid.Field("DBFLEET_DATABASE_URL", "must be set"), invalid.Field("DBFLEET_X", "is unknown"))}
	got := (&bench{local: local}).run(t, "migrate")
	got.want(t, 2)
	got.wantErr(t, "dbfleet: DBFLEET_DATABASE_URL: must be set\ndbfleet: DBFLEET_X: is unknown\n")
	got = (&bench{local: local}).run(t, "migrate", "--json")
	var f failure
	if err := json.Unmarshal([]byte(got.err), &f); err != nil || len(f.Errors) != 2 {
		t.Errorf("err = %s", got.err)
	}
}

func TestDatabaseThatRefusesIsOneLine(t *testing.T) {
	t.Parallel()
	local := &fakeLocal{err: fmt.Errorf("migrate up: %w", errors.New("failed to connect to `user=x database=y`:"+
		"\n\t10.0.0.1:5432 (db): tls error: server refused TLS connection"+
		"\n\t10.0.0.1:5432 (db): failed SASL auth: FATAL: password authentication failed for user \"x\" (SQLSTATE 28P01)"))}
	const want = "migrate up: failed to connect to `user=x database=y`: " +
		`10.0.0.1:5432 (db): failed SASL auth: FATAL: password authentication failed for user "x" (SQLSTATE 28P01)`
	for _, args := range []string{"migrate", "token create --local --user a --role admin"} {
		got := (&bench{local: local}).run(t, strings.Fields(args)...)
		if got.err != "dbfleet: "+want+"\n" {
			t.Errorf("%s: err = %s", args, got.err)
		}
	}
	got := (&bench{local: local}).run(t, "migrate", "--json")
	var f failure
	if err := json.Unmarshal([]byte(got.err), &f); err != nil || f.Detail != want {
		t.Errorf("err = %s", got.err)
	}
}

func TestTokenCreatePrintsTheTokenAlone(t *testing.T) {
	t.Parallel()
	local := &fakeLocal{}
	got := (&bench{local: local}).run(t, "token", "create", "--local", "--user", "alice", "--role", "operator", "--name", "laptop", "--expires", "12h")
	got.want(t, 0)
	if got.out != "dbf_1_new\n" {
		t.Errorf("out = %q", got.out)
	}
	if want := (TokenRequest{User: "alice", Role: user.Operator, Name: "laptop", Expires: 12 * time.Hour}); local.token != want {
		t.Errorf("asked for %+v, want %+v", local.token, want)
	}
	got = (&bench{local: local}).run(t, "token", "create", "--local", "--user", "alice", "--role", "viewer", "--json")
	if got.out != `{"token":"dbf_1_new"}`+"\n" || local.token.Expires != 90*day {
		t.Errorf("out = %q, expires %s", got.out, local.token.Expires)
	}
}

func TestTokenCreateWrongUsage(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"", "--user a", "--role admin", "--user a --expires 1d", "--user a --role root", "--user a --role admin --expires 0d",
		"--user a --role admin --expires -1h", "--user a --role admin --expires soon", "--user a --role admin --expires 999999999d",
	} {
		got := (&bench{local: &fakeLocal{}}).run(t, append([]string{"token", "create", "--local"}, strings.Fields(args)...)...)
		got.want(t, 2)
		if got.out != "" {
			t.Errorf("%q: out = %q", args, got.out)
		}
	}
	local := &fakeLocal{}
	(&bench{local: local}).run(t, strings.Fields("token create --local --user a --role admin --expires never")...).want(t, 0)
	if local.token.Expires != 0 {
		t.Errorf("never is %s", local.token.Expires)
	}
}

func TestKeysNewWritesAKeyThatWorks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "it's a key")
	got := (&bench{}).run(t, "keys", "new", "--out", path)
	got.want(t, 0, "export DBFLEET_PUBLIC_KEY=dbfleet-pub-1:", `it'\''s a key'`)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode = %v, %v", info, err)
	}
	ring, err := secret.ReadKeyring(path)
	if err != nil || len(ring.IDs()) != 1 || !strings.Contains(got.out, string(ring.IDs()[0])) {
		t.Errorf("keyring = %v, %v; out = %s", ring.IDs(), err, got.out)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(before)) {
		if !strings.HasPrefix(line, "#") && strings.Contains(got.out+got.err, strings.TrimSpace(line)) {
			t.Error("the private key is shown")
		}
	}
	again := (&bench{}).run(t, "keys", "new", "--out", path)
	again.want(t, 2)
	again.wantErr(t, "never overwritten", "dbfleet keys public --file ")
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Error("the key file was changed")
	}
}

// What keys new printed was lost: the file tells it again.
func TestKeysPublicTellsWhatKeysNewSaid(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	made := (&bench{}).run(t, "keys", "new", "--out", path)
	made.want(t, 0)
	_, line, _ := strings.Cut(made.out, "Public key, for the API:\n")
	(&bench{}).run(t, "keys", "public", "--file", path).want(t, 0, line)
	got := (&bench{}).run(t, "keys", "public", "--file", path, "--json")
	var answer struct{ Items []publicKey }
	if err := json.Unmarshal([]byte(got.out), &answer); err != nil || len(answer.Items) != 1 || !strings.Contains(line, answer.Items[0].PublicKey) {
		t.Errorf("out = %s, %v", got.out, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range strings.Fields(string(text)) {
		if strings.HasPrefix(private, "dbfleet-key") && strings.Contains(got.out, private) {
			t.Error("the private key is shown")
		}
	}
	missing := (&bench{}).run(t, "keys", "public", "--file", path+"x")
	missing.want(t, 2)
	missing.wantErr(t, path+"x cannot be read")
	(&bench{}).run(t, "keys", "public").want(t, 2)
}

func TestKeysNewAsJSON(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	got := (&bench{}).run(t, "keys", "new", "--out", path, "--json")
	got.want(t, 0)
	var made keysMade
	if err := json.Unmarshal([]byte(got.out), &made); err != nil || made.PrivateKeyFile != path {
		t.Errorf("out = %s", got.out)
	}
	if key, err := secret.ParsePublicKey(made.PublicKey); err != nil || key.ID() != made.KeyID {
		t.Errorf("public key %s: %v", made.PublicKey, err)
	}
	(&bench{}).run(t, "keys", "new", "--out", filepath.Join(path, "below-a-file")).want(t, 2)
}

func TestDemoTakesItsOptions(t *testing.T) {
	t.Parallel()
	local := &fakeLocal{}
	b := &bench{local: local, env: map[string]string{"DEMO_ONCE": "1"}}
	b.run(t, "demo").want(t, 0)
	if local.options.Dir != ".run" || !local.options.Once || local.options.Streams.Out == nil {
		t.Errorf("options = %+v", local.options)
	}
	b.env["DEMO_ONCE"] = "0"
	b.run(t, "demo", "--dir", "x").want(t, 0)
	if local.options.Dir != "x" || local.options.Once {
		t.Errorf("options = %+v", local.options)
	}
	local.err = errors.New("no Postgres is installed")
	got := b.run(t, "demo")
	got.want(t, 2)
	got.wantErr(t, "dbfleet: no Postgres is installed")
}

func TestVersion(t *testing.T) {
	t.Parallel()
	(&bench{}).run(t, "version").want(t, 0, "dbfleet ", "go1.")
	(&bench{}).run(t, "--version").want(t, 0, "dbfleet ", "go1.")
	got := (&bench{}).run(t, "version", "--json")
	if !json.Valid([]byte(got.out)) {
		t.Errorf("out = %s", got.out)
	}
}

func TestInterruptedCommandSaysSo(t *testing.T) {
	t.Parallel()
	local := &fakeLocal{err: fmt.Errorf("migrate: %w", errInterrupt)}
	got := (&bench{local: local, interrupted: true}).run(t, "migrate")
	got.want(t, 2)
	got.wantErr(t, "dbfleet: interrupted\n")
}

func TestKeysAreListedResealedAndRetired(t *testing.T) {
	t.Parallel()
	local := &fakeLocal{
		keys:   []Key{{ID: "3f0c9a2b41d7e865", Credentials: 40, InFile: true}, {ID: "00000000000000aa", RetiredAt: &sampleTime}},
		report: ResealReport{KeyID: "00000000000000bb", Resealed: 40, Unreadable: []UnreadableSecret{}},
	}
	b := &bench{local: local}
	b.run(t, "keys", "list").want(t, 0, "3f0c9a2b41d7e865  40", "2026-11-21 01:00:00Z")
	b.run(t, "keys", "list", "--json").want(t, 0, `"in_key_file":true`)
	b.run(t, "keys", "reseal").want(t, 0, "Resealed for key 00000000000000bb: 40\n")
	b.run(t, "keys", "reseal", "--json").want(t, 0, `"resealed":40`)
	b.run(t, "keys", "retire", "3f0c9a2b41d7e865").want(t, 0, "Key 3f0c9a2b41d7e865 is retired")
	if local.retired != "3f0c9a2b41d7e865" {
		t.Errorf("retired %s", local.retired)
	}
}

func TestResealNamesWhatItLeft(t *testing.T) {
	t.Parallel()
	local := &fakeLocal{report: ResealReport{Resealed: 1, Unreadable: []UnreadableSecret{
		{CredentialID: 3, Name: "monitor", KeyID: "3f0c9a2b41d7e865", Reason: "needs the private key 3f0c9a2b41d7e865, which is not in the key file"},
	}}}
	got := (&bench{local: local, width: 80}).run(t, "keys", "reseal")
	got.want(t, 2, "Resealed for key")
	got.wantErr(t, "credential monitor (id 3) needs the private key 3f0c9a2b41d7e865", "passwords left as they are: 1", "resealed 1 …")
	local.err = errors.New("connection refused")
	got = (&bench{local: local}).run(t, "keys", "reseal")
	got.want(t, 2)
	got.wantErr(t, "resealed so far: 1, run it again for the others: connection refused")
}
