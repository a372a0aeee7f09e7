package fleet

import (
	"cmp"
	"time"
)

// What Limits uses where a field is zero.
const (
	DefaultConnect     = 10 * time.Second
	DefaultStatement   = time.Minute
	DefaultLock        = 2 * time.Second
	DefaultMaxAccounts = 200_000
)

// Limits bound one read of one target. The zero value means the defaults.
type Limits struct {
	Connect     time.Duration // one connection, from the look-up of the name to the end of the login
	Statement   time.Duration // one statement, until its last row is read
	Lock        time.Duration // a statement's wait behind somebody's lock
	MaxAccounts int           // a server with more of them is not read at all
}

// OrDefaults returns l with the defaults in place of zero fields.
func (l Limits) OrDefaults() Limits {
	return Limits{
		Connect:     cmp.Or(l.Connect, DefaultConnect),
		Statement:   cmp.Or(l.Statement, DefaultStatement),
		Lock:        cmp.Or(l.Lock, DefaultLock),
		MaxAccounts: cmp.Or(l.MaxAccounts, DefaultMaxAccounts),
	}
}

// OnServer returns how much of Statement the server itself is given for one: it
// should give up first, because then the connection survives.
func (l Limits) OnServer() time.Duration { return l.Statement * 9 / 10 }
