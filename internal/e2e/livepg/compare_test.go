package livepg

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/testdb"
)

// TestStoredIsWhatTheServersToolsSay compares, account by account and line by
// line, what DBFleet stores under the documented account with what pg_dumpall and
// pg_dump tell the superuser: no more and no less.
//
// What is compared, and with what:
//
//   - roles with their attributes, settings, memberships, tablespaces and
//     parameters: pg_dumpall. Of predefined roles (pg_*) and PUBLIC it tells only
//     what people have granted; so their attributes, and their memberships of each
//     other, are left out.
//   - every database with all that is in it, but for the templates of initdb, of
//     which DBFleet reads only the database itself: pg_dump.
//   - information_schema, which pg_dump tells only when asked for: the difference
//     between its dump and that of an untouched database.
//   - what no tool tells: the catalog. These are the tablespaces pg_default and
//     pg_global, the languages that are compiled in, and the functions that come
//     with a range type.
//
// In pg_catalog, pg_dump tells what differs from how initdb made it, and DBFleet
// too. Left out is what neither dumps tell nor DBFleet reads: who owns things on
// which nothing can be granted (see without).
func TestStoredIsWhatTheServersToolsSay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := testdb.LoadFleetPostgres(t.Context(), s.target); err != nil {
		t.Fatal(err)
	}
	s.addHostile(t)
	for _, database := range s.ask(t, "", "SELECT datname FROM pg_database WHERE datname LIKE 'fleet_%'") {
		s.exec(t, "", "GRANT CONNECT ON DATABASE "+quote(database)+" TO "+minimalUser) // as the page asks
	}
	s.sync(t)
	got := storedBook(t, s.stored(t))
	want := s.told(t)
	compareBooks(t, want, got)
	if lines := len(slices.Concat(slices.Collect(maps.Values(want))...)); len(want) < 70 || lines < 1000 {
		t.Errorf("the tools tell only %d lines about %d accounts", lines, len(want))
	}
}

func compareBooks(t *testing.T, want, got book) {
	t.Helper()
	for _, w := range slices.Sorted(maps.Keys(want)) {
		if _, known := got[w]; !known {
			t.Errorf("account %q is not stored", w)
			continue
		}
		if diff := cmp.Diff(want.sorted(w), got.sorted(w)); diff != "" {
			t.Errorf("%q (-the tools tell +stored):\n%s", w, diff)
		}
	}
	for w := range got {
		if _, known := want[w]; !known {
			t.Errorf("account %q is stored, and no tool tells of it", w)
		}
	}
}

// told asks the server's tools about everything.
func (s *site) told(t *testing.T) book {
	t.Helper()
	s.exec(t, "", "ALTER DATABASE template0 ALLOW_CONNECTIONS true") // or pg_dump could not look
	d := newDump(t)
	for _, predefined := range s.ask(t, "", "SELECT rolname FROM pg_roles WHERE rolname ~ '^pg_'") {
		d.book[who(predefined)] = []string{}
	}
	d.read("", s.tool(t, "", "pg_dumpall", "--globals-only", "--no-role-passwords"))
	untouched := s.tool(t, "template0", "pg_dump", informationSchema...)
	for _, database := range s.ask(t, "", "SELECT datname FROM pg_database") {
		d.read(database, s.tool(t, database, "pg_dump", "--create", "--blobs", "--exclude-table-data=*.*"))
		if template := strings.HasPrefix(database, "template"); template {
			d.forgetInside(database)
			continue
		}
		d.addInformationSchema(database, s.tool(t, database, "pg_dump", informationSchema...), untouched)
		d.book.addUntold(s.ask(t, database, untoldOfDatabase), database)
	}
	for _, o := range d.objects {
		o.lines(func(w who, l grantLine) { d.book.add(w, "%s", l) })
	}
	d.book.addUntold(s.ask(t, "", untoldOfServer), "")
	return d.book
}

// tool returns what one of the server's programs writes.
func (s *site) tool(t *testing.T, database, program string, args ...string) string {
	t.Helper()
	cmd := s.target.Tool(t.Context(), database, program, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s of %q: %v: %s", program, database, err, stderr.String())
	}
	return string(out)
}

// forgetInside forgets what is in a database, but not the database.
func (d *dump) forgetInside(database string) {
	maps.DeleteFunc(d.objects, func(p place, _ *object) bool { return p.database == database })
}
