package livepg

import (
	"encoding/json"
)

// informationSchema asks pg_dump for what it leaves out by itself.
var informationSchema = []string{"--schema-only", "--schema=information_schema"}

// addInformationSchema adds how a database's information_schema differs from an
// untouched one, both as pg_dump tells them.
func (d *dump) addInformationSchema(database, text, untouchedText string) {
	d.t.Helper()
	now, untouched := newDump(d.t), newDump(d.t)
	now.read(database, text)
	untouched.read(database, untouchedText)
	for id, o := range now.objects {
		was := untouched.objects[id]
		switch {
		case id.name == "public":
		case was != nil:
			d.objects[id] = o.since(was)
		case id.kind == "column":
			d.objects[id] = o.since(unborn(o.place, ""))
		default:
			d.objects[id] = o
		}
	}
}

// since returns an object with the differences from what it was.
func (o *object) since(was *object) *object {
	diff := unborn(o.place, o.owner)
	for e, grantable := range o.now {
		if before, had := was.now[e]; !had || before != grantable {
			diff.now[e] = grantable
		}
	}
	for e := range was.now {
		if _, has := o.now[e]; !has {
			diff.lost[e] = false
		}
	}
	return diff
}

// What neither pg_dump nor pg_dumpall tells, however it is asked: how privileges
// differ from what the objects are born with.
const (
	untoldOfServer = `
WITH o AS (SELECT 'tablespace' AS kind, '' AS schema, spcname AS name, spcacl AS acl, acldefault('t', spcowner) AS born
             FROM pg_tablespace WHERE spcname ~ '^pg_')` + untold
	untoldOfDatabase = `
WITH o AS (
SELECT 'language' AS kind, '' AS schema, lanname::text AS name, lanacl AS acl, acldefault('l', lanowner) AS born
  FROM pg_language WHERE NOT lanispl AND lanpltrusted
 UNION ALL
SELECT 'function', pronamespace::regnamespace::text, proname || '(' || oidvectortypes(proargtypes) || ')', proacl, acldefault('f', proowner)
  FROM pg_proc WHERE oid >= 16384 AND oid IN (SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'i'))` + untold

	untold = `
SELECT json_build_object('role', pg_get_userbyid(nullif(grantee, 0)), 'kind', kind, 'schema', schema, 'name', name,
       'privilege', privilege_type, 'grantable', is_grantable, 'grantor', CASE WHEN gone THEN '' ELSE pg_get_userbyid(grantor) END, 'gone', gone)::text
  FROM o CROSS JOIN LATERAL (
       SELECT *, false AS gone FROM (SELECT * FROM aclexplode(acl) EXCEPT SELECT * FROM aclexplode(born)) AS given
        UNION ALL
       SELECT *, true FROM (SELECT * FROM aclexplode(born) EXCEPT SELECT * FROM aclexplode(acl)) AS taken) AS difference
 WHERE acl IS NOT NULL`
)

// addUntold adds the rows of these queries.
func (b book) addUntold(rows []string, database string) {
	for _, row := range rows {
		var r struct {
			Role, Kind, Schema, Name, Privilege, Grantor string
			Grantable, Gone                              bool
		}
		if err := json.Unmarshal([]byte(row), &r); err != nil {
			panic(err) // the query writes it
		}
		l := grantLine{
			place:     place{kind: r.Kind, database: database, schema: r.Schema, name: r.Name},
			privilege: r.Privilege, grantable: r.Grantable, grantor: who(r.Grantor), source: "explicit",
		}
		if r.Gone {
			l.source, l.effect = "default", "revoked"
		}
		role := who(r.Role)
		if role == "" {
			role = everybody
		}
		b.add(role, "%s", l)
	}
}
