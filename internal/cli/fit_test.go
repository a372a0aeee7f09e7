package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/client"
)

const driverWords = `failed SASL auth: FATAL: password authentication failed for user "monitor" (SQLSTATE 28P01)`

// failedRecords are two, as sync show lists them.
func failedRecords() []client.SyncRecord {
	one, two := sampleRecord(), sampleRecord()
	one.InstanceName, two.InstanceName = "warehouse-primary-1", "warehouse-primary-2"
	one.Fault = &client.Fault{Code: "auth_failed", Phase: "login", Message: driverWords}
	two.Fault = one.Fault
	return []client.SyncRecord{one, two}
}

func TestTerminalShowsWholeErrors(t *testing.T) {
	t.Parallel()
	b := &bench{width: 80, api: serve(t, routes{"GET /sync-sessions/{id}/records": page(failedRecords()...)})}
	got := b.run(t, "sync", "show", sampleSession, "--records", "--status", "failed")
	got.want(t, 0, "warehouse-primary-1", "warehouse-primary-2")
	wantWidth(t, got.out, 80)
	if words := strings.Join(strings.Fields(got.out), " "); !strings.Contains(words, "auth_failed at login: "+driverWords+" 4711") {
		t.Errorf("the error is cut:\n%s", got.out)
	}
	if strings.Contains(got.out, "CHANGED") || strings.Contains(got.err, "CHANGED") {
		t.Errorf("empty columns take room:\n%s%s", got.out, got.err)
	}
}

func TestTerminalShowsWholeNames(t *testing.T) {
	t.Parallel()
	accounts := make([]client.Account, 3)
	for i, name := range []string{"pg_read_all_data", "pg_read_all_settings", "pg_execute_server_program"} {
		accounts[i] = sampleAccount()
		accounts[i].InstanceName, accounts[i].Name = "warehouse-primary-1", name
	}
	later := sampleTime.Add(24 * time.Hour)
	accounts[2].ValidUntil = &later
	b := &bench{api: serve(t, routes{"GET /accounts": page(accounts...)})}
	for _, b.width = range []int{100, 80, 70} {
		got := b.run(t, "account", "list")
		got.want(t, 0, "pg_read_all_data", "pg_read_all_settings", "pg_execute_server_program", "warehouse-primary-1")
		got.wantErr(t, "No room for ROLES, GRANTS")
		wantWidth(t, got.out, b.width)
	}
	b.width = 0
	b.run(t, "account", "list").want(t, 0, "ROLES  GRANTS  VALID UNTIL           GONE SINCE\n")
}

func TestPipedTableIsWhole(t *testing.T) {
	t.Parallel()
	b := &bench{api: serve(t, routes{"GET /sync-sessions/{id}/records": page(failedRecords()...)})}
	got := b.run(t, "sync", "show", sampleSession, "--records")
	got.want(t, 0, "CHANGED  GONE  ERROR", "auth_failed at login: "+driverWords+"\n")
	if got.err != "" {
		t.Errorf("err = %s", got.err)
	}
}

func TestEveryTableFitsItsTerminal(t *testing.T) {
	t.Parallel()
	for _, wrap := range []bool{true, false} {
		tab := &table{header: []string{"ID", "NAME", "N", "ERROR"}, drop: []string{"N"}, keep: []string{"NAME"}, wrap: wrap}
		tab.add("1", "订单-orders", "5", "words "+strings.Repeat("界x", 60))
		tab.add("22", "b", "", "")
		for limit := 30; limit < 160; limit++ {
			shown, _ := tab.fitted(limit)
			wantWidth(t, shown.render(limit), limit)
		}
		if wrap {
			shown, _ := tab.fitted(40)
			if n := strings.Count(shown.render(40), "界"); n != 60 {
				t.Errorf("%d of 60 characters are shown:\n%s", n, shown.render(40))
			}
		}
	}
}

func TestManyWideColumnsFitANarrowTerminal(t *testing.T) {
	t.Parallel()
	for _, wrap := range []bool{true, false} {
		tab := &table{header: strings.Fields("ID NAME A B C D STATUS E F G"), keep: []string{"NAME", "STATUS"}, drop: []string{"A"}, wrap: wrap}
		tab.add(strings.Split(strings.Repeat("a-long-cell-of-text-without-blanks,", 9)+"words and words and words", ",")...)
		for limit := 40; limit < 240; limit++ {
			shown, left := tab.fitted(limit)
			wantWidth(t, shown.render(limit), limit)
			if got := strings.Join(shown.header, " "); !strings.Contains(got, "NAME") || !strings.Contains(got, "STATUS") || len(shown.header)+len(left) != 10 {
				t.Errorf("limit %d: columns %s, left out %v", limit, got, left)
			}
		}
	}
}

