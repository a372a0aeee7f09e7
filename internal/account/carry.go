package account

import (
	"maps"
	"strings"
)

// Types of a Gap that name something else than a type of grants. Stored in
// record details; do not rename.
const (
	GapAccounts    = "accounts"    // the list of accounts itself
	GapMemberships = "memberships" // who is a member of what
	GapSettings    = "settings"    // AttributeSettings
)

// AttributeSettings is the attribute that holds an account's settings.
const AttributeSettings = "settings"

// grantDatabase is the type of grants on a database itself. They are read with
// the server's list of databases: that a database cannot be opened says
// nothing about them.
const grantDatabase = "database"

// ListComplete reports whether the list of accounts was read to its end. Only
// then does an account that is not in it no longer exist.
func (s Snapshot) ListComplete() bool {
	for _, g := range s.Gaps {
		if g.wholeList() {
			return false
		}
	}
	return true
}

// wholeList reports whether the list of accounts itself has the gap.
func (g Gap) wholeList() bool {
	return g.Type == GapAccounts || g.Database == "" && g.Type == ""
}

// maxReason is how much of a gap's reason is told.
const maxReason = 200 // bytes

// Brief returns the gap with texts that can be stored among a record's details.
func (g Gap) Brief() Gap {
	g.Database, g.Type, g.Reason = clean(g.Database), clean(g.Type), clean(g.Reason)
	if len(g.Reason) > maxReason {
		g.Reason = strings.ToValidUTF8(g.Reason[:maxReason], "") + "…"
	}
	return g
}

// CarryOver returns the account as read with everything that stored, in its
// canonical form, has inside the gaps: not read is not gone. A gap in the list
// of accounts keeps all of it.
func CarryOver(stored, read Account, gaps []Gap) Account {
	read = read.Canonical()
	for _, g := range gaps {
		switch {
		case g.wholeList():
			read.Attributes = keepAttributes(stored.Attributes, read.Attributes, func(string) bool { return true })
			read.Memberships = keepMemberships(stored.Memberships, read.Memberships)
			read.Grants = keepGrants(stored.Grants, read.Grants, func(Grant) bool { return true })
		case g.Type == GapMemberships:
			read.Memberships = keepMemberships(stored.Memberships, read.Memberships)
		case g.Type == GapSettings:
			read.Attributes = keepAttributes(stored.Attributes, read.Attributes,
				func(name string) bool { return name == AttributeSettings })
		default:
			read.Grants = keepGrants(stored.Grants, read.Grants, g.covers)
		}
	}
	return read.Canonical()
}

// covers reports whether a grant lies inside a gap that is about grants.
func (g Gap) covers(grant Grant) bool {
	if g.Type != "" {
		return grant.Type == g.Type && (g.Database == "" || grant.Database == g.Database)
	}
	return grant.Database == g.Database && grant.Type != grantDatabase
}

// keepAttributes adds stored attributes that were not read.
func keepAttributes(stored, read map[string]any, inside func(name string) bool) map[string]any {
	out := maps.Clone(read)
	if out == nil {
		out = map[string]any{}
	}
	for name, v := range stored {
		if _, known := out[name]; !known && inside(name) {
			out[name] = v
		}
	}
	return out
}

// keepMemberships adds stored memberships that were not read.
func keepMemberships(stored, read []Membership) []Membership {
	known := byKey(read, Membership.key)
	out := read[:len(read):len(read)]
	for _, m := range stored {
		if _, found := known[m.key()]; !found {
			out = append(out, m)
		}
	}
	return out
}

// keepGrants adds the stored grants inside a gap; the canonical form merges
// those that were read as well.
func keepGrants(stored, read []Grant, inside func(Grant) bool) []Grant {
	out := read[:len(read):len(read)]
	for _, g := range stored {
		if inside(g) {
			out = append(out, g)
		}
	}
	return out
}
