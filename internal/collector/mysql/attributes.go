package mysql

import (
	"context"
	"fmt"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector"
)

// stateMySQL takes what we need out of the column that also holds the hash of a
// second password. The documented view dbfleet.account_state is made of this
// text on MySQL 8.
const stateMySQL = `
SELECT Host, User,
       JSON_EXTRACT(User_attributes, '$.Restrictions') AS restrictions,
       JSON_EXTRACT(User_attributes, '$.Password_locking.failed_login_attempts') AS failed_login_attempts,
       JSON_EXTRACT(User_attributes, '$.Password_locking.password_lock_time_days') AS password_lock_time_days,
       JSON_CONTAINS_PATH(User_attributes, 'one', '$.additional_password') AS second_password,
       JSON_EXTRACT(User_attributes, '$.multi_factor_authentication[*].plugin') AS other_plugins
  FROM mysql.user
 WHERE User_attributes IS NOT NULL`

const sqlAttributes = `
SELECT Host, User, restrictions, failed_login_attempts, password_lock_time_days, second_password,
       other_plugins
  FROM dbfleet.account_state`

// readUserAttributes reads what MySQL 8 has in JSON: partial revokes, the rules
// about wrong passwords, and the plugins that a login has to pass besides.
func (c *conn) readUserAttributes(ctx context.Context) error {
	if c.read.version.mariaDB() || !c.read.version.hasRoles() {
		return nil
	}
	q := query{name: "user_attributes", sql: sqlAttributes, columns: 7}
	err := c.eachState(ctx, q, stateMySQL, c.read.addAttributes)
	if err == nil {
		return nil
	}
	c.read.UndoGrants(func(g *account.Grant) bool { return g.Type == GapPartialRevokes })
	if err := c.read.Skip(GapPartialRevokes, err); err != nil {
		return err
	}
	return c.read.skipSettings(err)
}

// A restriction is a partial revoke as MySQL writes it.
type restriction struct {
	Database   string   `json:"Database"`
	Privileges []string `json:"Privileges"`
}

func (r *read) addAttributes(v row) error {
	a := r.account(v.text(1), v.text(0))
	if a == nil {
		return nil
	}
	for i, name := range []string{"failed_login_attempts", "password_lock_time_days"} {
		if value := v.text(3 + i); value != "" && value != "0" {
			r.addSetting(a, name+"="+value)
		}
	}
	if v.flag(5) {
		r.addSetting(a, "second_password=true")
	}
	if err := r.addFactors(a, v); err != nil {
		return err
	}
	return r.addRestrictions(a, v)
}

// addFactors keeps the plugins that a login has to pass after the first.
func (r *read) addFactors(a *account.Account, v row) error {
	var plugins []string
	if err := v.json(6, &plugins); err != nil {
		return fmt.Errorf("%w: plugins of an account", collector.ErrProtocol)
	}
	for i, plugin := range plugins {
		r.addSetting(a, fmt.Sprintf("factor_%d=%s", i+2, plugin))
	}
	return nil
}

// addRestrictions keeps the partial revokes.
func (r *read) addRestrictions(a *account.Account, v row) error {
	var all []restriction
	if err := v.json(2, &all); err != nil {
		return fmt.Errorf("%w: partial revokes", collector.ErrProtocol)
	}
	for _, one := range all {
		err := r.addGrant(a, account.Grant{
			Type: GapPartialRevokes, Object: one.Database, Privileges: one.Privileges, Effect: account.Denied,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
