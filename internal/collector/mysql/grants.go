package mysql

import (
	"context"
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/internal/account"
)

const sqlTables = `
SELECT Host, User, Db, Table_name, Table_priv
  FROM mysql.tables_priv`

const sqlColumnGrants = `
SELECT Host, User, Db, Table_name, Column_name, Column_priv
  FROM mysql.columns_priv`

const sqlRoutines = `
SELECT Host, User, Db, Routine_name, Routine_type, Proc_priv
  FROM mysql.procs_priv`

const sqlProxies = `
SELECT Host, User, Proxied_host, Proxied_user, With_grant
  FROM mysql.proxies_priv`

// sqlDynamic reads the privileges that MySQL 8 has no column for.
const sqlDynamic = `
SELECT HOST, USER, PRIV, WITH_GRANT_OPTION
  FROM mysql.global_grants`

// A part is one table of grants; the types are those of the grants in it.
type part struct {
	query
	kinds []string
	add   func(row) account.Grant
}

// readGrants reads the tables one by one; one that is refused is a gap for each
// of its types.
func (c *conn) readGrants(ctx context.Context) error {
	if err := c.readDatabaseGrants(ctx); err != nil {
		return err
	}
	for _, p := range c.read.parts() {
		if err := c.readPart(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (r *read) parts() []part {
	parts := []part{
		{query{"table_grants", sqlTables, 5}, []string{"table"}, r.tableGrant},
		{query{"column_grants", sqlColumnGrants, 6}, []string{"column"}, r.columnGrant},
		{query{"routine_grants", sqlRoutines, 6}, routineKinds(), r.routineGrant},
		{query{"proxy_grants", sqlProxies, 5}, []string{"proxy"}, r.proxyGrant},
	}
	if !r.version.mariaDB() && r.version.hasRoles() {
		parts = append(parts, part{query{"dynamic_grants", sqlDynamic, 4}, []string{"dynamic"}, r.dynamicGrant})
	}
	return parts
}

// routineKinds are those of any version: MySQL has libraries from 9.2 on, MariaDB
// has packages.
func routineKinds() []string {
	return []string{"function", "procedure", "package", "package_body", "library"}
}

func (c *conn) readPart(ctx context.Context, p part) error {
	err := c.each(ctx, p.query, func(v row) error {
		a := c.read.account(v.text(1), v.text(0))
		if a == nil {
			return nil
		}
		return c.read.addGrant(a, p.add(v))
	})
	if err == nil {
		return nil
	}
	c.read.UndoGrants(func(g *account.Grant) bool { return slices.Contains(p.kinds, g.Type) })
	for _, kind := range p.kinds {
		if err := c.read.Skip(kind, err); err != nil {
			return err
		}
	}
	return nil
}

// readDatabaseGrants reads mysql.db, whose columns are those of the version. The
// name of a database there may be a pattern.
func (c *conn) readDatabaseGrants(ctx context.Context) error {
	columns, err := c.readLayout(ctx, sqlDatabaseColumns)
	if err != nil {
		return c.read.Skip("database", err)
	}
	sql, privileges, err := databasesQuery(columns)
	if err != nil {
		c.read.Gap("", "database", c.read.permission(ctx, "database_grants", err, ""))
		return nil
	}
	return c.readPart(ctx, part{
		query: query{"database_grants", sql, 3 + len(privileges)}, kinds: []string{"database"},
		add: func(v row) account.Grant {
			s := columnSet(v, 3, privileges)
			return account.Grant{Type: "database", Object: c.read.pool.text(v.text(2)), Privileges: s.privileges, Grantable: s.grantable}
		},
	})
}

// databasesQuery makes the statement of the columns that the server has.
func databasesQuery(columns layout) (sql string, privileges []string, err error) {
	if privileges, err = columns.privileges("db", databaseBase()); err != nil {
		return "", nil, err
	}
	return "SELECT Host, User, Db, " + strings.Join(privileges, ", ") + " FROM mysql.db", privileges, nil
}

func (r *read) tableGrant(v row) account.Grant {
	s := r.pool.set(v.text(4))
	return account.Grant{
		Type: "table", Schema: r.pool.text(v.text(2)), Object: r.pool.text(v.text(3)),
		Privileges: s.privileges, Grantable: s.grantable,
	}
}

func (r *read) columnGrant(v row) account.Grant {
	s := r.pool.set(v.text(5))
	return account.Grant{
		Type: "column", Schema: r.pool.text(v.text(2)), Object: r.pool.text(v.text(3)), Column: r.pool.text(v.text(4)),
		Privileges: s.privileges, Grantable: s.grantable,
	}
}

func (r *read) routineGrant(v row) account.Grant {
	s := r.pool.set(v.text(5))
	kind := strings.ReplaceAll(strings.ToLower(v.text(4)), " ", "_")
	return account.Grant{
		Type: r.pool.text(kind), Schema: r.pool.text(v.text(2)), Object: r.pool.text(v.text(3)),
		Privileges: s.privileges, Grantable: s.grantable,
	}
}

func (r *read) proxyGrant(v row) account.Grant {
	names := []string{"PROXY"}
	if v.flag(4) {
		names = append(names, "GRANT")
	}
	s := newSet(names)
	return account.Grant{
		Type: "proxy", Object: identity(v.text(3), r.userHost(v.text(2))), Privileges: s.privileges, Grantable: s.grantable,
	}
}

func (r *read) dynamicGrant(v row) account.Grant {
	privilege := []string{r.pool.text(v.text(2))}
	g := account.Grant{Type: "dynamic", Privileges: privilege}
	if v.flag(3) {
		g.Grantable = privilege
	}
	return g
}
