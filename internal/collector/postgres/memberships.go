package postgres

import (
	"context"

	"github.com/dbfleet/dbfleet/internal/account"
)

const sqlMemberships = `
SELECT member::text, roleid::text, grantor::text, admin_option, NULL::bool, NULL::bool
  FROM pg_catalog.pg_auth_members`

// Since 16 a membership says what it is good for, and several roles may grant it.
const sqlMemberships16 = `
SELECT member::text, roleid::text, grantor::text, admin_option, inherit_option, set_option
  FROM pg_catalog.pg_auth_members`

func (c *conn) readMemberships(ctx context.Context) error {
	q := query{name: "memberships", sql: sqlMemberships, columns: 6}
	if c.read.version >= version16 {
		q.sql = sqlMemberships16
	}
	err := c.each(ctx, q, c.read.addMembership)
	if err == nil {
		return nil
	}
	c.read.UndoMemberships()
	return c.read.Skip(account.GapMemberships, err)
}

func (b *builder) addMembership(r row) error {
	member := b.account(r[0])
	if member == nil {
		return nil
	}
	m := account.Membership{Role: b.identity(r[1]), Grantor: b.identity(r[2])}
	var err error
	if m.Admin, err = r.flag(3); err != nil {
		return err
	}
	if m.Inherit, err = r.option(4); err != nil {
		return err
	}
	if m.Set, err = r.option(5); err != nil {
		return err
	}
	member.Memberships = append(member.Memberships, m)
	return nil
}
