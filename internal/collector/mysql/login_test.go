package mysql_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// The answers of a server to the login, and what becomes of them:
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html,
// https://dev.mysql.com/doc/refman/8.4/en/password-management.html (3955), and
// https://mariadb.com/docs/server/reference/error-codes/mariadb-error-codes-4100-to-4199/e4150
func TestRefusalsOfALogin(t *testing.T) {
	t.Parallel()
	for number, want := range map[uint16]session.Code{
		1045: session.CodeAuthFailed, 1698: session.CodeAuthFailed, 1862: session.CodeAuthFailed, 3118: session.CodeAuthFailed,
		3955: session.CodeAuthFailed, 4150: session.CodeAuthFailed, 4151: session.CodeAuthFailed,
		1044: session.CodePermission, 1129: session.CodePermission, 1130: session.CodePermission,
		1049: session.CodeUnknownDatabase, 1040: session.CodeTooMany, 1226: session.CodeTooMany, 1053: session.CodeReset,
	} {
		t.Run(strconv.Itoa(int(number)), func(t *testing.T) {
			t.Parallel()
			fake := collectortest.Serve(t, func(_ context.Context, c net.Conn) {
				w := &wire{c: c}
				w.packet(greeting(withoutTLS))
				if _, err := w.hear(); err == nil {
					w.refuse(number, "the server says no")
				}
			})
			target, told := fake.Target(fleet.TLSDisable), false
			_, err := mysql.New(localDialer(t), nil).ReadAccounts(t.Context(), target, fleet.Limits{}, func(context.Context) { told = true })
			f := session.AsFault(err)
			if f.Code != want || f.Phase != session.PhaseLogin || told {
				t.Errorf("fault %v, told of a login: %t; want %s", f, told, want)
			}
		})
	}
}

// A server may let an account in whose password has expired, and then do nothing
// for it. That is no login.
func TestExpiredPasswordIsNoLogin(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Exec(t, "", "ALTER USER dbfleet PASSWORD EXPIRE")
	told := false
	_, err := mysql.New(localDialer(t), nil).ReadAccounts(t.Context(), s.Target(), fleet.Limits{}, func(context.Context) { told = true })
	f := session.AsFault(err)
	if f.Code != session.CodeAuthFailed || f.Phase != session.PhaseLogin || told || !strings.Contains(f.Error(), "expired") {
		t.Errorf("fault %v, told of a login: %t", f, told)
	}
}
