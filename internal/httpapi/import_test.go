package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/user"
)

type imported struct {
	DryRun   bool `json:"dry_run"`
	Lines    int
	Good     int
	Imported int
	Bad      int
	Faults   []struct {
		Line          int
		Field, Reason string
	}
	FaultsLeftOut  int   `json:"faults_left_out"`
	BadLines       []int `json:"bad_lines"`
	HostsUnchecked int   `json:"hosts_unchecked"`
}

func (b *bundle) upload(t *testing.T, query, file string) answer {
	t.Helper()
	return b.do(t, request{role: user.Operator, method: "POST", path: "/instances/import" + query, body: file, media: "text/csv"})
}

// csv is a file of n good lines.
func csv(n int) string {
	var b strings.Builder
	b.WriteString("name,engine,host,credential,tags\n")
	for i := range n {
		fmt.Fprintf(&b, "orders-%d,postgresql,10.%d.%d.%d,monitor,prod;eu\n", i, i/62500, i/250%250, i%250)
	}
	return b.String()
}

func TestImportFromDryRunToExport(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.credential(t)
	file := csv(3) + "bad,sqlite,10.0.0.1,monitor,\nfar,mysql,192.0.2.1,monitor,\n"
	var got imported
	decode(t, b.upload(t, "?dry_run=true", file).body, &got)
	if !got.DryRun || got.Lines != 5 || got.Good != 3 || got.Bad != 2 || got.Imported != 0 || len(got.Faults) != 2 ||
		got.Faults[0].Line != 5 || got.Faults[0].Field != "engine" || got.Faults[1].Line != 6 || got.Faults[1].Field != "host" || !slices.Equal(got.BadLines, []int{5, 6}) {
		t.Errorf("dry run: %+v", got)
	}
	a := b.upload(t, "", file)
	if a.status != 422 || a.problem.Code != "invalid_value" || len(a.problem.Errors) != 3 || !strings.Contains(a.body, `"line":6`) {
		t.Errorf("with bad lines: %d %s", a.status, a.body)
	}
	if n := one[int](t, b, `SELECT count(*) FROM instances`); n != 0 {
		t.Errorf("%d instances after two that may store nothing", n)
	}
	decode(t, b.upload(t, "?skip_bad=true", file).body, &got)
	if got.Imported != 3 || got.Bad != 2 || got.DryRun {
		t.Errorf("skipping: %+v", got)
	}
	if a := b.upload(t, "", csv(4)); a.status != 422 || !strings.Contains(a.body, "3 of 4 lines are bad") || !strings.Contains(a.body, "is taken") {
		t.Errorf("again: %d %s", a.status, a.body)
	}
	export := b.do(t, request{role: user.Viewer, method: "GET", path: "/instances/export?tag=prod&name=ORDERS"})
	if export.status != 200 || !strings.HasPrefix(export.header.Get("Content-Type"), "text/csv") || strings.Count(export.body, "\n") != 4 ||
		!strings.Contains(export.body, "\norders-0,postgresql,10.0.0.0,5432,,monitor,verify-full,,,10.0.0.0,eu;prod,true\n") {
		t.Errorf("export: %d %s", export.status, export.body)
	}
	b.sql(t, `UPDATE instances SET deleted_at = now(), active = false`)
	exports := b.do(t, request{role: user.Admin, method: "GET", path: "/audit-events?action=instance.export"})
	if !strings.Contains(exports.body, `"detail":{"name":"ORDERS","tag":"prod"}`) {
		t.Errorf("the export is audited as %s", exports.body)
	}
	if a := b.upload(t, "", export.body); a.status != 200 || !strings.Contains(a.body, `"imported":3`) {
		t.Errorf("what was exported: %d %s", a.status, a.body)
	}
	if again := b.do(t, request{role: user.Viewer, method: "GET", path: "/instances/export"}); again.body != export.body {
		t.Errorf("exported again: %s", again.body)
	}
	if gone := b.do(t, request{role: user.Viewer, method: "GET", path: "/instances/export?deleted=true"}); strings.Count(gone.body, "\n") != 4 {
		t.Errorf("deleted ones: %s", gone.body)
	}
}

