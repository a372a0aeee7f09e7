package sheet_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/sheet"
)

const header = "name,engine,host,credential,port,tags,active\n"

func read(t *testing.T, text string) *sheet.Sheet {
	t.Helper()
	s, err := sheet.Read(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%.100q: %v", text, err)
	}
	return s
}

// lines shows faults as "line field", and the reasons in one text.
func lines(s *sheet.Sheet) (places []string, reasons string) {
	faults, _ := s.Faults()
	for _, f := range faults {
		places = append(places, fmt.Sprint(f.Line, " ", f.Field))
		reasons += f.Reason + "\n"
	}
	return places, reasons
}

func TestEveryColumnIsRead(t *testing.T) {
	t.Parallel()
	s := read(t, "\uFEFFTags, Host ,name,engine,credential,port,database,tls_mode,tls_server_name,host_key,active\r\n"+
		"b;a; b;,DB.example.net,orders 1,mysql,monitor,3307,shop,require,db.test,Rack-7,FALSE\r\n\r\n"+
		",,\"quoted, and \"\"so\"\"\",,,,,,,,\r\n,,,,,,,,,,\r\n")
	want := []*sheet.Row{{Line: 2, Credential: "monitor", Instance: fleet.Instance{
		Name: "orders 1", Engine: fleet.MySQL, Host: "DB.example.net", Port: 3307, Database: "shop", TLSMode: fleet.TLSRequire,
		TLSServerName: "db.test", HostKey: "rack-7", Tags: []string{"a", "b"},
	}}}
	if diff := cmp.Diff(want, s.Good()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if s.Lines() != 2 || s.Bad() != 1 {
		t.Errorf("%d lines, %d bad", s.Lines(), s.Bad())
	}
	if places, _ := lines(s); !slices.Equal(places, []string{"4 credential", "4 engine", "4 host"}) {
		t.Errorf("faults %q", places)
	}
}

func TestEmptyCellsAreDefaults(t *testing.T) {
	t.Parallel()
	s := read(t, header+"a,postgresql,h,c,,,\n")
	in := s.Good()[0].Instance
	if in.Port != 5432 || !in.Active || in.TLSMode != fleet.TLSVerifyFull || in.HostKey != "h" || len(in.Tags) != 0 {
		t.Errorf("%+v", in)
	}
}

func TestBadLinesAreNamed(t *testing.T) {
	t.Parallel()
	const good = "good%d,mysql,h,c,,,\n"
	for name, tt := range map[string]struct{ line, field, reason string }{
		"unknown engine":          {"a,sqlite,h,c,,,", "engine", "unknown engine"},
		"no engine":               {"a,,h,c,1,,", "engine", "unknown engine"},
		"no name":                 {",mysql,h,c,,,", "name", "empty"},
		"over-long name":          {strings.Repeat("ü", 201) + ",mysql,h,c,,,", "name", "longer than 200"},
		"blank before the name":   {" a,mysql,h,c,,,", "name", "blank"},
		"NUL":                     {"a\x00b,mysql,h,c,,,", "name", "control character"},
		"no host":                 {"a,mysql,,c,,,", "host", "empty"},
		"URL for a host":          {"a,mysql,http://h/,c,,,", "host", "host name"},
		"no credential":           {"a,mysql,h,,,,", "credential", "must name"},
		"port of no number":       {"a,mysql,h,c,tcp,,", "port", "whole number"},
		"port 0":                  {"a,mysql,h,c,0,,", "port", "between 1"},
		"port out of bounds":      {"a,mysql,h,c,65536,,", "port", "between 1"},
		"negative port":           {"a,mysql,h,c,-1,,", "port", "between 1"},
		"blank in a tag":          {"a,mysql,h,c,,a b,", "tags", "blank"},
		"perhaps":                 {"a,mysql,h,c,,,perhaps", "active", "true or false"},
		"too few cells":           {"a,mysql,h", "cells", "are 3, and the header has 7"},
		"too many cells":          {"a,mysql,h,c,,,,", "cells", "are 8"},
		"quote inside":            {`a"b,mysql,h,c,,,`, "cells", "not CSV"},
		"quote in the middle":     {`"a"b,mysql,h,c,,,`, "cells", "not CSV"},
		"not UTF-8":               {"a\xff,mysql,h,c,,,", "name", "UTF-8"},
		"Latin-1 in the tags":     {"a,mysql,h,c,,gr\xfcn,", "tags", "UTF-8"},
		"formula":                 {"=1+1,mysql,h,c,,,", "name", "formula"},
		"plus":                    {"+1,mysql,h,c,,,", "name", "formula"},
		"minus":                   {"-1,mysql,h,c,,,", "name", "formula"},
		"at":                      {"@SUM(A1),mysql,h,c,,,", "name", "formula"},
		"tab":                     {"\ta,mysql,h,c,,,", "name", "formula"},
		"carriage return":         {"\ra,mysql,h,c,,,", "name", "formula"},
		"wide equals sign":        {"＝1,mysql,h,c,,,", "name", "formula"},
		"formula in the tags":     {"a,mysql,h,c,,=cmd|'/c calc'!A1,", "tags", "formula"},
		"formula as a host":       {"a,mysql,=h,c,,,", "host", "formula"},
		"formula as a credential": {"a,mysql,h,@c,,,", "credential", "formula"},
		"name of line 2":          {"good1,mysql,h,c,,,", "name", "already on line 2"},
	} {
		s := read(t, header+fmt.Sprintf(good, 1)+"\n"+tt.line+"\n"+fmt.Sprintf(good, 2))
		places, reasons := lines(s)
		if !slices.Equal(places, []string{"4 " + tt.field}) || !strings.Contains(reasons, tt.reason) {
			t.Errorf("%s: %q %s", name, places, reasons)
		}
		if len(s.Good()) != 2 || s.Lines() != 3 || s.Bad() != 1 {
			t.Errorf("%s: %d good of %d, %d bad", name, len(s.Good()), s.Lines(), s.Bad())
		}
	}
}

func TestNameOfABadLineMayComeAgain(t *testing.T) {
	t.Parallel()
	s := read(t, header+"a,sqlite,h,c,,,\na,mysql,h,c,,,\na,sqlite,h,c,,,\n")
	places, _ := lines(s)
	if !slices.Equal(places, []string{"2 engine", "4 engine", "4 name"}) || len(s.Good()) != 1 || s.Good()[0].Line != 3 {
		t.Errorf("%q", places)
	}
}

func TestLinesAreThoseOfTheFile(t *testing.T) {
	t.Parallel()
	s := read(t, "\n\nname,engine,host,credential,tls_ca\n"+
		"a,mysql,h,c,\"not\na\ncertificate\"\n"+ // 4 to 6
		"\n"+
		"b,nosql,h,c,\n"+ // 8
		"c,mysql,h,c,\"never closed\n\n") // 9
	if places, _ := lines(s); !slices.Equal(places, []string{"4 tls_ca", "8 engine", "9 cells"}) {
		t.Errorf("%q", places)
	}
}

func TestFileThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"empty":            {"", []string{"body"}},
		"mark only":        {"\uFEFF", []string{"body"}},
		"UTF-16":           {"\xFF\xFEn\x00a\x00", []string{"body"}},
		"semicolons":       {"name;engine;host;credential\n", []string{"header"}},
		"tabs":             {"name\tengine\n", []string{"header"}},
		"no header":        {"a,mysql,h,c\n", []string{"a", "mysql", "h", "c", "name", "engine", "host", "credential"}},
		"unknown column":   {"name,engine,host,credential,colour\n", []string{"colour"}},
		"password column":  {"name,engine,host,credential,password\n", []string{"password"}},
		"missing columns":  {"name,port\n", []string{"engine", "host", "credential"}},
		"repeated column":  {"name,engine,host,credential,Name\n", []string{"name"}},
		"column of nobody": {"name,engine,host,credential,\n", []string{"header"}},
		"not UTF-8":        {"name,engine,host,credential,\xff\n", []string{"header"}},
		"no CSV":           {"na\"me,engine\n", []string{"header"}},
	} {
		_, err := sheet.Read(strings.NewReader(tt.text))
		var fields []string
		for _, f := range invalid.All(err) {
			fields = append(fields, f.Field)
		}
		if !slices.Equal(fields, tt.want) {
			t.Errorf("%s: %q, want %q", name, fields, tt.want)
		}
	}
}

