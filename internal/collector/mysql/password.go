package mysql

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"math/big"
	"strings"

	driver "github.com/go-sql-driver/mysql"
)

// Two of MySQL's plugins let the server ask for the password itself:
// sha256_password always, caching_sha2_password when the server does not
// remember the account. The driver then sends it as it is inside TLS, and
// otherwise encrypted with a key that the server sends along, whoever that is.
// It has no switch against this, so where nobody has checked the server:
//
//   - it is given a key beforehand, so that it asks for none, and that key is too
//     short to encrypt anything: it gives up before it sends;
//   - it looks whether the connection has TLS before it takes the key, so once
//     TLS stands it is told that there is none;
//   - a server that begins with sha256_password is refused at its greeting,
//     because the answer to that is made before TLS stands.
//
// TestPasswordItselfIsNotShownUnchecked looks at the bytes.

// noKey is the name under which the driver knows the key.
const noKey = "dbfleet: none"

// errNotShown is for a greeting that asks for the password itself.
var errNotShown = errors.New("the server greets with sha256_password")

// registerNoKey may be called any number of times.
func registerNoKey() {
	driver.RegisterServerPubKey(noKey, &rsa.PublicKey{N: big.NewInt(15), E: 3})
}

// keepPassword keeps a login from showing the password itself.
func keepPassword(c *driver.Config) error {
	c.ServerPubKey = noKey
	if c.TLS == nil {
		return nil
	}
	return c.Apply(driver.BeforeConnect(func(_ context.Context, own *driver.Config) error {
		check := own.TLS.VerifyConnection
		own.TLS.VerifyConnection = func(s tls.ConnectionState) error {
			own.TLS = nil // the handshake has its own copy by now
			return check(s)
		}
		return nil
	}))
}

// asksForPassword returns an error when the greeting names the plugin to which
// the password itself is the first answer.
func (c *greetedConn) asksForPassword() error {
	if bytes.Contains(c.greeting, []byte("sha256_password")) {
		return errNotShown
	}
	return nil
}

// notShown reports whether the login ended because we do not show the password.
func notShown(err error) bool {
	return errors.Is(err, errNotShown) || strings.Contains(err.Error(), "crypto/rsa: ") // it has no type for it
}
