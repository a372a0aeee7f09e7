package account

import (
	"slices"
	"strings"
)

// SuperuserPath is the shortest way from an account to the superuser's rights,
// role by role. Without steps the account has the attribute itself.
type SuperuserPath struct {
	Steps []SuperuserStep
}

// SuperuserStep is one role on the way. The role of the last step has the
// superuser's attribute.
type SuperuserStep struct {
	Role string // identity
	Name string // of the role
	Host string
	// Membership is what makes whoever stands before it a member of the role; its
	// options say what that is good for. The zero value for PUBLIC, whose member
	// everybody is.
	Membership Membership
	// Everybody says that the role is PUBLIC, or one that PUBLIC is a member of.
	Everybody bool
}

// PathToSuperuser finds how the account of that identity becomes a superuser on
// its server: by its own attribute, or by roles that it may take on, directly or
// through others. nil when it cannot. all must hold the account and every role
// that it may reach; roles that are missing in it lead nowhere.
//
// A membership that can neither be inherited nor set, nor granted on, leads
// nowhere. PostgreSQL does not hand the attribute down: the account must SET
// ROLE. In MySQL and MariaDB a role that is not a default one must be set.
func PathToSuperuser(identity string, all []Account) *SuperuserPath {
	accounts := byKey(all, func(a Account) string { return a.Identity })
	start, known := accounts[identity]
	if !known {
		return nil
	}
	if start.Superuser {
		return &SuperuserPath{}
	}
	seen := map[string]bool{identity: true}
	type place struct {
		account Account
		steps   []SuperuserStep
	}
	for queue := []place{{account: start}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, step := range stepsFrom(at.account) {
			role, known := accounts[step.Role]
			if !known || seen[step.Role] {
				continue
			}
			seen[step.Role] = true
			step.Name, step.Host = role.Name, role.Host
			steps := append(slices.Clone(at.steps), step)
			if role.Superuser {
				return &SuperuserPath{Steps: steps}
			}
			queue = append(queue, place{role, steps})
		}
	}
	return nil
}

// stepsFrom lists the roles that an account may take on, its own before those
// of everybody.
func stepsFrom(a Account) []SuperuserStep {
	everybody := a.Identity == PublicIdentity
	var steps []SuperuserStep
	for _, m := range a.Memberships {
		if m.leads() {
			steps = append(steps, SuperuserStep{Role: m.Role, Membership: m, Everybody: everybody})
		}
	}
	slices.SortStableFunc(steps, func(x, y SuperuserStep) int { return strings.Compare(x.Role, y.Role) })
	if !everybody {
		steps = append(steps, SuperuserStep{Role: PublicIdentity, Everybody: true})
	}
	return steps
}

// leads reports whether the member can make the role's attributes its own: by
// SET ROLE, or by granting itself the membership that allows it. An engine that
// does not say has only such memberships.
func (m Membership) leads() bool { return m.Set == nil || *m.Set || m.Admin }
