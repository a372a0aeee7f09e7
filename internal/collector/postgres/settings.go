package postgres

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// Settings of no role in particular belong to a database, not to an account.
const sqlSettings = `
SELECT s.setrole::text, d.datname, c.setting
  FROM pg_catalog.pg_db_role_setting s
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
 CROSS JOIN LATERAL unnest(s.setconfig) AS c (setting)
 WHERE s.setrole <> 0`

// readSettings reads what ALTER ROLE … SET has set, as "name=value" or
// "database:name=value".
func (c *conn) readSettings(ctx context.Context) error {
	found := map[*account.Account][]string{} // no account is added any more
	err := c.each(ctx, query{name: "settings", sql: sqlSettings, columns: 3}, func(r row) error {
		if a := c.read.account(r[0]); a != nil {
			found[a] = append(found[a], c.read.setting(r.text(1), r.text(2)))
		}
		return nil
	})
	if err != nil {
		return c.read.Skip(account.GapSettings, err)
	}
	for a, settings := range found {
		slices.Sort(settings)
		a.Attributes = maps.Clone(a.Attributes) // it is shared
		a.Attributes[account.AttributeSettings] = settings
	}
	return nil
}

func (r *read) setting(database, setting string) string {
	name, value, _ := strings.Cut(setting, "=")
	if sensitive.MatchString(name) {
		value = secret.Redacted
	}
	setting = name + "=" + r.report.Scrub.Clean(value)
	if database == "" {
		return setting
	}
	return database + ":" + setting
}

// sensitive finds settings whose value nobody should see.
var sensitive = regexp.MustCompile(`(?i)(passw|passphrase|secret|token|credential|conninfo)|(^|[._-])(pwd|key)$`)
