package postgres

import "context"

// selectDatabases: what acldefault says is what a database without an ACL has,
// CONNECT and TEMPORARY for everybody.
const selectDatabases = `
SELECT 'database', NULL, datname, NULL, NULL::oid, datdba, true, false,
       coalesce(datacl, acldefault('d', datdba)), acldefault('d', datdba)
  FROM pg_catalog.pg_database`

// selectTablespaces: those below 16384 are the system's.
const selectTablespaces = `
SELECT 'tablespace', NULL, spcname, NULL, NULL::oid, spcowner, pg_tablespace.oid >= 16384, pg_tablespace.oid < 16384,
       coalesce(spcacl, acldefault('t', spcowner)), acldefault('t', spcowner)
  FROM pg_catalog.pg_tablespace`

// selectParameters: acldefault speaks of the bootstrap superuser, 10.
const selectParameters = `
SELECT 'parameter', NULL, parname, NULL, NULL::oid, 10::oid, false, true,
       coalesce(paracl, acldefault('p', 10)), acldefault('p', 10)
  FROM pg_catalog.pg_parameter_acl`

func partDatabases() part { return grantsPart("database_grants", selectDatabases, "database") }

func partTablespaces() part { return grantsPart("tablespace_grants", selectTablespaces, "tablespace") }

// partParameters works from 15 on.
func partParameters() part { return grantsPart("parameter_grants", selectParameters, "parameter") }

func queryServerGrants() query {
	return grantsPart("server_grants", selectDatabases+unionAll+selectTablespaces).query
}

// queryServerGrants15 also reads grants on parameters.
func queryServerGrants15() query {
	return grantsPart("server_grants", selectDatabases+unionAll+selectTablespaces+unionAll+selectParameters).query
}

// readServerGrants reads the grants that belong to no database.
func (c *conn) readServerGrants(ctx context.Context) error {
	if c.read.version < version15 {
		return c.readParts(ctx, "", queryServerGrants(), []part{partDatabases(), partTablespaces()})
	}
	return c.readParts(ctx, "", queryServerGrants15(), []part{partDatabases(), partTablespaces(), partParameters()})
}
