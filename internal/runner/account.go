package runner

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/setting"
)

// AccountReader reads the accounts of servers of one engine. Its errors carry a
// *session.Fault. It calls loggedIn once, right after the first login.
type AccountReader interface {
	ReadAccounts(ctx context.Context, t fleet.Target, l fleet.Limits, loggedIn func(context.Context)) (account.Snapshot, error)
}

// AccountStore keeps what was read.
type AccountStore interface {
	ProveLogin(ctx context.Context, w session.Work) error
	CompleteAccounts(ctx context.Context, c session.Claim, snap account.Snapshot, rules account.HoldRules, details map[string]any) (session.Outcome, error)
}

// Accounts is the job of the account category for one engine. All fields are
// required.
type Accounts struct {
	Reader AccountReader
	Store  AccountStore
	Log    *slog.Logger
}

// Run reads the target's accounts and stores them with the record's completion.
func (a Accounts) Run(ctx context.Context, t Task) (Report, error) {
	began, set := time.Now(), t.Settings
	limits := fleet.Limits{Connect: set.ConnectTimeout, Statement: set.StatementTimeout, MaxAccounts: set.MaxAccounts}
	snap, err := a.Reader.ReadAccounts(ctx, t.Target, limits, func(ctx context.Context) {
		a.prove(ctx, t.Work) // first: others of the session wait for it
		t.Answered(ctx)
	})
	report := Report{Read: time.Since(began)}
	if err != nil {
		return report, err
	}
	if ctx.Err() != nil {
		return report, fmt.Errorf("read accounts: %w", context.Cause(ctx))
	}
	began = time.Now()
	err = patiently(context.WithoutCancel(ctx), t.Over, func(ctx context.Context) (err error) {
		report.Outcome, err = a.Store.CompleteAccounts(ctx, t.Claim, snap, rules(set), details(snap, report.Read))
		return err
	})
	report.Stored = time.Since(began)
	return report, err
}

// prove notes the first successful login of the session. When it cannot be
// noted, the others only wait longer.
func (a Accounts) prove(ctx context.Context, w session.Work) {
	if w.Proven {
		return
	}
	if err := a.Store.ProveLogin(ctx, w); err != nil {
		a.Log.WarnContext(ctx, "proven login not noted", "err", err)
	}
}

func rules(set setting.Settings) account.HoldRules {
	return account.HoldRules{Percent: set.HoldPercent, Minimum: set.HoldMinimum}
}

// details says what only the reader knows; the store adds how complete it was.
func details(snap account.Snapshot, read time.Duration) map[string]any {
	d := map[string]any{
		"read_ms": read.Milliseconds(), "flavour": snap.Server.Flavour, "version": snap.Server.Version,
	}
	maps.Copy(d, snap.Details)
	return d
}
