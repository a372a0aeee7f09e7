package mysql

import (
	"context"
	"strings"

	"github.com/dbfleet/dbfleet/internal/account"
)

const sqlRolesMapping = `
SELECT Host, User, '', Role, Admin_option
  FROM mysql.roles_mapping`

// sqlRoleEdges: what MySQL calls "from" is the role. Its manual says the opposite;
// its source, and whoever looks at the table, do not.
const sqlRoleEdges = `
SELECT TO_HOST, TO_USER, FROM_HOST, FROM_USER, WITH_ADMIN_OPTION
  FROM mysql.role_edges`

const sqlDefaultRoles = `
SELECT HOST, USER, DEFAULT_ROLE_HOST, DEFAULT_ROLE_USER
  FROM mysql.default_roles`

// sqlMandatoryRoles: the roles that everybody has, whether all roles are active
// from the start, and whether those are, which MySQL tells apart from 9.5 on.
const (
	sqlMandatoryRoles = `
SELECT @@global.mandatory_roles, @@global.activate_all_roles_on_login, 0`
	sqlMandatoryRoles95 = `
SELECT @@global.mandatory_roles, @@global.activate_all_roles_on_login, @@global.activate_mandatory_roles`
)

// readMemberships reads who has which roles, and which of them from the start.
func (c *conn) readMemberships(ctx context.Context) error {
	if !c.read.version.hasRoles() {
		return nil
	}
	q := query{name: "memberships", sql: sqlRoleEdges, columns: 5}
	if c.read.version.mariaDB() {
		q.sql = sqlRolesMapping
	}
	err := c.each(ctx, q, c.read.addMembership)
	switch {
	case err != nil:
	case c.read.version.mariaDB():
		c.read.markDefaults()
	default:
		err = c.readMySQLRoles(ctx)
	}
	if err == nil {
		return nil
	}
	c.read.UndoMemberships()
	if err := c.read.Skip(account.GapMemberships, err); err != nil {
		return err
	}
	return c.read.skipSettings(err)
}

func (r *read) addMembership(v row) error {
	if a := r.account(v.text(1), v.text(0)); a != nil {
		a.Memberships = append(a.Memberships, account.Membership{
			Role: r.identity(v.text(3), v.text(2)), Admin: v.flag(4), Default: new(bool),
		})
	}
	return nil
}

// readMySQLRoles reads what MySQL tells in other places than role_edges.
func (c *conn) readMySQLRoles(ctx context.Context) error {
	err := c.each(ctx, query{name: "default_roles", sql: sqlDefaultRoles, columns: 4}, func(v row) error {
		if a := c.read.account(v.text(1), v.text(0)); a != nil {
			c.read.markDefault(a, identity(v.text(3), v.text(2)))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.each(ctx, c.mandatoryRoles(), c.read.addMandatoryRoles)
}

func (c *conn) mandatoryRoles() query {
	q := query{name: "mandatory_roles", sql: sqlMandatoryRoles, columns: 3}
	if c.read.version.atLeast(9, 5) {
		q.sql = sqlMandatoryRoles95
	}
	return q
}

// addMandatoryRoles makes everybody a member of them. That all roles are active
// from the start is said about everybody, and not in each membership: one change
// of the server is one change here.
func (r *read) addMandatoryRoles(v row) error {
	public := r.Account(account.PublicIdentity)
	all := v.flag(1)
	if all {
		r.addSetting(public, "activate_all_roles_on_login=true")
	}
	for _, role := range parseRoles(v.text(0)) {
		active := all || v.flag(2)
		public.Memberships = append(public.Memberships, account.Membership{Role: role, Default: &active})
	}
	return nil
}

// markDefaults marks the default roles of MariaDB, which stand with the account.
func (r *read) markDefaults() {
	for id, role := range r.defaults {
		if a := r.Account(id); a != nil {
			r.markDefault(a, identity(role, ""))
		}
	}
}

// markDefault marks one membership. A role that everybody has may be somebody's
// default without a membership of its own.
func (r *read) markDefault(a *account.Account, role string) {
	for i := range a.Memberships {
		if a.Memberships[i].Role == role {
			yes := true
			a.Memberships[i].Default = &yes
			return
		}
	}
	r.addSetting(a, "default_role="+role)
}

// parseRoles returns the identities in a list such as `r1`@`%`,r2: each part
// may be quoted, and a role without a host has the host %.
func parseRoles(list string) []string {
	var roles []string
	for list != "" {
		var user, host string
		user, list = rolePart(list)
		host = "%"
		if list != "" && list[0] == '@' {
			host, list = rolePart(list[1:])
		}
		if user != "" {
			roles = append(roles, identity(user, host))
		}
		if list != "" {
			list = list[1:] // the comma, or what has no place there
		}
	}
	return roles
}

// rolePart takes one name off the front of the list.
func rolePart(list string) (name, rest string) {
	list = strings.TrimLeft(list, " ")
	if list == "" {
		return "", ""
	}
	if strings.IndexByte("`'\"", list[0]) >= 0 {
		return quotedPart(list[1:], list[0])
	}
	if end := strings.IndexAny(list, "@, "); end >= 0 {
		return list[:end], list[end:]
	}
	return list, ""
}

// quotedPart takes off a name up to its closing quote; two quotes stand for one.
func quotedPart(list string, quote byte) (name, rest string) {
	var text []byte
	for i := 0; i < len(list); i++ {
		if list[i] == quote {
			if i+1 == len(list) || list[i+1] != quote {
				return string(text), list[i+1:]
			}
			i++
		}
		text = append(text, list[i])
	}
	return string(text), ""
}
