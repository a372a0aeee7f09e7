package mysql

import (
	"context"
	"fmt"
	"strconv"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector"
)

// stateMariaDB takes what we need out of the column that also holds the hash.
// The documented view dbfleet.account_state is made of this text; it must not
// change without telling users to make the view again.
const stateMariaDB = `
SELECT Host, User,
       JSON_VALUE(Priv, '$.access') AS access,
       JSON_VALUE(Priv, '$.version_id') AS version_id,
       JSON_VALUE(Priv, '$.plugin') AS plugin,
       JSON_EXTRACT(Priv, '$.auth_or[*].plugin') AS other_plugins,
       JSON_VALUE(Priv, '$.account_locked') AS account_locked,
       JSON_VALUE(Priv, '$.password_last_changed') AS password_last_changed,
       JSON_VALUE(Priv, '$.password_lifetime') AS password_lifetime,
       JSON_VALUE(Priv, '$.ssl_type') AS ssl_type,
       JSON_VALUE(Priv, '$.ssl_cipher') AS ssl_cipher,
       JSON_VALUE(Priv, '$.x509_issuer') AS x509_issuer,
       JSON_VALUE(Priv, '$.x509_subject') AS x509_subject,
       JSON_VALUE(Priv, '$.max_questions') AS max_questions,
       JSON_VALUE(Priv, '$.max_updates') AS max_updates,
       JSON_VALUE(Priv, '$.max_connections') AS max_connections,
       JSON_VALUE(Priv, '$.max_user_connections') AS max_user_connections,
       JSON_VALUE(Priv, '$.max_statement_time') AS max_statement_time,
       JSON_VALUE(Priv, '$.is_role') AS is_role,
       JSON_VALUE(Priv, '$.default_role') AS default_role
  FROM mysql.global_priv`

// sqlStates reads the view.
const sqlStates = `
SELECT Host, User, access, version_id, plugin, other_plugins, account_locked,
       password_last_changed, password_lifetime, ssl_type, ssl_cipher, x509_issuer, x509_subject,
       max_questions, max_updates, max_connections, max_user_connections, max_statement_time,
       is_role, default_role
  FROM dbfleet.account_state`

// The columns of sqlStates and stateMariaDB.
const (
	stateHost = iota
	stateUser
	stateAccess
	stateVersion
	statePlugin
	statePlugins
	stateLocked
	stateChanged
	stateLifetime
	stateSSL
	stateCipher
	stateIssuer
	stateSubject
	stateLimits // four of them
	_
	_
	_
	stateTime
	stateRole
	stateDefault
	stateColumns
)

const adviceView = "the account needs SELECT on the view dbfleet.account_state as the documentation makes it"

// readStates reads the accounts of a MariaDB that keeps them as JSON.
func (c *conn) readStates(ctx context.Context) error {
	return c.eachState(ctx, query{name: "accounts", sql: sqlStates, columns: stateColumns}, stateMariaDB, c.read.addState)
}

// eachState is each for what our view shows; where there is none that works, the
// table may answer the statement that the view is made of. When it does not, the
// view is what is to be mended.
func (c *conn) eachState(ctx context.Context, q query, ofTable string, visit func(row) error) error {
	err := c.each(ctx, q, visit)
	f := noView(err)
	if f == nil {
		return err
	}
	q.sql = ofTable
	if err := c.each(ctx, q, visit); noView(err) == nil {
		return err
	}
	f.Fault = c.read.permission(ctx, q.name, f.Fault.Err, adviceView)
	return f
}

// noView returns the failure of a statement for which there is no such view or
// table for us, or one that does not work; nil for any other.
func noView(err error) *failure {
	f, ok := err.(*failure) //nolint:errorlint // each returns nothing else
	if !ok || !f.Refused {
		return nil
	}
	switch f.number {
	case 1044, 1049, 1142, 1143, numberNoTable:
		return f
	case 1054, 1356: // without a column, without what it is made of
		return f
	case 1045, 1449: // without its definer; the first is what an ordinary account is told
		return f
	}
	return nil
}

func (r *read) addState(v row) error {
	a := account.Account{Kind: account.User, Attributes: map[string]any{}}
	locked := v.flag(stateLocked)
	if v.flag(stateRole) {
		a.Kind = account.Role
	}
	a.CanLogin = a.Kind == account.User && !locked
	if locked {
		a.Attributes[account.AttributeLocked] = true
	}
	if err := statePluginsOf(&a, v); err != nil {
		return err
	}
	r.statePassword(&a, v)
	text(&a, "tls_required", tlsWord(v.text(stateSSL)))
	text(&a, "tls_cipher", v.text(stateCipher))
	text(&a, "tls_issuer", v.text(stateIssuer))
	text(&a, "tls_subject", v.text(stateSubject))
	for i, name := range limitNames {
		number(&a, name, v.text(stateLimits+i))
	}
	number(&a, "max_statement_time_s", v.text(stateTime))
	return r.addWithState(a, v)
}

// addWithState keeps the account with its server-wide rights and default role.
func (r *read) addWithState(a account.Account, v row) error {
	access, err := stateAccessOf(v)
	if err != nil {
		return err
	}
	written, _ := v.integer(stateVersion) // the oldest when it is missing
	if err := r.addServerGrant(&a, accessSet(access, written, r.version)); err != nil {
		return err
	}
	return r.add(a, v.text(stateUser), v.text(stateHost), v.text(stateDefault))
}

func stateAccessOf(v row) (uint64, error) {
	if v[stateAccess] == nil {
		return 0, nil
	}
	if bits, known := v.integer(stateAccess); known {
		return uint64(bits), nil // of a negative number, too, as the server does
	}
	access, err := strconv.ParseUint(v.text(stateAccess), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: access of an account", collector.ErrProtocol)
	}
	return access, nil
}

// statePluginsOf keeps the plugins: an account of MariaDB may have several, of
// which any lets it in. Where the first one stands among the others, its name is
// missing there.
func statePluginsOf(a *account.Account, v row) error {
	text(a, "plugin", v.text(statePlugin))
	var others []string
	if err := v.json(statePlugins, &others); err != nil {
		return fmt.Errorf("%w: plugins of an account", collector.ErrProtocol)
	}
	if len(others) > 0 {
		a.Attributes["other_plugins"] = others
	}
	return nil
}

// statePassword: a password that was expired by hand was changed at 0.
func (r *read) statePassword(a *account.Account, v row) {
	p := password{lifetime: lifetime(v, stateLifetime)}
	p.changed, p.known = v.integer(stateChanged)
	p.expired = p.known && p.changed == 0
	p.tell(a, r.lifetime)
}

// tlsWord returns what an account's connections must be.
func tlsWord(kind string) string {
	switch kind {
	case "1", "ANY":
		return "tls"
	case "2", "X509":
		return "certificate"
	case "3", "SPECIFIED":
		return "certificate_of"
	}
	return ""
}
