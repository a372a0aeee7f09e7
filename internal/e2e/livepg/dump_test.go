package livepg

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/secret"
)

// A dump is what statements of pg_dump and pg_dumpall tell.
type dump struct {
	t        *testing.T
	database string // whose dump is being read
	session  who    // who grants; empty for the owner
	book     book
	objects  map[place]*object // by what identifies them
	made     map[place]made
}

// made is what a CREATE tells, before the owner is known.
type made struct {
	kind    string
	trusted bool // a language
}

func newDump(t *testing.T) *dump {
	t.Helper()
	return &dump{t: t, book: book{everybody: {}}, objects: map[place]*object{}, made: map[place]made{}}
}

// read carries out the dump of a database; "" is that of the whole server.
func (d *dump) read(database, text string) {
	d.t.Helper()
	d.database = database
	if database != "" { // initdb made it, and no dump tells
		p := place{kind: "schema", database: database, name: "public"}
		d.objects[p] = newObject(p, "pg_database_owner", "USAGE")
	}
	for _, s := range split(text) {
		d.carryOut(&cursor{s}, s)
	}
}

func (d *dump) carryOut(c *cursor, s statement) {
	d.t.Helper()
	switch {
	case c.keywords("CREATE"):
		d.create(c)
	case c.keywords("ALTER DEFAULT PRIVILEGES"):
		d.defaults(c)
	case c.keywords("ALTER ROLE"):
		d.role(c)
	case c.keywords("ALTER"):
		d.alter(c, s)
	case c.keywords("GRANT"):
		d.grant(c, true)
	case c.keywords("REVOKE"):
		d.grant(c, false)
	case c.keywords("SET SESSION AUTHORIZATION"):
		d.session = who(c.take())
	case c.keywords("RESET SESSION AUTHORIZATION"):
		d.session = ""
	}
}

// kinds are the words that a dump has for what privileges are granted on.
var kinds = []struct{ words, kind string }{
	{"FOREIGN DATA WRAPPER", "foreign_data_wrapper"},
	{"FOREIGN SERVER", "foreign_server"},
	{"FOREIGN TABLE", "foreign_table"},
	{"MATERIALIZED VIEW", "materialized_view"},
	{"LARGE OBJECT", "large_object"},
	{"PROCEDURAL LANGUAGE", "language"},
	{"TABLE", "table"},
	{"VIEW", "view"},
	{"SEQUENCE", "sequence"},
	{"FUNCTION", "function"},
	{"PROCEDURE", "procedure"},
	{"AGGREGATE", "aggregate"},
	{"TYPE", "type"},
	{"DOMAIN", "domain"},
	{"LANGUAGE", "language"},
	{"SCHEMA", "schema"},
	{"SERVER", "foreign_server"},
	{"DATABASE", "database"},
	{"TABLESPACE", "tablespace"},
	{"PARAMETER", "parameter"},
}

// without are the words for what has an owner and no privileges.
var without = []string{
	"OPERATOR", "COLLATION", "CONVERSION", "PUBLICATION", "SUBSCRIPTION", "EVENT TRIGGER", "STATISTICS", "TEXT SEARCH",
}

func (c *cursor) kind() string {
	for _, k := range kinds {
		if c.keywords(k.words) {
			return k.kind
		}
	}
	return ""
}

// class is what kinds have in common whose names are in one space.
func class(kind string) string {
	switch kind {
	case "table", "view", "materialized_view", "foreign_table", "sequence":
		return "relation"
	case "function", "procedure", "aggregate":
		return "routine"
	case "type", "domain":
		return "type"
	}
	return kind
}

// id reads the name of an object of a kind and returns what identifies it.
func (d *dump) id(c *cursor, kind string) place {
	p := place{kind: class(kind)}
	if !slices.Contains([]string{"database", "tablespace", "parameter"}, kind) {
		p.database = d.database
	}
	if p.schema, p.name = c.qualified(); p.kind == "routine" {
		p.name += c.signature()
	}
	return p
}

