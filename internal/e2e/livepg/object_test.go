package livepg

import "slices"

// A who is a role by its name, or everybody.
type who string

// everybody is PUBLIC. No role has that name: it holds what no name can.
const everybody who = "everybody\x00"

func (w who) String() string {
	if w == everybody {
		return "PUBLIC"
	}
	return string(w)
}

// A place says which object is meant, in the words that DBFleet has for it.
type place struct {
	kind, database, schema, name, column string
	forRole                              who // of default privileges
}

// An object is something that privileges are granted on.
type object struct {
	place
	owner who
	// told: whether the dump tells where the object comes from. Of the others it
	// has the differences from how the system made them, and so do default
	// privileges.
	told bool
	born acl // what objects of the kind have before anybody grants anything
	now  acl
	lost acl // of one that is not told: what was taken away
}

// An entry is one privilege of one role from one grantor; an acl says of each
// whether it may be granted on.
type (
	entry struct {
		grantee   who
		privilege string
		grantor   who
	}
	acl map[entry]bool
)

// privileges returns what ALL means for a kind of object, as PostgreSQL 15
// documents it.
func privileges(kind string) []string {
	switch kind {
	case "table", "view", "materialized_view", "foreign_table", "tables":
		return []string{"DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"}
	case "column":
		return []string{"INSERT", "REFERENCES", "SELECT", "UPDATE"}
	case "sequence", "sequences":
		return []string{"SELECT", "UPDATE", "USAGE"}
	case "function", "procedure", "aggregate", "functions":
		return []string{"EXECUTE"}
	case "type", "domain", "types", "language", "foreign_data_wrapper", "foreign_server":
		return []string{"USAGE"}
	case "schema", "schemas":
		return []string{"CREATE", "USAGE"}
	case "database":
		return []string{"CONNECT", "CREATE", "TEMPORARY"}
	case "tablespace":
		return []string{"CREATE"}
	case "large_object":
		return []string{"SELECT", "UPDATE"}
	case "parameter":
		return []string{"ALTER SYSTEM", "SET"}
	}
	return nil
}

// forEverybody returns what PUBLIC has on new objects of a kind, as PostgreSQL
// 15 documents it. The schema public and trusted languages are no kinds of their
// own: see newObject.
func forEverybody(kind string) []string {
	switch kind {
	case "function", "procedure", "aggregate", "type", "domain":
		return privileges(kind)
	case "database":
		return []string{"CONNECT", "TEMPORARY"}
	}
	return nil
}

// newObject returns an object of an owner as it is born, with what everybody
// has on it besides.
func newObject(p place, owner who, public ...string) *object {
	o := &object{place: p, owner: owner, told: true, born: acl{}, now: acl{}}
	for _, privilege := range privileges(p.kind) {
		o.born[entry{owner, privilege, owner}] = false
	}
	for _, privilege := range slices.Concat(forEverybody(p.kind), public) {
		o.born[entry{everybody, privilege, owner}] = false
	}
	for e := range o.born {
		o.now[e] = false
	}
	return o
}

// grant carries out one GRANT.
func (o *object) grant(e entry, grantable bool) {
	if _, taken := o.lost[e]; taken && !grantable {
		delete(o.lost, e)
		return
	}
	o.now[e] = grantable || o.now[e]
}

// revoke carries out one REVOKE.
func (o *object) revoke(e entry) {
	if _, granted := o.now[e]; granted || o.told {
		delete(o.now, e)
		return
	}
	o.lost[e] = false
}

// lines tells of each privilege on the object who has it and why, in the words
// of docs/engines/postgresql.md.
func (o *object) lines(tell func(who, grantLine)) {
	if o.told && o.owner != "" {
		tell(o.owner, grantLine{place: o.place, privilege: "OWNER", source: "owner"})
	}
	for e, grantable := range o.now {
		_, born := o.born[e]
		line := grantLine{place: o.place, privilege: e.privilege, grantable: grantable, source: "explicit", grantor: e.grantor}
		switch {
		case born && e.grantee == o.owner:
			continue // OWNER says so
		case born:
			line.source, line.grantor = "default", ""
		}
		tell(e.grantee, line)
	}
	for e := range o.born {
		if _, still := o.now[e]; !still && e.grantee == o.owner {
			tell(e.grantee, grantLine{place: o.place, privilege: e.privilege, source: "owner", effect: "revoked"})
		}
	}
	for e := range o.lost {
		tell(e.grantee, grantLine{place: o.place, privilege: e.privilege, source: "default", effect: "revoked"})
	}
}
