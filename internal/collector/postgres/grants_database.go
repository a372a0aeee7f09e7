package postgres

import "context"

// What initdb made is quiet: the schemas pg_catalog, information_schema, and those
// for oversized values, and what it put into them. What somebody adds to them later,
// with an OID from 16384 on, is no less that person's. Schemas for temporary objects
// are left out, as they come and go with sessions. The schema public is one of a
// user, born with an ACL.
const (
	systemSchema   = `(n.nspname IN ('pg_catalog', 'information_schema') OR n.nspname ~ '^pg_toast')`
	systemRelation = `(` + systemSchema + ` AND c.oid < 16384)`
	systemRoutine  = `(` + systemSchema + ` AND p.oid < 16384)`
	systemType     = `(` + systemSchema + ` AND t.oid < 16384)`
	permanent      = ` n.nspname !~ '^pg_(toast_)?temp_[0-9]+$' `
)

// Initdb makes information_schema after it has filled pg_init_privs: what its
// script grants is written here. Two views and those that begin with _ it keeps.
const (
	schemaBase = `coalesce(i.initprivs, CASE n.nspname WHEN 'information_schema'
	THEN acldefault('n', n.nspowner) || makeaclitem(0, n.nspowner, 'USAGE', false)
	ELSE acldefault('n', n.nspowner) END)`
	relationBase = `coalesce(i.initprivs, CASE WHEN n.nspname = 'information_schema' AND c.oid < 16384
	     AND c.relname !~ '^_' AND c.relname NOT IN ('sql_parts', 'transforms')
	THEN acldefault(d.kind, c.relowner) || makeaclitem(0, c.relowner, 'SELECT', false)
	ELSE acldefault(d.kind, c.relowner) END)`
)

const selectSchemas = `
SELECT 'schema', NULL, n.nspname, NULL, NULL::oid, n.nspowner, NOT ` + systemSchema + `, ` + systemSchema + `,
       coalesce(n.nspacl, acldefault('n', n.nspowner)), ` + schemaBase + `
  FROM pg_catalog.pg_namespace n
  LEFT JOIN pg_catalog.pg_init_privs i
       ON i.classoid = 'pg_catalog.pg_namespace'::regclass AND i.objoid = n.oid AND i.objsubid = 0
 WHERE` + permanent

const selectRelations = `
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized_view' WHEN 'f' THEN 'foreign_table'
                      WHEN 'S' THEN 'sequence' ELSE 'table' END,
       n.nspname, c.relname, NULL, NULL::oid, c.relowner, NOT ` + systemRelation + `, ` + systemRelation + `,
       coalesce(c.relacl, acldefault(d.kind, c.relowner)), ` + relationBase + `
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (SELECT CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char") AS d (kind)
  LEFT JOIN pg_catalog.pg_init_privs i
       ON i.classoid = 'pg_catalog.pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = 0
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND` + permanent + `
   AND (c.relacl IS NOT NULL OR NOT ` + systemRelation + `)`

// selectColumns: a column is born with nothing, and has no owner of its own.
const selectColumns = `
SELECT 'column', n.nspname, c.relname, a.attname, NULL::oid, c.relowner, false, ` + systemRelation + `,
       coalesce(a.attacl, acldefault('c', c.relowner)), coalesce(i.initprivs, acldefault('c', c.relowner))
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_init_privs i
       ON i.classoid = 'pg_catalog.pg_class'::regclass AND i.objoid = a.attrelid AND i.objsubid = a.attnum
 WHERE NOT a.attisdropped AND (a.attacl IS NOT NULL OR i.initprivs IS NOT NULL) AND` + permanent

// selectRoutines names a routine with the types that tell it from its namesakes;
// the names of its arguments may change. A routine that follows another object,
// as the constructors of a range type do, is quiet: it comes and goes with that.
const selectRoutines = `
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       n.nspname, p.proname || '(' || oidvectortypes(p.proargtypes) || ')',
       NULL, NULL::oid, p.proowner, NOT k.quiet, k.quiet,
       coalesce(p.proacl, acldefault('f', p.proowner)), coalesce(i.initprivs, acldefault('f', p.proowner))
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 CROSS JOIN LATERAL (
       SELECT ` + systemRoutine + ` OR EXISTS (
              SELECT FROM pg_catalog.pg_depend f
               WHERE f.classid = 'pg_catalog.pg_proc'::regclass AND f.objid = p.oid AND f.deptype = 'i')) AS k (quiet)
  LEFT JOIN pg_catalog.pg_init_privs i
       ON i.classoid = 'pg_catalog.pg_proc'::regclass AND i.objoid = p.oid AND i.objsubid = 0
 WHERE` + permanent + `AND (p.proacl IS NOT NULL OR NOT k.quiet)`