func TestWrappedKeepsEveryWord(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in    string
		limit int
		want  []string
	}{
		{"", 5, []string{""}},
		{"ab cd ef", 5, []string{"ab cd", "ef"}},
		{"abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"a bcdef g", 3, []string{"a", "bcd", "ef", "g"}},
		{"订单订单", 5, []string{"订单", "订单"}},
		{"订", 1, []string{"订"}},
	}
	for _, tt := range tests {
		if got := wrapped(tt.in, tt.limit); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("wrapped(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}

func wantWidth(t *testing.T, out string, limit int) {
	t.Helper()
	for line := range strings.Lines(withoutColours(out)) {
		if n := columns(strings.TrimSuffix(line, "\n")); n > limit {
			t.Errorf("limit %d: a line has %d columns: %q", limit, n, line)
		}
	}
}

func withoutColours(out string) string {
	return strings.NewReplacer(red, "", yellow, "", plain, "").Replace(out)
}

// listCommands are the commands that print a list, and the words that each must
// show however narrow the terminal is.
func listCommands() map[string][]string {
	return map[string][]string{
		"worker list": {"sync-1/42"}, "credential list": {"monitor"}, "instance list": {"orders-1"},
		"sync list": {"6f2c1f0"}, "sync show records": {"orders-1", "failed"}, "account list": {"orders-1", "app"},
		"hold list": {"orders-1"}, "schedule list": {"nightly"}, "schedule show": {"started"}, "schedule history": {"started"},
		"setting list": {"dispatch"}, "user list": {"alice"}, "token list": {"laptop"}, "audit": {"instance.update"},
		"keys list": {"3f0c9a2b41d7e865"}, "migrate status": {"00001"}, "sync errors": {"4be0a6d1f02c9e77", "connect_timeout"},
		"sync stats": {"account"}, "instance tag list": {"eu"}, "doctor": {"postgres"},
	}
}

func TestEveryListFitsANarrowTerminal(t *testing.T) {
	t.Parallel()
	commands := listed()
	for name, key := range listCommands() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := commands[name]
			for _, width := range []int{40, 60, 80} {
				b := c.bench(t, c.answer)
				b.width = width
				got := b.run(t, c.args...)
				got.want(t, 0, key...)
				if name != "schedule show" && name != "sync stats" { // whose first lines are no table
					wantWidth(t, got.out, width)
				}
			}
		})
	}
}

// What does not fit goes on below, whole.
func TestDetailsFitANarrowTerminal(t *testing.T) {
	t.Parallel()
	commands := listed()
	for name, words := range map[string]string{
		"schedule show": "queue: one fire waits while its last sync runs", "hold show": "complete reads that agree: 1",
		"instance show": "orders-1.example.net:5432", "credential show": "3f0c9a2b41d7e865", "user show": "2026-11-21 01:00:00Z",
		"account show": "2026-11-21 01:00:00Z", "sync stats": "half below",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := commands[name]
			b := c.bench(t, c.answer)
			b.width = 45
			got := b.run(t, c.args...)
			got.want(t, 0)
			if !strings.Contains(strings.Join(strings.Fields(got.out), " "), words) {
				t.Errorf("%q is cut:\n%s", words, got.out)
			}
			facts, _, _ := strings.Cut(got.out, "\n\n")
			_, facts, _ = strings.Cut(facts, "\n") // behind the title
			wantWidth(t, facts, 45)
		})
	}
}

func TestColoursOnlyWhereTheyAreWanted(t *testing.T) {
	t.Parallel()
	c := apiCommands()["sync show records"]
	for name, tt := range map[string]struct {
		width int
		env   map[string]string
		want  bool
	}{
		"terminal":       {100, nil, true},
		"no color empty": {100, map[string]string{"NO_COLOR": ""}, true},
		"no color":       {100, map[string]string{"NO_COLOR": "0"}, false},
		"dumb":           {100, map[string]string{"TERM": "dumb"}, false},
		"pipe":           {0, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := c.bench(t, c.answer)
			b.width, b.env = tt.width, tt.env
			got := b.run(t, c.args...)
			if coloured := strings.Contains(got.out, red+"failed"+plain); coloured != tt.want || strings.Contains(got.out, "\x1b") != tt.want {
				t.Errorf("coloured = %v: %q", coloured, got.out)
			}
		})
	}
}
