package mysql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/session"
)

// maxGrants bounds what one server may make us keep, about 200 MB.
const maxGrants = 1_000_000

// publicName is how MariaDB calls everybody; it has no host.
const publicName = "PUBLIC"

// A builder collects a snapshot while the rows come in.
type builder struct {
	snapshot account.Snapshot
	index    map[string]int    // identity to place in snapshot.Accounts
	defaults map[string]string // identity to the name of the default role; MariaDB
	pool     *pool
	grants   int
	settings bool // false once they are known to be incomplete
	unknown  int  // grants and memberships of accounts that are not in the list
}

func newBuilder() *builder {
	b := &builder{settings: true, index: map[string]int{}, defaults: map[string]string{}, pool: newPool()}
	b.snapshot.Details = map[string]any{}
	return b
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
	i, ok := r.index[r.identity(user, host)]
	if !ok {
		i, ok = r.index[r.identity(user, r.userHost(host))]
	}
	if !ok {
		r.unknown++
		return nil
	}
	return &r.snapshot.Accounts[i]
}

func (b *builder) addAccount(a account.Account) error {
	if _, ok := b.index[a.Identity]; ok {
		return fmt.Errorf("%w: an account twice", collector.ErrProtocol)
	}
	b.index[a.Identity] = len(b.snapshot.Accounts)
	b.snapshot.Accounts = append(b.snapshot.Accounts, a)
	return nil
}

func (b *builder) addGrant(a *account.Account, g account.Grant) error {
	if len(g.Privileges) == 0 {
		return nil
	}
	if b.grants++; b.grants > maxGrants {
		return fmt.Errorf("%w: over %d grants", collector.ErrTooLarge, maxGrants)
	}
	g.Source = account.Explicit
	a.Grants = append(a.Grants, g)
	return nil
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

// skipSettings is skip for the settings, of which there are all or none: what is
// stored stays.
func (r *read) skipSettings(err error) error {
	if !r.settings {
		return nil
	}
	r.settings = false
	for i := range r.snapshot.Accounts {
		delete(r.snapshot.Accounts[i].Attributes, account.AttributeSettings)
	}
	return r.skip(account.GapSettings, err)
}

// undo takes back the grants of some types: what a statement had returned before
// it failed.
func (b *builder) undo(match func(kind string) bool) {
	for i := range b.snapshot.Accounts {
		a := &b.snapshot.Accounts[i]
		n := len(a.Grants)
		for n > 0 && match(a.Grants[n-1].Type) {
			n--
		}
		b.grants -= len(a.Grants) - n
		a.Grants = a.Grants[:n]
	}
}

// gap notes what could not be read.
func (b *builder) gap(part string, f *session.Fault) {
	b.snapshot.Gaps = append(b.snapshot.Gaps, account.Gap{
		Type: part, Code: f.Code, Phase: f.Phase, Reason: f.Err.Error(),
	})
}

// finish returns the snapshot; the builder is of no use after that.
func (b *builder) finish() account.Snapshot {
	b.snapshot.Details["grants"] = b.grants
	b.snapshot.Details["unknown_grantees"] = b.unknown
	return b.snapshot
}
