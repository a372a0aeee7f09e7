package account

import (
	"cmp"
	"slices"
)

// Level is how much of a server a grant is about.
type Level string

// The levels, from the widest to the narrowest.
const (
	LevelServer   Level = "server" // the server itself and what belongs to no database
	LevelDatabase Level = "database"
	LevelSchema   Level = "schema"
	LevelObject   Level = "object"
	LevelColumn   Level = "column"
	LevelRoutine  Level = "routine"
	LevelFuture   Level = "future" // what will be made: default privileges
)

// Scope groups the grants that reach equally far.
type Scope struct {
	Level    Level
	Database string // that holds what they are about; empty outside of databases
	Grants   []Grant
}

// Scopes groups grants by level, the widest first, and by database. Within a
// scope the order stays.
func Scopes(grants []Grant) []Scope {
	sorted := slices.Clone(grants)
	slices.SortStableFunc(sorted, compareScopes)
	var scopes []Scope
	for _, g := range sorted {
		level, database := g.Level(), g.container()
		if n := len(scopes); n == 0 || scopes[n-1].Level != level || scopes[n-1].Database != database {
			scopes = append(scopes, Scope{Level: level, Database: database})
		}
		last := &scopes[len(scopes)-1]
		last.Grants = append(last.Grants, g)
	}
	return scopes
}

func compareScopes(a, b Grant) int {
	return cmp.Or(
		cmp.Compare(a.Level().rank(), b.Level().rank()),
		cmp.Compare(a.container(), b.container()),
	)
}

// Level returns how much of the server the grant is about. An unknown type is
// an object.
func (g Grant) Level() Level {
	switch g.Type {
	case "server", "dynamic", "proxy", "tablespace", "parameter":
		return LevelServer
	case "database", "partial_revoke":
		return LevelDatabase
	case "schema":
		return LevelSchema
	case "column":
		return LevelColumn
	case "function", "procedure", "aggregate", "package", "package_body":
		return LevelRoutine
	case "default_privileges":
		return LevelFuture
	}
	return LevelObject
}

func (l Level) rank() int {
	return slices.Index([]Level{LevelServer, LevelDatabase, LevelSchema, LevelObject, LevelColumn, LevelRoutine, LevelFuture}, l)
}

// container is the database that holds what the grant is about. Where databases
// have no schemas, a grant names the database as its schema.
func (g Grant) container() string {
	if g.Database == "" && g.Level() != LevelDatabase {
		return g.Schema
	}
	return g.Database
}
