package cli

import (
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/client"
)

func TestBarLineFitsItsTerminal(t *testing.T) {
	t.Parallel()
	half := running(48, 100)
	failing := running(46, 100)
	failing.Counts.Failed = 2
	stopping := running(48, 100)
	stopping.Status = client.SessionStatusCancelling
	nothing := running(0, 0)
	young := running(0, 100)
	young.EtaSeconds, young.RatePerSecond = nil, nil
	tests := []struct {
		name  string
		s     client.SyncSession
		width int
		want  string
	}{
		{"wide", half, 100, "[###################---------------------]  48%  48/100  ETA 13s  4 running  4.0/s"},
		{"failures", failing, 80, "[############---------------]  48%  48/100  2 failed  ETA 13s  4 running  4.0/s"},
		{"usual", half, 60, "[########---------]  48%  48/100  ETA 13s  4 running  4.0/s"},
		{"narrow", half, 40, "[#######--------]  48%  48/100  ETA 13s"},
		{"narrower", half, 30, "[######--------]  48%  48/100"},
		{"no room for a bar", half, 12, " 48%"},
		{"tiny", half, 4, " 4…"},
		{"none", half, 0, "…"},
		{"cancelling", stopping, 60, "[######-------] cancelling  48%  48/100  ETA 13s  4 running"},
		{"empty session", nothing, 40, "[##################] 100%  0/0  ETA 13s"},
		{"young", young, 60, "[----------------------------------]   0%  0/100  4 running"},
		{"ended", succeeded(), 60, "[########################################] 100%  3/3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := barLine(tt.s, 0, tt.width)
			if got != tt.want {
				t.Errorf("line =\n%q, want\n%q", got, tt.want)
			}
		})
	}
	for width := range 200 {
		for _, s := range []client.SyncSession{half, failing, stopping, nothing, young, succeeded()} {
			if n := columns(barLine(s, width%3, width)); n > max(width-1, 1) {
				t.Errorf("width %d: the line has %d columns", width, n)
			}
		}
	}
}

func TestTableNarrowsTheWidestColumn(t *testing.T) {
	t.Parallel()
	tab := &table{header: []string{"NAME", "MESSAGE"}, indent: 2}
	tab.add("订单", strings.Repeat("x", 60))
	tab.add("a\u202Eb", "short\nline")
	full := tab.render(0)
	if !strings.Contains(full, strings.Repeat("x", 60)) {
		t.Errorf("cut without a limit:\n%s", full)
	}
	for limit := 30; limit < 80; limit++ {
		for line := range strings.Lines(tab.render(limit)) {
			if n := columns(strings.TrimSuffix(line, "\n")); n > limit {
				t.Errorf("limit %d: a line has %d columns: %q", limit, n, line)
			}
		}
	}
	lines := strings.Split(tab.render(40), "\n")
	if at := columns(lines[0][:strings.Index(lines[0], "MESSAGE")]); at != columns(lines[1][:strings.Index(lines[1], "x")]) {
		t.Errorf("columns are not aligned:\n%s", strings.Join(lines, "\n"))
	}
}

func TestSafeShowsWhatATerminalWouldObey(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"plain äöü 订单":      "plain äöü 订单",
		"a\u202Eb":          `a\u202Eb`,
		"\x1b[2J":           `\u001B[2J`,
		"a\nb\tc\r\x00":     `a\nb\tc\u000D\u0000`,
		"zero\u200Bwidth":   `zero\u200Bwidth`,
		"broken\xff":        `broken\xFF`,
		"\U000E0041":        `\U000E0041`,
		"real \uFFFD stays": "real \uFFFD stays",
	}
	for in, want := range tests {
		if got := safe(in); got != want {
			t.Errorf("safe(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestHostileNamesAreEscapedEverywhere(t *testing.T) {
	t.Parallel()
	const evil = "x\x1b[31m\u202Ey"
	in, cred, hold, account := sampleInstance(), sampleCredential(), sampleHold(), sampleAccount()
	in.Name, cred.Name, hold.InstanceName, account.Name = evil, evil, evil, evil
	s := endedSession(client.SessionResultPartial, client.Counts{Completed: 1, Failed: 1})
	s.ErrorGroups[0].Message, s.ErrorGroups[0].Sample, s.Reason = evil, evil, evil
	api := serve(t, routes{
		"GET /instances": page(in), "GET /credentials": page(cred), "GET /holds": page(hold), "GET /accounts": page(account),
		"GET /sync-sessions/{id}": answerJSON(200, s), "GET /holds/{id}": answerJSON(200, hold), "GET /me": problem(403, "forbidden", evil),
	})
	for _, args := range []string{
		"instance list", "credential list", "hold list", "account list", "hold show 5", "whoami",
		"sync show " + sampleSession, "sync watch " + sampleSession,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			b := &bench{api: api}
			got := b.run(t, strings.Fields(args)...)
			shown := got.out + got.err
			if strings.ContainsAny(shown, "\x1b\u202E") || !strings.Contains(shown, `x\u001B[31m\u202Ey`) {
				t.Errorf("shown: %q", shown)
			}
		})
	}
}