// selectTypes leaves out what follows another object: the row type of a table,
// the array of a type, the multirange of a range.
const selectTypes = `
SELECT CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END,
       n.nspname, t.typname, NULL, NULL::oid, t.typowner, NOT ` + systemType + `, ` + systemType + `,
       coalesce(t.typacl, acldefault('T', t.typowner)), coalesce(i.initprivs, acldefault('T', t.typowner))
  FROM pg_catalog.pg_type t
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
  LEFT JOIN pg_catalog.pg_init_privs i
       ON i.classoid = 'pg_catalog.pg_type'::regclass AND i.objoid = t.oid AND i.objsubid = 0
 WHERE t.typtype IN ('b', 'c', 'd', 'e', 'r') AND (t.typtype <> 'c' OR c.relkind = 'c') AND e.oid IS NULL
   AND` + permanent + `AND (t.typacl IS NOT NULL OR NOT ` + systemType + `)`

// selectLanguages: only a trusted language is for everybody, whatever acldefault
// says. Those below 16384 are the system's.
const selectLanguages = `
SELECT 'language', NULL, l.lanname, NULL, NULL::oid, l.lanowner, l.oid >= 16384, l.oid < 16384,
       coalesce(l.lanacl, b.acl), b.acl
  FROM pg_catalog.pg_language l
  LEFT JOIN pg_catalog.pg_init_privs i
       ON i.classoid = 'pg_catalog.pg_language'::regclass AND i.objoid = l.oid AND i.objsubid = 0
 CROSS JOIN LATERAL (SELECT coalesce(i.initprivs,
                            CASE WHEN l.lanpltrusted THEN acldefault('l', l.lanowner) ELSE acldefault('c', l.lanowner) END)) AS b (acl)`

const selectForeignWrappers = `
SELECT 'foreign_data_wrapper', NULL, w.fdwname, NULL, NULL::oid, w.fdwowner, true, false,
       coalesce(w.fdwacl, acldefault('F', w.fdwowner)), coalesce(i.initprivs, acldefault('F', w.fdwowner))
  FROM pg_catalog.pg_foreign_data_wrapper w
  LEFT JOIN pg_catalog.pg_init_privs i
       ON i.classoid = 'pg_catalog.pg_foreign_data_wrapper'::regclass AND i.objoid = w.oid AND i.objsubid = 0`

const selectForeignServers = `
SELECT 'foreign_server', NULL, s.srvname, NULL, NULL::oid, s.srvowner, true, false,
       coalesce(s.srvacl, acldefault('S', s.srvowner)), coalesce(i.initprivs, acldefault('S', s.srvowner))
  FROM pg_catalog.pg_foreign_server s
  LEFT JOIN pg_catalog.pg_init_privs i
       ON i.classoid = 'pg_catalog.pg_foreign_server'::regclass AND i.objoid = s.oid AND i.objsubid = 0`

const selectLargeObjects = `
SELECT 'large_object', NULL, l.oid::text, NULL, NULL::oid, l.lomowner, true, false,
       coalesce(l.lomacl, acldefault('L', l.lomowner)), acldefault('L', l.lomowner)
  FROM pg_catalog.pg_largeobject_metadata l`

// selectDefaults: a rule for all schemas replaces what objects are born with, one
// for a single schema adds to it.
const selectDefaults = `
SELECT 'default_privileges', n.nspname, k.word, NULL, d.defaclrole, d.defaclrole, false, true,
       d.defaclacl, CASE WHEN d.defaclnamespace = 0 THEN acldefault(k.kind, d.defaclrole) ELSE acldefault('c', d.defaclrole) END
  FROM pg_catalog.pg_default_acl d
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
 CROSS JOIN LATERAL (
       SELECT CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                                   WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' WHEN 'L' THEN 'large_objects' END,
              CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END::"char") AS k (word, kind)`

const unionAll = " UNION ALL "

// queryGrants reads everything of one database at once.
func queryGrants() query {
	return grantsPart("grants", selectSchemas+unionAll+selectRelations+unionAll+selectColumns+unionAll+
		selectRoutines+unionAll+selectTypes+unionAll+selectLanguages+unionAll+
		selectForeignWrappers+unionAll+selectForeignServers+unionAll+
		selectLargeObjects+unionAll+selectDefaults).query
}

// databaseParts are the pieces of queryGrants.
func databaseParts() []part {
	return []part{
		grantsPart("schema_grants", selectSchemas, "schema"),
		grantsPart("table_grants", selectRelations, "table", "view", "materialized_view", "foreign_table", "sequence"),
		grantsPart("column_grants", selectColumns, "column"),
		grantsPart("routine_grants", selectRoutines, "function", "procedure", "aggregate"),
		grantsPart("type_grants", selectTypes, "type", "domain"),
		grantsPart("language_grants", selectLanguages, "language"),
		grantsPart("foreign_data_wrapper_grants", selectForeignWrappers, "foreign_data_wrapper"),
		grantsPart("foreign_server_grants", selectForeignServers, "foreign_server"),
		grantsPart("large_object_grants", selectLargeObjects, "large_object"),
		grantsPart("default_privileges", selectDefaults, "default_privileges"),
	}
}

// readGrantsOf reads what the connection's own database holds. database is the
// name that the grants carry.
func (c *conn) readGrantsOf(ctx context.Context, database string) error {
	return c.readParts(ctx, database, queryGrants(), databaseParts())
}
