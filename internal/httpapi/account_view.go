package httpapi

import (
	"encoding/json"
	"fmt"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/httpapi/gen"
)

func toAccount(l account.Listed) gen.Account {
	return gen.Account{
		Id: int64(l.ID), InstanceId: int64(l.InstanceID), InstanceName: l.InstanceName, Identity: l.Identity, Name: l.Name,
		Host: l.Host, Kind: gen.AccountKind(l.Kind), System: l.System, CanLogin: l.CanLogin, Superuser: l.Superuser, Locked: l.Locked,
		ValidUntil: utc(l.ValidUntil), MembershipCount: l.Memberships, GrantCount: l.Grants,
		FirstSeenAt: l.FirstSeenAt.UTC(), LastSeenAt: l.LastSeenAt.UTC(), DeletedAt: utc(l.DeletedAt),
	}
}

func (a *API) toDetail(d account.Detail) gen.AccountDetail {
	acc := d.Account
	return gen.AccountDetail{
		Id: int64(d.ID), InstanceId: int64(d.InstanceID), InstanceName: d.InstanceName, Identity: acc.Identity, Name: acc.Name,
		Host: acc.Host, Kind: gen.AccountKind(acc.Kind), System: acc.System, CanLogin: acc.CanLogin, Superuser: acc.Superuser, Locked: acc.Locked(),
		ValidUntil: utc(acc.ValidUntil), Expired: acc.Expired(a.Now()), Attributes: notNil(acc.Attributes),
		Memberships: mapped(acc.Memberships, toMembership), Scopes: mapped(account.Scopes(acc.Grants), toScope), Names: notNil(d.Names),
		SuperuserPath: toPath(d.Superuser), AsOf: utc(d.AsOf),
		FirstSeenAt: d.FirstSeenAt.UTC(), LastSeenAt: d.LastSeenAt.UTC(), DeletedAt: utc(d.DeletedAt), ReplacedAt: utc(d.ReplacedAt),
	}
}

func toScope(s account.Scope) gen.GrantScope {
	return gen.GrantScope{Level: gen.GrantScopeLevel(s.Level), Database: s.Database, Grants: mapped(s.Grants, toGrant)}
}

// toPath is null when there is no way, and empty when there is nothing to go.
func toPath(p *account.SuperuserPath) *[]gen.SuperuserStep {
	if p == nil {
		return nil
	}
	steps := mapped(p.Steps, func(s account.SuperuserStep) gen.SuperuserStep {
		step := gen.SuperuserStep{Role: s.Role, Name: s.Name, Host: s.Host, Everybody: s.Everybody}
		if s.Membership != (account.Membership{}) {
			step.Membership = new(toMembership(s.Membership))
		}
		return step
	})
	return &steps
}

func notNil[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

func toMembership(m account.Membership) gen.Membership {
	return gen.Membership{
		Role: m.Role, Grantor: optional(m.Grantor), Admin: optional(m.Admin), Inherit: m.Inherit, Set: m.Set, Default: m.Default,
	}
}

func toGrant(g account.Grant) gen.Grant {
	out := gen.Grant{
		Type: g.Type, Database: optional(g.Database), Schema: optional(g.Schema), Object: optional(g.Object),
		Column: optional(g.Column), Privileges: mapped(g.Privileges, func(p string) string { return p }),
		Grantor: optional(g.Grantor), ForRole: optional(g.ForRole), Source: string(g.Source), Effect: optional(string(g.Effect)),
	}
	if len(g.Grantable) > 0 {
		out.Grantable = &g.Grantable
	}
	return out
}

// optional leaves the zero value out.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func toVersion(v account.Version) (gen.AccountVersion, error) {
	out := gen.AccountVersion{
		Id: int64(v.ID), AccountId: int64(v.AccountID), Change: gen.AccountVersionChange(v.Change),
		ValidFrom: v.ValidFrom.UTC(), ValidTo: utc(v.ValidTo), Names: notNil(v.Names),
		RecordId: int64(v.Record), SessionId: v.Session,
	}
	diff, err := json.Marshal(v.Diff)
	if err != nil {
		return out, fmt.Errorf("encode version %d: %w", v.ID, err)
	}
	out.Diff = diff
	if v.State == nil {
		return out, nil
	}
	state, err := json.Marshal(v.State)
	if err != nil {
		return out, fmt.Errorf("encode version %d: %w", v.ID, err)
	}
	out.State = (*json.RawMessage)(&state)
	return out, nil
}
