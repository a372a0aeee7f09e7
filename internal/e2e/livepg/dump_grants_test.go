package livepg

import "strings"

// bootstrap is the superuser that initdb made: it owns the system's objects.
const bootstrap who = "postgres"

// privilege is one of a GRANT or REVOKE, with its column.
type privilege struct{ name, column string }

// privileges reads a list up to ON.
func (c *cursor) privileges() []privilege {
	var list []privilege
	for {
		var words []string
		for len(c.rest) > 0 && !c.rest[0].isSign(",") && !c.rest[0].isSign("(") && !c.rest[0].isKeyword("ON") {
			words = append(words, c.take())
		}
		name := strings.Join(words, " ")
		columns := c.parens()
		for _, column := range columns {
			list = append(list, privilege{name, column[0].text})
		}
		if columns == nil {
			list = append(list, privilege{name: name})
		}
		if !c.sign(",") {
			return list
		}
	}
}

// spelled returns the privileges with ALL as what it means.
func spelled(list []privilege, kind string) []privilege {
	var all []privilege
	for _, p := range list {
		if p.name != "ALL" {
			all = append(all, p)
			continue
		}
		if p.column != "" {
			kind = "column"
		}
		for _, name := range privileges(kind) {
			all = append(all, privilege{name, p.column})
		}
	}
	return all
}

// grant carries out GRANT and REVOKE.
func (d *dump) grant(c *cursor, give bool) {
	d.t.Helper()
	if !c.before("ON", "TO") && !c.before("ON", "FROM") {
		d.member(c)
		return
	}
	list := c.privileges()
	c.keywords("ON")
	kind := c.kind()
	id := d.id(c, kind)
	on := d.find(id, kind)
	grantee, grantable := c.grantee()
	for _, p := range spelled(list, on.kind) {
		grantor, subject := on.owner, on
		if d.session != "" {
			grantor = d.session
		}
		if p.column != "" {
			subject = d.column(id, p.column, on)
		}
		subject.apply(entry{grantee, p.name, grantor}, give, grantable)
	}
}

func (c *cursor) grantee() (role who, grantable bool) {
	if !c.keywords("TO") {
		c.keywords("FROM")
	}
	role = c.role()
	return role, c.keywords("WITH GRANT OPTION")
}

func (o *object) apply(e entry, give, grantable bool) {
	if give {
		o.grant(e, grantable)
		return
	}
	o.revoke(e)
}

// member carries out the grant of a role.
func (d *dump) member(c *cursor) {
	d.t.Helper()
	role := who(c.take())
	c.keywords("TO")
	member := who(c.take())
	admin := c.keywords("WITH ADMIN OPTION")
	if !c.keywords("GRANTED BY") {
		d.t.Errorf("nobody says who granted %s to %s", role, member)
	}
	d.book.addMembership(member, role, who(c.take()), admin)
}

// find returns the object that privileges are granted on. Of the system's own the
// dump has only what differs.
func (d *dump) find(id place, kind string) *object {
	d.t.Helper()
	if o := d.objects[id]; o != nil {
		return o
	}
	if !isSystem(id) {
		d.t.Errorf("privileges on %+v, which the dump does not make", id)
	}
	id.kind, kind = kind, id.kind
	o := unborn(id, bootstrap)
	id.kind = kind
	d.objects[id] = o
	return o
}

func isSystem(id place) bool {
	switch id.kind {
	case "schema":
		return id.name == "pg_catalog"
	case "language":
		return id.name == "plpgsql" || id.name == "sql" || id.name == "c" || id.name == "internal"
	case "parameter":
		return true
	}
	return id.schema == "pg_catalog"
}

// unborn returns an object of which only differences are told.
func unborn(p place, owner who) *object {
	return &object{place: p, owner: owner, born: acl{}, now: acl{}, lost: acl{}}
}

// column returns a column of a relation: it is born without privileges and has
// no owner of its own.
func (d *dump) column(id place, name string, of *object) *object {
	id.kind, id.column = "column", name
	if d.objects[id] == nil {
		o := unborn(id, "")
		o.told = of.told
		d.objects[id] = o
	}
	return d.objects[id]
}

// defaults carries out ALTER DEFAULT PRIVILEGES. It tells differences: from what
// objects are born with, or for a schema from nothing.
func (d *dump) defaults(c *cursor) {
	d.t.Helper()
	p := place{kind: "default_privileges", database: d.database}
	c.keywords("FOR ROLE")
	p.forRole = who(c.take())
	if c.keywords("IN SCHEMA") {
		p.schema = c.take()
	}
	give := c.keywords("GRANT")
	if !give {
		c.keywords("REVOKE")
	}
	list := c.privileges()
	c.keywords("ON")
	p.name = strings.ToLower(c.take())
	if d.objects[p] == nil {
		d.objects[p] = unborn(p, p.forRole)
	}
	grantee, grantable := c.grantee()
	for _, one := range spelled(list, p.name) {
		d.objects[p].apply(entry{grantee, one.name, p.forRole}, give, grantable)
	}
}
