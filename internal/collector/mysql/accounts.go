package mysql

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/session"
)

// GapPartialRevokes names partial revokes as missing, and is the type of their
// grants. Stored; do not rename.
const GapPartialRevokes = "partial_revoke"

// readAccounts reads every account. Without them there is nothing to attach
// anything to, so that its failure is the failure of the read.
func (c *conn) readAccounts(ctx context.Context) error {
	if c.read.version.hasRoles() && !c.read.version.mariaDB() {
		// MySQL has no account for everybody, but roles that everybody has.
		err := c.read.Add(account.PublicIdentity, account.Account{
			Identity: account.PublicIdentity, Name: publicName, Kind: account.Public, System: true,
			Attributes: map[string]any{},
		})
		if err != nil {
			return err
		}
	}
	if c.read.version.stateInJSON() {
		return c.readStates(ctx)
	}
	if err := c.readUsers(ctx); err != nil {
		return err
	}
	return c.readUserAttributes(ctx)
}

// add keeps an account that was read; defaultRole is empty when it has none, or
// stands elsewhere.
func (r *read) add(a account.Account, user, host, defaultRole string) error {
	if a.Kind == account.User {
		host = r.userHost(host)
	}
	a.Identity, a.Name, a.Host = r.identity(user, host), user, host
	a.System = isSystem(user)
	if a.Identity == account.PublicIdentity {
		a.Kind, a.System, a.CanLogin = account.Public, true, false
	}
	if defaultRole != "" {
		r.defaults[a.Identity] = defaultRole
	}
	return r.Add(a.Identity, a)
}

// isSystem reports whether a server, or who runs it as a service, makes and
// keeps the account.
func isSystem(user string) bool {
	return slices.Contains([]string{
		"mysql.sys", "mysql.session", "mysql.infoschema", "mariadb.sys",
		"rdsadmin", "rdsrepladmin", "rdstopmgr", "rds_superuser_role", // Amazon
		"cloudsqladmin", "cloudsqlsuperuser", "cloudsqlimport", "cloudsqlexport", "cloudsqlreplica", // Google
		"azure_superuser", "azure_sys", "azure_account_admin", // Microsoft
		"aliyun_root", "tencentroot",
	}, user)
}

// A password is what is known of an account's one.
type password struct {
	changed  int64 // seconds since 1970
	known    bool  // whether changed is
	expired  bool  // by hand
	lifetime int64 // days; 0 is for ever, inherit the server's
}

// inherit is a lifetime that the account leaves to the server.
const inherit = -1

// of returns the lifetime that a column or key holds.
func lifetime(r row, i int) int64 {
	if days, known := r.integer(i); known {
		return days
	}
	return inherit
}

// tell writes what is known into the account. server is the server's own
// lifetime.
func (p password) tell(a *account.Account, server int64) {
	if p.expired {
		a.Attributes["password_expired"] = true
	}
	if p.lifetime != inherit {
		a.Attributes["password_lifetime_days"] = p.lifetime
	}
	if !p.known || p.changed <= 0 {
		return
	}
	changed := time.Unix(p.changed, 0).UTC()
	a.Attributes["password_last_changed"] = changed.Format(time.RFC3339)
	days := p.lifetime
	if days == inherit {
		days = server
	}
	const most = 1 << 16 // the servers' own limit
	if days > 0 && days <= most && a.Kind == account.User {
		until := changed.AddDate(0, 0, int(days))
		a.ValidUntil = &until
	}
}

// text keeps an attribute unless it is empty.
func text(a *account.Account, name, value string) {
	if value != "" {
		a.Attributes[name] = value
	}
}

// number keeps an attribute unless it is 0, which is no limit.
func number(a *account.Account, name, value string) {
	if n, err := strconv.ParseFloat(value, 64); err == nil && n != 0 {
		a.Attributes[name] = n
	}
}

// limitNames are the limits that all servers have, as the attributes call them.
var limitNames = [...]string{
	"max_queries_per_hour", "max_updates_per_hour", "max_connections_per_hour", "max_user_connections",
}

// addServerGrant keeps what an account may do everywhere.
func (r *read) addServerGrant(a *account.Account, s set) error {
	a.Superuser = slices.Contains(s.privileges, "SUPER")
	return r.addGrant(a, account.Grant{Type: "server", Privileges: s.privileges, Grantable: s.grantable})
}

// permission says which right is missing.
func (r *read) permission(ctx context.Context, phase string, err error, advice string) *session.Fault {
	return r.report.Fault(ctx, session.CodePermission, session.PhaseQuery(phase), err, advice)
}
