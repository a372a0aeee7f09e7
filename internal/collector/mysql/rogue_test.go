package mysql_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// A server may answer a login or a statement with a request; none is granted.
func TestRogueServersGetNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handle collectortest.Handler
		code   session.Code // empty: any
	}{
		"asks for the password in the clear": {switchTo("mysql_clear_password"), session.CodeAuthFailed},
		"asks for the old kind of password":  {switchTo("mysql_old_password"), session.CodeAuthFailed},
		"asks for a plugin that nobody has":  {switchTo("rogue"), session.CodeAuthFailed},
		"asks for a file": {func(_ context.Context, c net.Conn) {
			serve(c, func(w *wire, _ string) { w.packet([]byte("\xfb/etc/hostname")) })
		}, ""},
		"a greeting cut short": {func(_ context.Context, c net.Conn) {
			(&wire{c: c}).packet([]byte("\x0a8.0.36\x00abc"))
		}, session.CodeProtocol},
		"no columns at all": {func(_ context.Context, c net.Conn) {
			serve(c, func(w *wire, _ string) { w.packet([]byte{0xfd, 1}) })
		}, session.CodeProtocol},
		"a refusal with the password": {func(_ context.Context, c net.Conn) {
			w := &wire{c: c}
			w.packet(greeting(withoutTLS))
			if _, err := w.hear(); err == nil {
				w.refuse(1045, "no to fake-Pa55word")
			}
		}, session.CodeAuthFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := collectortest.Serve(t, test.handle)
			_, err := mysql.New(localDialer(t), nil).ReadAccounts(t.Context(), fake.Target(fleet.TLSDisable), fleet.Limits{}, nil)
			var f *session.Fault
			if !errors.As(err, &f) || test.code != "" && f.Code != test.code {
				t.Errorf("%v, want %s", err, test.code)
			}
			if host, _ := os.ReadFile("/etc/hostname"); fake.Heard("fake-Pa55word") || len(host) > 0 && fake.Heard(string(host)) {
				t.Error("the server was told what it asked for")
			}
		})
	}
}

// switchTo asks for another way to log in.
func switchTo(plugin string) collectortest.Handler {
	return func(_ context.Context, c net.Conn) {
		w := &wire{c: c}
		w.packet(greeting(withoutTLS))
		if _, err := w.hear(); err != nil {
			return
		}
		w.packet(append([]byte{0xfe}, plugin+"\x00abcdefghijklmnopqrst\x00"...))
		_, _ = w.hear()
	}
}
