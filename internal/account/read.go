package account

import (
	"time"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Filter narrows a list of accounts; zero fields do not narrow.
type Filter struct {
	Engine       fleet.Engine
	Instance     *fleet.InstanceID
	Tag          string // of the instance
	Name         string // exactly this
	NameContains string // this somewhere in the name, in any case of letters
	Kind         *Kind
	Superuser    *bool
	Locked       *bool // see Account.Locked
	CanLogin     *bool
	System       *bool
	Grant        GrantFilter
	Deleted      bool // include those that are gone, and those of deleted instances
}

// GrantFilter narrows accounts to those that one grant of their own gives
// something; zero fields do not narrow. What comes by membership, and what was
// taken away, does not count.
type GrantFilter struct {
	Privilege string // in the server's words; OWNER of an owner
	Type      string // of Grant
	Database  string
	Schema    string
	Object    string
	Column    string
}

// IsZero reports whether the filter lets every account through.
func (f GrantFilter) IsZero() bool { return f == GrantFilter{} }

// Validate returns an *invalid.Error for what no index leads to.
func (f GrantFilter) Validate() error {
	if !f.IsZero() && f.Privilege == "" && f.Object == "" && f.Database == "" {
		return invalid.Field("privilege", "is needed, or object, or database, to search by what is granted")
	}
	return nil
}

// Cursor is the place after one account in a list by name and id. The zero
// value is before the first.
type Cursor struct {
	Name string `json:"name"`
	ID   ID     `json:"id"`
}

// Listed is an account in a list.
type Listed struct {
	ID           ID
	InstanceID   fleet.InstanceID
	InstanceName string
	Identity     string
	Name         string
	Host         string
	Kind         Kind
	System       bool
	CanLogin     bool
	Superuser    bool
	Locked       bool
	ValidUntil   *time.Time
	Memberships  int // how many
	Grants       int // how many
	FirstSeenAt  time.Time
	LastSeenAt   time.Time  // of a living one: the instance's last read, or the last before a hold about it
	DeletedAt    *time.Time // nil while it lives
}

// Detail is an account with all that is known about it.
type Detail struct {
	ID           ID
	InstanceID   fleet.InstanceID
	InstanceName string
	Account      Account
	Names        map[string]string // name by identity, of every account that Account refers to
	FirstSeenAt  time.Time
	LastSeenAt   time.Time
	DeletedAt    *time.Time
	ReplacedAt   *time.Time // when another server took the place of the account's own
	// Superuser is how the account becomes a superuser; nil when it does not.
	Superuser *SuperuserPath
	// AsOf is the moment that Account, Names and Superuser are about; nil: now, or
	// for one that is gone, its last state.
	AsOf *time.Time
}

// Change is an event in an account's life. Stored; do not rename.
type Change string

// The changes.
const (
	Created     Change = "created"
	Changed     Change = "changed"
	Disappeared Change = "disappeared"
	Returned    Change = "returned"
)

// VersionID is the number of a version.
type VersionID int64

// Version is one state that an account has had.
type Version struct {
	ID        VersionID
	AccountID ID
	Change    Change
	ValidFrom time.Time
	ValidTo   *time.Time        // nil: still so
	State     *Account          // nil while it was gone
	Diff      Diff              // to the state before; empty for Created and Disappeared
	Names     map[string]string // name by identity, of every account that State and Diff refer to
	Record    session.RecordID
	Session   session.ID
}

// HoldFilter narrows a list of holds; nil fields do not narrow.
type HoldFilter struct {
	Instance *fleet.InstanceID
	Status   *HoldStatus
}
