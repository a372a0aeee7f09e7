package postgres

import (
	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

// publicOID is how catalogs name everybody.
const publicOID = "0"

// A builder collects a snapshot while the rows come in. Its keys are OIDs.
type builder struct {
	*collector.Builder

	pool *pool
}

func newBuilder(limits fleet.Limits) *builder {
	return &builder{collector.NewBuilder(limits.MaxAccounts), newPool()}
}

// account returns the account with that OID, or nil; it counts the unknown ones:
// of roles that were made meanwhile. The pointer is valid until the next account
// is added.
func (b *builder) account(oid []byte) *account.Account {
	a := b.Account(string(oid))
	if a == nil {
		b.Unknown()
	}
	return a
}

// identity returns the identity of the account with that OID, also of one that
// was dropped and is still mentioned.
func (b *builder) identity(oid []byte) string {
	if len(oid) == 0 {
		return ""
	}
	if a := b.Account(string(oid)); a != nil {
		return a.Identity
	}
	return b.pool.text(oid)
}