func (d *dump) create(c *cursor) {
	if c.keywords("ROLE") {
		d.book[who(c.take())] = []string{}
		return
	}
	c.keywords("OR REPLACE")
	trusted := c.keywords("TRUSTED")
	c.keywords("UNLOGGED")
	kind := c.kind()
	if kind == "" {
		return
	}
	id := d.id(c, kind)
	d.made[id] = made{kind, trusted}
	if kind == "tablespace" && c.keywords("OWNER") {
		d.own(id, kind, who(c.take()))
	}
}

// alter reads who owns what. The sequence of an identity column belongs to the
// owner of the table.
func (d *dump) alter(c *cursor, s statement) {
	d.t.Helper()
	owned := strings.Contains(s.String(), " OWNER TO ")
	kind := c.kind()
	if kind == "" {
		known := slices.ContainsFunc(without, func(words string) bool { return c.keywords(words) })
		if owned && !known {
			d.t.Errorf("nobody knows what this is: %s", s)
		}
		return
	}
	id := d.id(c, kind)
	if c.keywords("OWNER TO") {
		d.own(id, kind, who(c.take()))
		return
	}
	if c.keywords("ALTER COLUMN") && c.take() != "" && c.keywords("ADD GENERATED") {
		for !c.keywords("SEQUENCE NAME") {
			c.take()
		}
		d.own(d.id(c, "sequence"), "sequence", d.objects[id].owner)
	}
}

// own notes an object with its owner. Its kind is the one of CREATE: a dump calls
// views and sequences tables here.
func (d *dump) own(id place, kind string, owner who) {
	m, known := d.made[id]
	if known && class(kind) != "routine" {
		kind = m.kind
	}
	p := id
	p.kind = kind
	switch {
	case kind == "schema" && id.name == "public", m.trusted:
		d.objects[id] = newObject(p, owner, "USAGE")
	default:
		d.objects[id] = newObject(p, owner)
	}
}

// role reads attributes and settings.
func (d *dump) role(c *cursor) {
	d.t.Helper()
	role := who(c.take())
	database := ""
	if c.keywords("IN DATABASE") {
		database = c.take() + ":"
	}
	switch {
	case c.keywords("SET"):
		d.book.add(role, "setting %s%s", database, c.setting())
	case c.keywords("WITH"):
		d.attributes(c, role)
	}
}

// masked are the settings of the test whose values nobody is to see.
var masked = []string{"myapp.api_key", "myapp.db_password"}

func (c *cursor) setting() string {
	name := c.take()
	for c.sign(".") {
		name += "." + c.take()
	}
	var values []string
	for c.keywords("TO") || c.sign(",") {
		values = append(values, c.take())
	}
	if slices.Contains(masked, name) {
		values = []string{secret.Redacted}
	}
	return name + "=" + strings.Join(values, "|")
}

func (d *dump) attributes(c *cursor, role who) {
	d.t.Helper()
	for len(c.rest) > 0 {
		switch w := c.take(); w {
		case "CONNECTION": // LIMIT
			c.take()
			d.book.add(role, "connection limit %s", c.take())
		case "VALID": // UNTIL
			c.take()
			d.until(role, c.take())
		case "PASSWORD":
			d.t.Errorf("the dump tells a password of %s", role)
			c.take()
		default:
			name, no := strings.CutPrefix(w, "NO")
			d.book.add(role, "%s %v", strings.ToLower(name), !no)
		}
	}
}

func (d *dump) until(role who, text string) {
	d.t.Helper()
	if text == "infinity" {
		return
	}
	moment, err := time.Parse("2006-01-02 15:04:05.999999-07", text)
	if err != nil {
		d.t.Fatal(err)
	}
	d.book.add(role, "valid until %s", moment.UTC().Format(time.RFC3339Nano))
}
