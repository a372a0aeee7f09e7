package mysql_test

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dbfleet/dbfleet/internal/collector/collectortest"
	"github.com/dbfleet/dbfleet/internal/collector/mysql"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/session"
)

// An asker is a server that wants the password itself.
type asker struct {
	greets    string            // plugin of the greeting
	ask       []byte            // packet after the login; nil: the greeting has asked
	remembers bool              // ask is no question, and the login has succeeded
	config    *tls.Config       // nil: no TLS
	ear       collectortest.Ear // inside of TLS
	said      atomic.Bool       // the client has answered
}

// What caching_sha2_password says after a login.
const (
	remembered = "\x01\x03" // and lets the account in
	full       = "\x01\x04" // it does not remember the account, and wants the password
)

func switchPacket(plugin string) []byte {
	return []byte("\xfe" + plugin + "\x00abcdefghijklmnopqrst\x00")
}

func (a *asker) serve(_ context.Context, c net.Conn) {
	w := &wire{c: c}
	capabilities := uint32(withoutTLS)
	if a.config != nil {
		capabilities = withTLS
	}
	w.packet(greetingFor(capabilities, a.greets))
	if a.config != nil {
		if _, err := w.hear(); err != nil { // the wish for TLS
			return
		}
		c = tls.Server(c, a.config)
	}
	w.c = a.ear.On(c)
	if _, err := w.hear(); err != nil { // the login
		return
	}
	if a.ask != nil {
		w.packet(a.ask)
		if a.remembers {
			w.ok()
			w.serve(tellVersion("5.5.62", "old"))
			return
		}
		if _, err := w.hear(); err != nil {
			return
		}
	}
	a.said.Store(true)
	w.refuse(1045, "no")
}

// Where nobody has checked the server, it may have a proof that we know the
// password, and not the password: neither inside TLS, nor for a key of its own.
func TestPasswordItselfIsNotShownUnchecked(t *testing.T) {
	t.Parallel()
	ours := collectortest.NewAuthority(t)
	pair := ours.Issue(t, collectortest.Valid, "127.0.0.1")
	for name, ask := range map[string]*asker{
		"greets with sha256_password":                     {greets: "sha256_password"},
		"greets with sha256_password and noise":           {greets: "sha256_password\x00noise"},
		"switches to sha256_password":                     {greets: "mysql_native_password", ask: switchPacket("sha256_password")},
		"does not remember the account":                   {greets: "caching_sha2_password", ask: []byte(full)},
		"does not remember the account, with other words": {greets: "caching_sha2_password\x00noise", ask: []byte(full)},
	} {
		for mode, shown := range map[fleet.TLSMode]bool{
			fleet.TLSVerifyFull: true, fleet.TLSVerifyCA: true, fleet.TLSRequire: false, fleet.TLSDisable: false,
		} {
			t.Run(name+", "+string(mode), func(t *testing.T) {
				t.Parallel()
				a := &asker{greets: ask.greets, ask: ask.ask}
				if mode != fleet.TLSDisable {
					a.config = pair.Config(t)
				}
				fake := collectortest.Serve(t, a.serve)
				target := fake.Target(mode)
				target.TLSCA = ours.PEM
				_, err := mysql.New(localDialer(t), nil).ReadAccounts(t.Context(), target, fleet.Limits{}, nil)
				if heard := a.ear.Heard(target.Password.Reveal()); a.said.Load() != shown || heard != shown {
					t.Errorf("answered: %t, password shown: %t, want %t", a.said.Load(), heard, shown)
				}
				f := session.AsFault(err)
				if shown && f.Code != session.CodeAuthFailed {
					t.Errorf("fault %v, want %s", f, session.CodeAuthFailed)
				}
				if !shown && (f.Code != session.CodeTLS || !strings.HasPrefix(f.Err.Error(), "tls_mode: ")) {
					t.Errorf("fault %v, want %s naming tls_mode", f, session.CodeTLS)
				}
			})
		}
	}
}

// What proves that the password is known without showing it works everywhere.
func TestRememberedAccountLogsInUnchecked(t *testing.T) {
	t.Parallel()
	for _, mode := range []fleet.TLSMode{fleet.TLSRequire, fleet.TLSDisable} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			a := &asker{greets: "caching_sha2_password", ask: []byte(remembered), remembers: true}
			if mode == fleet.TLSRequire {
				a.config = collectortest.IssueSelf(t).Config(t)
			}
			fake := collectortest.Serve(t, a.serve)
			_, err := mysql.New(localDialer(t), nil).ReadAccounts(t.Context(), fake.Target(mode), fleet.Limits{}, nil)
			if f := session.AsFault(err); f.Code != session.CodeUnsupported {
				t.Errorf("fault %v, want one after the login", f)
			}
		})
	}
}
