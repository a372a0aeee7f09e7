// Package user knows who may do what: roles, permissions, and the form of API
// tokens. It stores nothing and reads no request.
package user

import (
	"errors"
	"slices"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// ID is the number of a user. 0 is the system itself.
type ID int64

// Errors that callers act on.
var (
	ErrNotFound      = errors.New("user not found")
	ErrTokenNotFound = errors.New("token not found")
	ErrNameTaken     = errors.New("user name is taken")
	// ErrLastAdmin refuses a change after which nobody could manage users.
	ErrLastAdmin = errors.New("no other admin could log in")
	// ErrDisabled refuses a token for a user who may not log in.
	ErrDisabled = errors.New("user is disabled")
	// ErrRoleDiffers refuses a token with a role that its user does not have.
	ErrRoleDiffers = errors.New("user exists with another role")
	// ErrBadToken says that a token is unknown, expired or revoked, or its user disabled.
	ErrBadToken = errors.New("token is not valid")
)

// Role is what a user may do in general. Stored; do not rename.
type Role string

// The roles, each with the rights of those before it.
const (
	Viewer   Role = "viewer"   // reads
	Operator Role = "operator" // runs syncs, edits the fleet, decides on holds
	Admin    Role = "admin"    // settings, users
)

// Roles lists the roles from least to most.
func Roles() []Role { return []Role{Viewer, Operator, Admin} }

// ParseRole returns the role of that stored name, or an *invalid.Error.
func ParseRole(field, s string) (Role, error) {
	if r := Role(s); slices.Contains(Roles(), r) {
		return r, nil
	}
	return "", invalid.Field(field, "unknown role %q: use viewer, operator or admin", s)
}

// Includes reports whether r has every right of other.
func (r Role) Includes(other Role) bool {
	mine, theirs := slices.Index(Roles(), r), slices.Index(Roles(), other)
	return mine >= theirs && theirs >= 0
}

// User is somebody who holds tokens.
type User struct {
	ID   ID
	Name string
	Role Role
}
