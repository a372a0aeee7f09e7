package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/session"
)

// A statement on grants is grantsOpen, one or more SELECTs on objects joined by
// UNION ALL, and grantsClose. Each SELECT on objects returns
//
//	kind     the Grant's type
//	schema   NULL outside of schemas
//	object   the name
//	col      NULL unless it is a column
//	for_role of default privileges: who creates the objects
//	owner    whose rights are not written down; 0 when there is nobody
//	owned    whether the owner is to be told: not for objects of the system
//	quiet    whether what equals the baseline is left out
//	acl      the privileges; never NULL
//	base     the baseline
const grantsOpen = `
WITH o (kind, schema, object, col, for_role, owner, owned, quiet, acl, base) AS (`

// grantsClose compares acl and base of each object.
//
// What the owner has granted is compared whoever the owner is by now: base may
// still name the first one. So "by" is 0 for the owner on both sides. What
// somebody else has granted is in no baseline.
const grantsClose = `)
SELECT o.kind, o.schema, o.object, o.col, o.for_role::text,
       o.owner::text, NULL, 'owner', '', 'OWNER', ''
  FROM o
 WHERE o.owned
UNION ALL
SELECT o.kind, o.schema, o.object, o.col, o.for_role::text,
       g.grantee::text, g.grantor::text, g.source, g.effect, g.privileges, g.grantable
  FROM o
 CROSS JOIN LATERAL (
       SELECT d.grantee, d.grantor, d.source, d.effect,
              string_agg(DISTINCT d.privilege COLLATE "C", ',' ORDER BY d.privilege COLLATE "C") AS privileges,
              string_agg(DISTINCT d.privilege COLLATE "C", ',' ORDER BY d.privilege COLLATE "C")
                     FILTER (WHERE d.grantable) AS grantable
         FROM (
              SELECT grantee, privilege, a.grantable,
                     CASE WHEN a.known AND (b.known IS NULL OR a.grantable <> b.grantable) THEN a.grantor END AS grantor,
                     CASE WHEN a.known AND b.known AND a.grantable = b.grantable THEN 'default'
                          WHEN a.known THEN 'explicit'
                          WHEN grantee = o.owner AND NOT o.quiet THEN 'owner'
                          ELSE 'default' END AS source,
                     CASE WHEN a.known THEN '' ELSE 'revoked' END AS effect
                FROM (SELECT e.grantee, e.privilege_type AS privilege, true AS known, e.grantor,
                             e.is_grantable AND e.grantee <> o.owner AS grantable,
                             CASE WHEN e.grantor = o.owner THEN 0 ELSE e.grantor END AS by
                        FROM aclexplode(o.acl) e) a
                FULL JOIN
                     (SELECT CASE WHEN e.grantee = e.grantor THEN o.owner ELSE e.grantee END AS grantee,
                             e.privilege_type AS privilege, true AS known,
                             e.is_grantable AND e.grantee <> e.grantor AS grantable, 0::oid AS by
                        FROM aclexplode(o.base) e) b
               USING (grantee, privilege, by)
               WHERE CASE WHEN a.known AND b.known AND a.grantable = b.grantable
                          THEN NOT o.quiet AND grantee <> o.owner
                          WHEN b.known IS NULL OR a.known THEN true
                          ELSE o.quiet OR grantee = o.owner END
              ) d
        GROUP BY d.grantee, d.grantor, d.source, d.effect
       ) g
 WHERE NOT o.quiet OR o.acl <> o.base`

const grantColumns = 11

// addGrants returns a visitor of the rows of a statement on grants.
func (b *builder) addGrants(database string) func(row) error {
	return func(r row) error {
		a := b.account(r[5])
		if a == nil {
			return nil
		}
		g := account.Grant{
			Type: b.pool.text(r[0]), Database: database, Schema: b.pool.text(r[1]),
			Object: b.pool.text(r[2]), Column: b.pool.text(r[3]), ForRole: b.identity(r[4]),
			Grantor: b.identity(r[6]), Source: account.Source(b.pool.text(r[7])),
			Effect: account.Effect(b.pool.text(r[8])), Privileges: b.pool.list(r[9]), Grantable: b.pool.list(r[10]),
		}
		if err := checkGrant(&g); err != nil {
			return err
		}
		return b.AddGrant(a, g)
	}
}

// checkGrant refuses words that grantsClose does not have.
func checkGrant(g *account.Grant) error {
	switch {
	case len(g.Privileges) == 0:
		return fmt.Errorf("%w: grant of no privilege", collector.ErrProtocol)
	case g.Source != account.Explicit && g.Source != account.Default && g.Source != account.Owner:
		return fmt.Errorf("%w: source of a grant", collector.ErrProtocol)
	case g.Effect != account.Granted && g.Effect != account.Revoked:
		return fmt.Errorf("%w: effect of a grant", collector.ErrProtocol)
	}
	return nil
}

// A part is what is read of one kind of object, or of a few that share a
// catalog.
type part struct {
	query
	kinds []string
}

// readParts runs all in one statement; when the server refuses that, it runs the
// parts one by one, so that a gap is no larger than it must be.
func (c *conn) readParts(ctx context.Context, database string, all query, parts []part) error {
	visit := c.read.addGrants(database)
	err := c.each(ctx, all, visit)
	if err == nil {
		return nil
	}
	f, ok := err.(*failure) //nolint:errorlint // each returns nothing else
	if !ok || !f.Refused {
		return err
	}
	c.read.UndoGrants(func(g *account.Grant) bool { return g.Database == database })
	slow := f.state == stateQueryCancelled // the parts would take as long
	if slow && database != "" {
		c.read.Gap(database, "", f.Fault)
		return nil
	}
	for _, p := range parts {
		if slow {
			c.read.gapOf(database, p, f.Fault)
			continue
		}
		if err := c.readPart(ctx, database, p, visit); err != nil {
			return err
		}
	}
	return nil
}

// readPart reads one part; what is refused is a gap for each of its kinds.
func (c *conn) readPart(ctx context.Context, database string, p part, visit func(row) error) error {
	err := c.each(ctx, p.query, visit)
	if err == nil {
		return nil
	}
	f, ok := err.(*failure) //nolint:errorlint // each returns nothing else
	if !ok || !f.Refused {
		return err
	}
	c.read.UndoGrants(func(g *account.Grant) bool {
		return g.Database == database && slices.Contains(p.kinds, g.Type)
	})
	c.read.gapOf(database, p, f.Fault)
	return nil
}

// gapOf notes a gap for each kind of a part.
func (b *builder) gapOf(database string, p part, f *session.Fault) {
	for _, kind := range p.kinds {
		b.Gap(database, kind, f)
	}
}

// grantsPart makes a part of one SELECT on objects.
func grantsPart(name, objects string, kinds ...string) part {
	sql := grantsOpen + objects + grantsClose
	return part{kinds: kinds, query: query{name: name, columns: grantColumns, sql: sql}}
}
