package mysql

import (
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

// publicName is how MariaDB calls everybody; it has no host.
const publicName = "PUBLIC"

// A builder collects a snapshot while the rows come in. Its keys are identities.
type builder struct {
	*collector.Builder

	defaults map[string]string // identity to the name of the default role; MariaDB
	pool     *pool
	settings bool // false once they are known to be incomplete
}

func newBuilder(limits fleet.Limits) *builder {
	return &builder{
		Builder:  collector.NewBuilder(limits.MaxAccounts),
		settings: true, defaults: map[string]string{}, pool: newPool(),
	}
}

// identity is user@host, in which an @ or a backslash of the user stands behind
// a backslash: the first free @ divides them. A role of MariaDB has no host.
func identity(user, host string) string {
	user = strings.ReplaceAll(user, `\`, `\\`)
	return strings.ReplaceAll(user, `@`, `\@`) + "@" + strings.ToLower(host)
}

// identity is that of an account of this server.
func (r *read) identity(user, host string) string {
	if r.version.mariaDB() && user == publicName && host == "" {
		return account.PublicIdentity
	}
	return identity(user, host)
}

// userHost returns the host that the server takes for a user's: to MariaDB, where
// only roles have none, no host is any.
func (r *read) userHost(host string) string {
	if host == "" && r.version.mariaDB() {
		return "%"
	}
	return host
}

// account returns the account of that name, or nil; it counts the unknown ones.
// The pointer is valid until the next account is added.
func (r *read) account(user, host string) *account.Account {
	a := r.Account(r.identity(user, host))
	if a == nil {
		a = r.Account(r.identity(user, r.userHost(host)))
	}
	if a == nil {
		r.Unknown()
	}
	return a
}

// addGrant keeps a grant; one of nothing is none.
func (b *builder) addGrant(a *account.Account, g account.Grant) error {
	if len(g.Privileges) == 0 {
		return nil
	}
	g.Source = account.Explicit
	return b.AddGrant(a, g)
}

// addSetting keeps what is not read with the account itself, and so may be
// missing alone.
func (b *builder) addSetting(a *account.Account, setting string) {
	if !b.settings {
		return
	}
	list, _ := a.Attributes[account.AttributeSettings].([]string)
	list = append(list, setting)
	slices.Sort(list)
	a.Attributes[account.AttributeSettings] = list
}

// skipSettings is Skip for the settings, of which there are all or none: what is
// stored stays.
func (r *read) skipSettings(err error) error {
	if !r.settings {
		return nil
	}
	r.settings = false
	for i := range r.Snapshot.Accounts {
		delete(r.Snapshot.Accounts[i].Attributes, account.AttributeSettings)
	}
	return r.Skip(account.GapSettings, err)
}
