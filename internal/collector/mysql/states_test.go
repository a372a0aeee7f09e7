package mysql_test

import (
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// What may become of the view, and how a server says so.
func TestBrokenViewIsNamedOrDoneWithout(t *testing.T) {
	t.Parallel()
	s := bare(t)
	s.Exec(t, "", createMinimal, "CREATE USER maker")
	s.Exec(t, "", mysql.MinimalMariaDB(minimalName)...)
	//nolint:paralleltest // they change one view
	for name, statements := range map[string][]string{
		"without its definer": {"CREATE OR REPLACE DEFINER = maker VIEW dbfleet.account_state AS SELECT * FROM mysql.global_priv", "DROP USER maker"},
		"without a column":    {"CREATE OR REPLACE VIEW dbfleet.account_state AS SELECT Host, User FROM mysql.global_priv"},
		"without its table": {
			"CREATE TABLE dbfleet.passing (Host int)", "CREATE OR REPLACE VIEW dbfleet.account_state AS SELECT Host FROM dbfleet.passing",
			"DROP TABLE dbfleet.passing",
		},
		"without itself": {"DROP VIEW IF EXISTS dbfleet.account_state"},
	} {
		t.Run(name, func(t *testing.T) {
			s.Exec(t, "", statements...)
			s.Exec(t, "", "GRANT SELECT ON mysql.* TO dbfleet", "REVOKE SELECT ON mysql.* FROM dbfleet")
			read := func() error {
				_, err := mysql.New(localDialer(t), nil).ReadAccounts(t.Context(), s.Target(), fleet.Limits{}, nil)
				return err
			}
			if f := session.AsFault(read()); f.Code != session.CodePermission || !strings.Contains(f.Error(), "as the documentation makes it: ") {
				t.Errorf("fault %v", f)
			}
			s.Exec(t, "", "GRANT SELECT ON mysql.* TO dbfleet")
			if err := read(); err != nil {
				t.Errorf("an account that sees the table itself: %v", err)
			}
		})
	}
}