func TestBrokenReadIsNoShortFile(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	for _, text := range []string{"", header, header + "a,mysql,h,c,,,\n", header + "a,my", header + "a,\"my"} {
		_, err := sheet.Read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestManyFaultsAreCountedAndTheFirstKept(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(header)
	for i := range 5000 {
		fmt.Fprintf(&b, "n%d,nosql,h,c,x,,\n", i)
	}
	s := read(t, b.String())
	s.Fault(3, "host", "found later")
	faults, leftOut := s.Faults()
	if len(faults) != sheet.MaxFaults || leftOut != 9001 || s.Bad() != 5000 || faults[0].Line != 2 || faults[4].Field != "host" {
		t.Errorf("%d faults and %d more, %d bad, %v", len(faults), leftOut, s.Bad(), faults[:5])
	}
	if bad := s.BadLines(); len(bad) != 5000 || bad[0] != 2 || bad[4999] != 5001 {
		t.Errorf("bad lines %v", bad)
	}
	err := s.Err()
	if all := invalid.All(err); len(all) != 1001 || !strings.Contains(all[0].Reason, "5000 of 5000 lines are bad; 1000 faults are listed, and there are 9001 more") {
		t.Errorf("%d, %v", len(all), all[0])
	}
}

func TestTooManyRowsAreRefused(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(header)
	for i := range sheet.MaxRows {
		fmt.Fprintf(&b, "n%d,mysql,h,c,,,\n", i)
	}
	if s := read(t, b.String()); len(s.Good()) != sheet.MaxRows || s.Err() != nil {
		t.Errorf("%d good, %v", len(s.Good()), s.Err())
	}
	b.WriteString("one more,mysql,h,c,,,\n")
	if _, err := sheet.Read(strings.NewReader(b.String())); len(invalid.All(err)) != 1 {
		t.Errorf("%v", err)
	}
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	t.Parallel()
	names := []string{"plain", "=1+1", "'=1+1", "''=x", "'quoted'", "a,b\"c", "＝wide", "@home", "it's", "+", "-", "中文"}
	var want []*sheet.Row
	var b strings.Builder
	out, err := sheet.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		in, err := fleet.Instance{
			Name: name, Engine: fleet.Oracle, Host: "10.0.0.1", Port: 1521 + i, Database: "=db", CredentialID: 1,
			TLSMode: fleet.TLSVerifyCA, HostKey: "-key", Tags: []string{"+x", "a;b", "c"}[:i%4], Active: i%2 == 0,
		}.Normalise()
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Write(in, "@login"); err != nil {
			t.Fatal(err)
		}
		in.CredentialID = 0
		want = append(want, &sheet.Row{Line: 2 + i, Instance: in, Credential: "@login"})
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	s := read(t, b.String())
	if diff := cmp.Diff(want, s.Good()); diff != "" || s.Err() != nil {
		t.Errorf("%v, -want +got:\n%s\n%s", s.Err(), diff, b.String())
	}
	for line := range strings.Lines(b.String()) {
		for cell := range strings.SplitSeq(line, ",") {
			if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "@") || strings.HasPrefix(cell, "+") {
				t.Errorf("a formula is written: %q", line)
			}
		}
	}
}

func FuzzReadNeverPanics(f *testing.F) {
	f.Add(header + "a,mysql,h,c,,,\n")
	f.Add(header + "\"a\nb\",mysql,h,c,,'=x;y,\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := sheet.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		if len(s.Good())+s.Bad() != s.Lines() {
			t.Errorf("%d good and %d bad of %d", len(s.Good()), s.Bad(), s.Lines())
		}
	})
}
