package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/sheet"
)

func sheetOf(t *testing.T, rows ...string) *sheet.Sheet {
	t.Helper()
	s, err := sheet.Read(strings.NewReader("name,engine,host,credential,tags,port,active\n" + strings.Join(rows, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestImportStoresAllOrNothing(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	c := b.credential(t, "monitor")
	b.instance(t, fleet.Instance{Name: "taken", CredentialID: c.ID})
	rows := []string{
		"b,mysql,h,monitor,prod;eu,,false",
		"taken,mysql,h,monitor,,,",
		"x,mysql,h,nobody,,,",
		"a,postgresql,h,monitor,prod,5433,",
	}
	dry := sheetOf(t, rows...)
	if err := b.CheckImport(t.Context(), dry); err != nil {
		t.Fatal(err)
	}
	faults, _ := dry.Faults()
	if len(faults) != 2 || faults[0].Error() != "line 3: name: is taken by another instance" || faults[1].Line != 4 || faults[1].Field != "credential" {
		t.Errorf("faults %v", faults)
	}
	n, err := b.ImportInstances(t.Context(), sheetOf(t, rows...), false)
	if n != 0 || len(invalid.All(err)) != 3 {
		t.Errorf("%d, %v", n, err)
	}
	if n := row[int](t, b, `SELECT count(*) FROM instances`); n != 1 {
		t.Errorf("%d instances after an import that was refused", n)
	}
	good := sheetOf(t, rows...)
	if n, err := b.ImportInstances(t.Context(), good, true); n != 2 || err != nil || good.Bad() != 2 {
		t.Errorf("%d, %v, %d bad", n, err, good.Bad())
	}
	list, _, err := b.Instances(t.Context(), fleet.InstanceFilter{Tag: "prod"}, 10, 0)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	one := list[0]
	if one.Name != "a" || one.Port != 5433 || one.CredentialID != c.ID || !one.Active || one.HostKey != "h" || list[1].Active || len(list[1].Tags) != 2 {
		t.Errorf("%+v", list)
	}
	if n := row[int](t, b, `SELECT count(*) FROM audit_events WHERE action = 'instance.import' AND detail->>'imported' = '2'`); n != 1 {
		t.Errorf("%d imports are audited", n)
	}
}

func TestImportOfNothingIsFine(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	if n, err := b.ImportInstances(t.Context(), sheetOf(t), false); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestTwoImportsOfTheSameNames(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.credential(t, "monitor")
	const each = 500
	var rows, backwards []string
	for i := range each {
		rows = append(rows, fmt.Sprintf("n%d,mysql,h,monitor,t,,", i))
		backwards = append(backwards, fmt.Sprintf("n%d,mysql,h,monitor,t,,", each-1-i))
	}
	var wg sync.WaitGroup
	var imported [2]int
	for i, list := range [][]string{rows, backwards} {
		file := sheetOf(t, list...)
		wg.Go(func() {
			n, err := b.ImportInstances(t.Context(), file, true)
			if err != nil || n+file.Bad() != each {
				t.Errorf("%d imported, %d bad, %v", n, file.Bad(), err)
			}
			imported[i] = n
		})
	}
	wg.Wait()
	if imported[0]+imported[1] != each {
		t.Errorf("imported %v", imported)
	}
}

func TestImportTellsThePlanner(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.credential(t, "monitor")
	rows := make([]string, 500)
	for n := range rows {
		rows[n] = fmt.Sprintf("orders-%d,mysql,h,monitor,prod;eu,,", n)
	}
	if n, err := b.ImportInstances(t.Context(), sheetOf(t, rows...), false); n != len(rows) || err != nil {
		t.Fatal(n, err)
	}
	for table, want := range map[string]int{"instances": len(rows), "instance_tags": 2 * len(rows)} {
		if n := row[int](t, b, `SELECT reltuples::int FROM pg_class WHERE oid = '`+table+`'::regclass`); n != want {
			t.Errorf("the planner knows of %d rows in %s; want %d", n, table, want)
		}
	}
}
