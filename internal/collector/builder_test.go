package collector_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/session"
)

func TestBuilderTakesEachAccountOnceAndNotTooMany(t *testing.T) {
	t.Parallel()
	b := collector.NewBuilder(2)
	for _, step := range []struct {
		key  string
		kind account.Kind
		want error
	}{
		{"a", account.User, nil},
		{"public", account.Public, nil},
		{"a", account.User, collector.ErrProtocol},
		{"b", account.Role, nil},
		{"c", account.User, collector.ErrTooLarge},
	} {
		if err := b.Add(step.key, account.Account{Identity: step.key, Kind: step.kind}); !errors.Is(err, step.want) {
			t.Errorf("%s: %v, want %v", step.key, err, step.want)
		}
	}
	if b.Account("b") == nil || b.Account("c") != nil {
		t.Errorf("accounts %+v", b.Snapshot.Accounts)
	}
}

func TestBuilderTakesBackWhatAStatementHadReturned(t *testing.T) {
	t.Parallel()
	b := collector.NewBuilder(1)
	if err := b.Add("a", account.Account{Identity: "a", Kind: account.User}); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"table", "server", "table", "table"} {
		if err := b.AddGrant(b.Account("a"), account.Grant{Type: kind}); err != nil {
			t.Fatal(err)
		}
	}
	b.Account("a").Memberships = []account.Membership{{Role: "r"}}
	b.UndoGrants(func(g *account.Grant) bool { return g.Type == "table" })
	b.UndoMemberships()
	b.Unknown()
	s := b.Finish(7)
	if a := s.Accounts[0]; len(a.Grants) != 2 || a.Grants[1].Type != "server" || a.Memberships != nil {
		t.Errorf("account %+v", a)
	}
	if d := s.Details; d["grants"] != 2 || d["unknown_grantees"] != 1 || d["bytes_read"] != int64(7) {
		t.Errorf("details %v", d)
	}
}

// Only what a server has refused, and would go on after, is a gap.
func TestBuilderSkipsOnlyRefusals(t *testing.T) {
	t.Parallel()
	type engineFailure struct{ collector.Failure }
	fault := &session.Fault{Code: session.CodePermission, Phase: session.PhaseQuery("x"), Err: errors.New("no")}
	refused := &engineFailure{collector.Failure{Fault: fault, Refused: true}}
	b := collector.NewBuilder(1)
	for _, err := range []error{io.EOF, &engineFailure{collector.Failure{Fault: fault}}, fmt.Errorf("more: %w", refused)} {
		if got := b.Skip("part", err); !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
	}
	if err := b.Skip("part", refused); err != nil {
		t.Error(err)
	}
	want := account.Gap{Type: "part", Code: session.CodePermission, Phase: session.PhaseQuery("x"), Reason: "no"}
	if s := b.Finish(0); len(s.Gaps) != 1 || s.Gaps[0] != want {
		t.Errorf("gaps %+v", s.Gaps)
	}
}

func TestCleanReturnsWhatCanBeStored(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"": "", "é": "é", "a\x00b": "a\uFFFDb", "m\xf6be": "m\uFFFDbe",
		strings.Repeat("x", 64<<10):         strings.Repeat("x", 64<<10),
		strings.Repeat("x", 64<<10-1) + "é": strings.Repeat("x", 64<<10-1) + "\uFFFD…",
	} {
		if got := collector.Clean([]byte(value)); got != want {
			t.Errorf("%.20q became %.20q", value, got)
		}
	}
}