func TestImportOfFilesThatAreNone(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.credential(t)
	for name, tt := range map[string]struct {
		media, file string
		status      int
		field       string
	}{
		"JSON":            {"application/json", `{}`, 415, ""},
		"another charset": {"text/csv; charset=iso-8859-1", csv(1), 415, ""},
		"UTF-8 by name":   {"text/csv; charset=UTF-8", csv(1), 200, ""},
		"no header":       {"text/csv", "a,b\n", 422, "a"},
		"nothing":         {"text/csv", "\n", 422, "body"},
		"over 32 MiB":     {"text/csv", csv(1) + strings.Repeat(" ", 32<<20), 413, ""},
	} {
		a := b.do(t, request{role: user.Operator, method: "POST", path: "/instances/import?dry_run=false", body: tt.file, media: tt.media})
		if a.status != tt.status || a.problem.Field != tt.field {
			t.Errorf("%s: %d %q %.300s", name, a.status, a.problem.Field, a.body)
		}
	}
	if a := b.upload(t, "", strings.Repeat("\n", 2<<20)+csv(1)); a.status != 422 || !strings.Contains(a.body, fmt.Sprintf(`"line":%d`, 2<<20+2)) {
		t.Errorf("over 1 MiB: %d %.300s", a.status, a.body)
	}
	if a := b.do(t, request{role: user.Operator, method: "POST", path: "/instances", body: `{"name":"` + strings.Repeat("a", 1<<20) + `"}`}); a.status != 413 || !strings.Contains(a.body, "1 MiB") {
		t.Errorf("the limit of the others: %d %.300s", a.status, a.body)
	}
}

func TestImportOfManyLines(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.credential(t)
	var got imported
	decode(t, b.upload(t, "", csv(manyLines)).body, &got)
	if got.Imported != manyLines {
		t.Fatalf("%+v", got)
	}
	a := b.upload(t, "", csv(manyLines))
	if a.status != 422 || len(a.problem.Errors) != 1001 || !strings.Contains(a.body, fmt.Sprintf("%d of %d lines are bad", manyLines, manyLines)) || len(a.body) > 200_000 {
		t.Errorf("again: %d, %d errors, %d bytes", a.status, len(a.problem.Errors), len(a.body))
	}
	export := b.do(t, request{role: user.Viewer, method: "GET", path: "/instances/export"})
	if n := strings.Count(export.body, "\n"); n != manyLines+1 {
		t.Errorf("%d lines exported", n)
	}
	var done struct{ Changed int }
	b.must(t, 200, "POST", "/instances/bulk", `{"action":"add_tags","selector":{"tags":["prod"]},"tags":["all"]}`, &done)
	if done.Changed != manyLines {
		t.Errorf("%d tagged", done.Changed)
	}
}

func TestBulkTagsAndRestore(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t)
	if a := b.upload(t, "", csv(3)); a.status != 200 {
		t.Fatal(a.body)
	}
	var done struct {
		DryRun       bool `json:"dry_run"`
		Changed      int
		UnknownIDs   []int64  `json:"unknown_ids"`
		UnknownNames []string `json:"unknown_names"`
	}
	b.must(t, 200, "POST", "/instances/bulk", `{"action":"remove_tags","selector":{"names":["orders-1","nobody"]},"tags":["eu"]}`, &done)
	if done.Changed != 1 || done.DryRun || done.UnknownIDs == nil || !slices.Equal(done.UnknownNames, []string{"nobody"}) {
		t.Errorf("%+v", done)
	}
	b.must(t, 200, "POST", "/instances/bulk", `{"action":"deactivate","selector":{"all":true},"dry_run":true}`, &done)
	if done.Changed != 3 || !done.DryRun {
		t.Errorf("%+v", done)
	}
	if a := b.must(t, 200, "GET", "/tags?limit=1", "", nil); !strings.Contains(a.body, `{"instances":2,"tag":"eu"}`) || strings.Contains(a.body, `"next_cursor":null`) {
		t.Errorf("tags: %s", a.body)
	}
	var page struct{ Items []stored }
	b.must(t, 200, "GET", fmt.Sprintf("/credentials/%d/instances?limit=500", c.ID), "", &page)
	if len(page.Items) != 3 {
		t.Errorf("%d use the credential", len(page.Items))
	}
	path := fmt.Sprintf("/instances/%d", page.Items[0].ID)
	if a := b.must(t, 409, "POST", path+"/restore", `{}`, nil); a.problem.Code != "instance_not_deleted" {
		t.Errorf("a living one: %s", a.body)
	}
	b.must(t, 204, "DELETE", path, "", nil)
	if a := b.must(t, 200, "GET", "/instances?deleted=true", "", &page); len(page.Items) != 1 || !strings.Contains(a.body, `"deleted_at":"2`) {
		t.Errorf("deleted: %s", a.body)
	}
	var in stored
	b.must(t, 200, "POST", path+"/restore", `{"name":"back","active":true}`, &in)
	if in.Name != "back" || !in.Active {
		t.Errorf("restored %+v", in)
	}
}
