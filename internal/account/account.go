// Package account knows what an account of a database server is, how two reads
// of one server differ, and when a difference is too big to believe. It is
// engine-independent and pure: collectors build snapshots, the store keeps what
// this package decides.
package account

import (
	"errors"
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// ID is the number of a stored account.
type ID int64

// Errors that callers act on.
var (
	ErrNotFound = errors.New("account not found")
	// ErrNotThere says that a known account was not on its server at the moment
	// that was asked for.
	ErrNotThere     = errors.New("account was not there at that time")
	ErrHoldNotFound = errors.New("hold not found")
	// ErrHoldDecided refuses a second decision, and one about a hold that the
	// server's next reads have already answered.
	ErrHoldDecided = errors.New("hold is already decided")
)

// Kind is what an account is. Stored; do not rename.
type Kind string

// The kinds.
const (
	User   Kind = "user"   // may log in
	Role   Kind = "role"   // a group or role without login
	Public Kind = "public" // everybody: PUBLIC
)

// PublicIdentity is the identity of the account that stands for everybody.
const PublicIdentity = "public"

// Account is one principal of one server as one read found it. Everything that
// refers to another account does so by identity, never by name, so that a
// rename changes one account only. Its JSON form is what is stored; see Encode.
type Account struct {
	Identity   string     `json:"identity"` // the engine's own key: the OID in PostgreSQL, user@host in MySQL
	Name       string     `json:"name"`
	Host       string     `json:"host,omitempty"` // MySQL; empty elsewhere
	Kind       Kind       `json:"kind"`
	System     bool       `json:"system,omitempty"` // made and kept by the server itself
	CanLogin   bool       `json:"can_login,omitempty"`
	Superuser  bool       `json:"superuser,omitempty"`   // by its own attribute; rights by membership are derived when read
	ValidUntil *time.Time `json:"valid_until,omitempty"` // nil: for ever. Whether it has passed is derived when read
	// Attributes holds what only this engine has: JSON scalars, and lists of strings.
	Attributes  map[string]any `json:"attributes"`
	Memberships []Membership   `json:"memberships"`
	Grants      []Grant        `json:"grants"`
}

// Expired reports whether the account's validity has ended at now.
func (a Account) Expired(now time.Time) bool {
	return a.ValidUntil != nil && !a.ValidUntil.After(now)
}

// AttributeLocked names the attribute of what the server keeps from logging in
// until somebody unlocks it. Stored; do not rename.
const AttributeLocked = "locked"

// Locked reports whether somebody has locked the account. A role of MySQL is
// made as an account that is locked; that is no lock. PostgreSQL has none: an
// account that must not log in is a role there.
func (a Account) Locked() bool {
	locked, _ := a.Attributes[AttributeLocked].(bool)
	return locked && a.Kind == User
}

// Membership says that the account that carries it is a member of Role.
type Membership struct {
	Role    string `json:"role"`              // identity
	Grantor string `json:"grantor,omitempty"` // identity
	Admin   bool   `json:"admin,omitempty"`   // may grant the role on
	Inherit *bool  `json:"inherit,omitempty"` // nil: the engine does not say
	Set     *bool  `json:"set,omitempty"`     // nil: the engine does not say
	Default *bool  `json:"default,omitempty"` // nil: the engine does not say
}

// Source says why a grant is there. Stored; do not rename.
type Source string

// The sources.
const (
	Explicit Source = "explicit" // somebody granted it
	Default  Source = "default"  // the engine gives it to everybody until it is revoked
	Owner    Source = "owner"    // comes with owning the object
)

// Effect says what a grant does. Stored; do not rename.
type Effect string

// The effects. The zero value is a plain grant.
const (
	Granted Effect = ""
	Revoked Effect = "revoked" // something that the engine gives by itself was taken away
	Denied  Effect = "denied"
)

// Grant is a set of privileges on one object, for the account that carries it.
// There is one Grant per object, grantor, source and effect; one without
// privileges is none.
type Grant struct {
	Type       string   `json:"type"`               // database, schema, table, column, sequence, function …
	Database   string   `json:"database,omitempty"` // empty for what belongs to the whole server
	Schema     string   `json:"schema,omitempty"`
	Object     string   `json:"object,omitempty"`
	Column     string   `json:"column,omitempty"`
	Privileges []string `json:"privileges"`          // sorted; in the server's words
	Grantable  []string `json:"grantable,omitempty"` // those of Privileges that may be granted on
	Grantor    string   `json:"grantor,omitempty"`   // identity; only of explicit grants
	ForRole    string   `json:"for_role,omitempty"`  // default privileges: identity of who creates the objects
	Source     Source   `json:"source"`
	Effect     Effect   `json:"effect,omitempty"`
}

// Snapshot is everything that one attempt read from one server.
type Snapshot struct {
	Server   fleet.Server
	Accounts []Account
	Gaps     []Gap // what could not be read; none means that the read is complete
	// Details are figures about the read itself, for the record's details.
	Details map[string]any
}

// Gap is a part of the server that could not be read. What is stored about it
// stays as it is: not read is not gone.
type Gap struct {
	Database string        `json:"database,omitempty"` // empty: the whole server
	Type     string        `json:"type,omitempty"`     // of Grant, or one of the Gap constants; empty: all of the database
	Code     session.Code  `json:"code"`
	Phase    session.Phase `json:"phase"`
	Reason   string        `json:"reason"` // the driver's words, scrubbed
}

// Complete reports whether nothing was left out.
func (s Snapshot) Complete() bool { return len(s.Gaps) == 0 }
