package user

import (
	"time"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// Profile is a user as those who manage users see it.
type Profile struct {
	User
	CreatedAt  time.Time
	DisabledAt *time.Time // nil: may log in
	LastUsedAt *time.Time // the last use of any of its tokens, to the minute; nil: never
}

// Living reports whether the user may log in.
func (p Profile) Living() bool { return p.DisabledAt == nil }

// Filter selects users; a nil field selects all.
type Filter struct {
	Name     *string // exactly this one
	Role     *Role
	Disabled *bool
}

// Change is what is to change of a user; a nil field stays as it is.
type Change struct {
	Role     *Role
	Disabled *bool
}

// Validate returns an *invalid.Error for each fault.
func (c Change) Validate() error {
	if c.Role == nil && c.Disabled == nil {
		return invalid.Field("body", "names nothing to change")
	}
	if c.Role == nil {
		return nil
	}
	_, err := ParseRole("role", string(*c.Role))
	return err
}

// Apply returns user id of locked as the change makes it. locked holds that
// user and every living admin. Errors: ErrNotFound, and ErrLastAdmin when no
// living admin would be left.
func (c Change) Apply(id ID, locked []Profile) (before, after Profile, err error) {
	admins, found := 0, false
	for _, p := range locked {
		if p.ID == id {
			before, found = p, true
			continue
		}
		if p.Role == Admin && p.Living() {
			admins++
		}
	}
	if !found {
		return Profile{}, Profile{}, ErrNotFound
	}
	after = c.of(before)
	wasAdmin, isAdmin := before.Role == Admin && before.Living(), after.Role == Admin && after.Living()
	if wasAdmin && !isAdmin && admins == 0 {
		return Profile{}, Profile{}, ErrLastAdmin
	}
	return before, after, nil
}

// of returns p as the change makes it. Only that DisabledAt is set counts
// then: the database knows the time.
func (c Change) of(p Profile) Profile {
	if c.Role != nil {
		p.Role = *c.Role
	}
	switch {
	case c.Disabled == nil:
	case !*c.Disabled:
		p.DisabledAt = nil
	case p.DisabledAt == nil:
		p.DisabledAt = &time.Time{}
	}
	return p
}

// Token is what is known of an API token: not its text.
type Token struct {
	ID         TokenID
	User       ID
	UserName   string
	Name       string // what it is for; may be empty
	CreatedAt  time.Time
	ExpiresAt  *time.Time // nil: never
	LastUsedAt *time.Time // to the minute; nil: never
	RevokedAt  *time.Time // nil: not revoked
}
