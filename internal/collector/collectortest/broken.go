package collectortest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
)

// testBroken runs what goes wrong on a server in order.
func testBroken(t *testing.T, h Harness) {
	t.Helper()
	server := h.Start(t)
	t.Run("wrong password", func(t *testing.T) {
		target := server.Target()
		const wrong = "never-the-password"
		target.Password = secret.New(wrong)
		s, err := h.NewReader(t, loopback(t)).ReadAccounts(t.Context(), target, patient(),
			func(context.Context) { t.Error("a login was told that did not happen") })
		wantFault(t, err, session.CodeAuthFailed, session.PhaseLogin)
		if strings.Contains(err.Error(), wrong) {
			t.Errorf("the fault holds the password: %v", err)
		}
		wantNothing(t, s)
	})
	t.Run("unknown database", func(t *testing.T) {
		target := server.Target()
		target.Database = "nowhere"
		_, err := h.NewReader(t, loopback(t)).ReadAccounts(t.Context(), target, patient(), nil)
		code := session.CodeUnknownDatabase
		if h.SQL.HidesDatabases {
			code = session.CodePermission
		}
		wantFault(t, err, code, session.PhaseLogin)
	})
	if h.SQL.Databases {
		t.Run("one unreadable database of many", func(t *testing.T) { testUnreadable(t, h, server) })
	}
	t.Run("no permission", func(t *testing.T) {
		target := server.Target()
		server.Exec(t, "", h.SQL.CreateDatabase("forbidden"), h.SQL.Forbid("forbidden", target.Username))
		target.Database = "forbidden"
		s, err := h.NewReader(t, loopback(t)).ReadAccounts(t.Context(), target, patient(), nil)
		wantFault(t, err, session.CodePermission, session.PhaseLogin)
		wantNothing(t, s)
	})
}

// testUnreadable expects one gap, and everything about the other databases.
func testUnreadable(t *testing.T, h Harness, server Server) {
	t.Helper()
	names := []string{"first", "second", "third", "fourth"}
	server.Exec(t, "", h.SQL.CreateUser("everywhere"))
	for _, name := range names {
		server.Exec(t, "", h.SQL.CreateDatabase(name))
		server.Exec(t, name, h.SQL.CreateTable("s", "t")...)
		server.Exec(t, name, h.SQL.GrantSelect("s", "t", "everywhere"))
	}
	server.Exec(t, "", h.SQL.Forbid("second", server.Target().Username))
	s := read(t, h, server.Target())
	if len(s.Gaps) != 1 || s.Gaps[0].Database != "second" || s.Gaps[0].Code != session.CodePermission {
		t.Errorf("gaps %+v, want one of the database second", s.Gaps)
	}
	var found []string
	for _, g := range byName(t, s, "everywhere").Grants {
		found = append(found, g.Database)
	}
	slices.Sort(found)
	if want := []string{"first", "fourth", "third"}; !slices.Equal(found, want) {
		t.Errorf("grants in %v, want in %v", found, want)
	}
}

// A result is what a read in the background returned.
type result struct {
	snapshot account.Snapshot
	err      error
}

// readBlocked starts a read that waits on the server, and returns when it does.
func readBlocked(ctx context.Context, t testing.TB, h Harness, server Server, target fleet.Target) <-chan result {
	t.Helper()
	done := make(chan result, 1)
	reader := h.NewReader(t, loopback(t))
	go func() {
		s, err := reader.ReadAccounts(ctx, target, patient(), nil)
		done <- result{s, err}
	}()
	await(t, "the read waits on the server", func() bool { return server.Waiting(t) })
	return done
}

// testCancel expects that a cancelled read ends though the server waits on, that
// the fault knows why, and that nothing of it is left on the target.
func testCancel(t *testing.T, h Harness) {
	t.Helper()
	server := h.Start(t)
	target := server.Target()
	target.AppName = "dbfleet/cancelled"
	unblock := server.Block(t)
	defer unblock()
	cause := errors.New("the operator has cancelled")
	ctx, cancel := context.WithCancelCause(t.Context())
	done := readBlocked(ctx, t, h, server, target)
	cancel(cause)
	r := <-done
	if !errors.Is(r.err, cause) {
		t.Errorf("error %v does not wrap the cause", r.err)
	}
	wantNothing(t, r.snapshot)
	if !h.Stops {
		unblock()
	}
	await(t, "no connection is left on the target", func() bool { return server.Sessions(t, target.AppName) == 0 })
}

// testGone expects that a read fails as a whole when the server dies in it.
func testGone(t *testing.T, h Harness) {
	t.Helper()
	server := h.Start(t)
	server.Block(t)
	done := readBlocked(t.Context(), t, h, server, server.Target())
	server.Kill(t)
	r := <-done
	wantFault(t, r.err, session.CodeReset, "")
	wantNothing(t, r.snapshot)
	_, err := h.NewReader(t, loopback(t)).ReadAccounts(t.Context(), server.Target(), patient(), nil)
	wantFault(t, err, session.CodeRefused, session.PhaseConnect)
}

// testSlow expects that what takes too long is told: as a gap or as a fault.
func testSlow(t *testing.T, h Harness) {
	t.Helper()
	server := h.Start(t)
	unblock := server.Block(t)
	limits := patient()
	limits.Statement = time.Second
	s, err := h.NewReader(t, loopback(t)).ReadAccounts(t.Context(), server.Target(), limits, nil)
	if err != nil {
		wantFault(t, err, session.CodeTimeout, "")
	} else if len(s.Gaps) == 0 || s.Gaps[0].Code != session.CodeTimeout {
		t.Errorf("gaps %+v, want one with %s", s.Gaps, session.CodeTimeout)
	}
	unblock()
	readComplete(t, h, server.Target())
}
