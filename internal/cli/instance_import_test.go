package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/client"
)

func sampleImport(dryRun bool) client.InstanceImport {
	return client.InstanceImport{
		DryRun: dryRun, Lines: 1000, Good: 999, Imported: 999, Bad: 1, FaultsLeftOut: 2,
		BadLines: []int{2, 3, 4, 6, 17, 18},
		Faults:   []client.FieldError{{Line: new(17), Field: "port", Reason: "must be between 1 and 65535"}},
	}
}

func TestCheckedFileWithBadLinesExits2(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.csv")
	if err := os.WriteFile(path, []byte("name,engine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bench{api: serve(t, routes{"POST /instances/import": answerJSON(200, sampleImport(true))})}
	for _, args := range [][]string{{"instance", "check-csv", path}, {"instance", "import", path, "--dry-run"}} {
		got := b.run(t, args...)
		got.want(t, 2, "line 17: port: must be between 1 and 65535\n", "All bad lines: 2–4, 6, 17–18\n", "999 of 1,000 lines are good. Nothing was imported.")
		got.wantErr(t, "1 of 1000 lines are bad")
		if r := b.api.last(); r.query != "dry_run=true" || r.body != "name,engine\n" || r.header.Get("Content-Type") != "text/csv" {
			t.Errorf("sent %+v", r)
		}
	}
	good := sampleImport(true)
	good.Bad, good.Faults, good.FaultsLeftOut = 0, nil, 0
	b = &bench{api: serve(t, routes{"POST /instances/import": answerJSON(200, good)})}
	b.run(t, "instance", "check-csv", path).want(t, 0, "All 1,000 lines are good.")
}

func TestRefusedImportListsItsLines(t *testing.T) {
	t.Parallel()
	b := &bench{stdin: "x", api: serve(t, routes{"POST /instances/import": problem(422, "invalid_value", "a long list",
		client.FieldError{Field: "body", Reason: "nothing was imported: 2 of 5 lines are bad"},
		client.FieldError{Line: new(5), Field: "engine", Reason: "unknown\x1b[2J"},
		client.FieldError{Line: new(6), Field: "host", Reason: "not allowed"})})}
	got := b.run(t, "instance", "import", "-")
	got.want(t, 2, "line 5: engine: unknown\\u001B[2J\nline 6: host: not allowed\n")
	if got.err != "dbfleet: nothing was imported: 2 of 5 lines are bad\n" {
		t.Errorf("err = %q", got.err)
	}
	got = b.run(t, "instance", "import", "-", "--json")
	got.want(t, 2)
	got.wantErr(t, `"line":6`)
	b.run(t, "instance", "import", filepath.Join(t.TempDir(), "missing")).wantErr(t, "read the file")
	b.run(t, "instance", "import", t.TempDir()).wantErr(t, "is a folder")
}

func TestExportIsPrintedOrWritten(t *testing.T) {
	t.Parallel()
	const file = "name,engine\n\"a\nb\",mysql\n"
	b := &bench{api: serve(t, routes{"GET /instances/export": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
		_, _ = w.Write([]byte(file))
	}})}
	got := b.run(t, "instance", "export", "--engine", "mysql", "--tag", "eu", "--active")
	got.want(t, 0)
	if got.out != file || b.api.last().query != "engine=mysql&tag=eu&active=true" {
		t.Errorf("out = %q, query %s", got.out, b.api.last().query)
	}
	path := filepath.Join(t.TempDir(), "out.csv")
	got = b.run(t, "instance", "export", "--output-file", path)
	got.want(t, 0)
	if text, err := os.ReadFile(path); err != nil || string(text) != file || got.out != "" {
		t.Errorf("%q, %v, out %q", text, err, got.out)
	}
	b.run(t, "instance", "export", "--json").wantErr(t, "an export is CSV")
	b.run(t, "instance", "export", "--output-file", filepath.Join(path, "below")).want(t, 2)
}

func TestExportBrokenOffIsNoFile(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"GET /instances/export": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		_, _ = w.Write([]byte("name\n"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}})}
	path := filepath.Join(t.TempDir(), "out.csv")
	got := b.run(t, "instance", "export", "--output-file", path)
	got.want(t, 2)
	if _, err := os.Stat(path); err == nil || got.out != "" {
		t.Errorf("half a file was taken for the whole: %v, %q", err, got.out)
	}
}

func TestUnknownInstancesOfABulkChangeAreNamed(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"POST /instances/bulk": answerJSON(200, client.InstanceBulkResult{
		Changed: 1, UnknownIds: []int64{7, 8}, UnknownNames: strings.Split(strings.Repeat("nobody,", 12), ",")[:12],
	})})}
	got := b.run(t, "instance", "activate", "--id", "7,8,9")
	got.want(t, 2)
	got.wantErr(t, `there is no instance id 7, id 8, "nobody"`, "and 4 more; nothing was changed")
	if asked := b.api.requests(); got.out != "" || len(asked) != 1 || !strings.Contains(asked[0].body, `"dry_run":true`) {
		t.Errorf("out = %q, asked %+v", got.out, asked)
	}
	got = b.run(t, "instance", "tag", "add", "eu", "--instance", "nobody", "--dry-run")
	got.want(t, 2, "Servers changed: 1\n")
	got.wantErr(t, "there is no instance")
}
