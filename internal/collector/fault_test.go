package collector_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/session"
)

func TestFaultKeepsWhyTheContextEndedAndNoSecret(t *testing.T) {
	t.Parallel()
	const password = "never-the-password"
	r := collector.Reporter{Scrub: secret.NewScrubber(secret.New(password))}
	driver := errors.New("the driver says " + password)
	f := r.Fault(t.Context(), session.CodeTLS, session.PhaseTLS, driver, "tls_mode: change it")
	if text := f.Err.Error(); !strings.HasPrefix(text, "tls_mode: change it: the driver says") || strings.Contains(text, password) {
		t.Errorf("fault %q", text)
	}
	if errors.Is(f, driver) {
		t.Error("the driver's error is still there")
	}
	cause := errors.New("the operator has cancelled")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if f := r.Fault(ctx, session.CodeTimeout, session.PhaseLogin, driver, ""); !errors.Is(f, cause) || !strings.HasPrefix(f.Err.Error(), cause.Error()) {
		t.Errorf("fault %q does not begin with the cause", f.Err)
	}
}

func TestEveryKindHasItsCode(t *testing.T) {
	t.Parallel()
	for kind, want := range map[netguard.Kind]session.Code{
		netguard.NotAllowed: session.CodeNotAllowed, netguard.TooMuch: session.CodeTooLarge, netguard.Refused: session.CodeRefused,
		netguard.Reset: session.CodeReset, netguard.Timeout: session.CodeTimeout, netguard.NoRoute: session.CodeNoRoute,
		netguard.NameUnknown: session.CodeDNS, netguard.NameTemporary: session.CodeDNS, netguard.Other: session.CodeProtocol,
	} {
		if got := collector.Code(kind, io.EOF); got != want {
			t.Errorf("%q: %s, want %s", kind, got, want)
		}
	}
	for err, want := range map[error]session.Code{
		context.Canceled: session.CodeTimeout, netguard.ErrJobEnded: session.CodeTimeout,
		collector.ErrTooLarge: session.CodeTooLarge, collector.ErrProtocol: session.CodeProtocol,
	} {
		if got := collector.Code(netguard.Other, fmt.Errorf("x: %w", err)); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

func TestTargetsThatADriverWouldTakeForSomethingElse(t *testing.T) {
	t.Parallel()
	good := fleet.Target{Host: "db.test", Port: 5432, Username: "u", Password: secret.New("p")}
	if err := collector.CheckTarget(good); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*fleet.Target){
		"no port":           func(t *fleet.Target) { t.Port = 0 },
		"port too high":     func(t *fleet.Target) { t.Port = 65536 },
		"no host":           func(t *fleet.Target) { t.Host = "" },
		"socket":            func(t *fleet.Target) { t.Host = "/var/run" },
		"abstract socket":   func(t *fleet.Target) { t.Host = "@x" },
		"NUL in user":       func(t *fleet.Target) { t.Username = "u\x00" },
		"NUL in password":   func(t *fleet.Target) { t.Password = secret.New("canary\x00") },
		"NUL in database":   func(t *fleet.Target) { t.Database = "d\x00" },
		"NUL in the app":    func(t *fleet.Target) { t.AppName = "a\x00" },
		"Windows-like path": func(t *fleet.Target) { t.Host = `\\x` },
	} {
		bad := good
		spoil(&bad)
		if err := collector.CheckTarget(bad); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
