package postgres

import (
	"fmt"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/collector"
	"github.com/dbfleet/dbfleet/internal/session"
)

// maxGrants bounds what one server may make us keep, about 200 MB.
const maxGrants = 1_000_000

// publicOID is how catalogs name everybody.
const publicOID = "0"

// A builder collects a snapshot while the rows come in.
type builder struct {
	snapshot account.Snapshot
	index    map[string]int // OID to place in snapshot.Accounts
	pool     *pool
	grants   int
	unknown  int // grants and memberships of roles that were made meanwhile
}

func newBuilder() *builder {
	b := &builder{index: map[string]int{publicOID: 0}, pool: newPool()}
	b.snapshot.Accounts = []account.Account{{
		Identity: account.PublicIdentity, Name: "PUBLIC", Kind: account.Public, System: true,
	}}
	return b
}

// account returns the account with that OID, or nil; it counts the unknown ones.
// The pointer is valid until the next account is added.
func (b *builder) account(oid []byte) *account.Account {
	i, ok := b.index[string(oid)]
	if !ok {
		b.unknown++
		return nil
	}
	return &b.snapshot.Accounts[i]
}

// identity returns the identity of the account with that OID, also of one that
// was dropped and is still mentioned.
func (b *builder) identity(oid []byte) string {
	if len(oid) == 0 {
		return ""
	}
	if i, ok := b.index[string(oid)]; ok {
		return b.snapshot.Accounts[i].Identity
	}
	return b.pool.text(oid)
}

func (b *builder) addAccount(a account.Account) error {
	if _, ok := b.index[a.Identity]; ok {
		return fmt.Errorf("%w: role %s twice", collector.ErrProtocol, a.Identity)
	}
	b.index[a.Identity] = len(b.snapshot.Accounts)
	b.snapshot.Accounts = append(b.snapshot.Accounts, a)
	return nil
}

func (b *builder) addGrant(a *account.Account, g account.Grant) error {
	if b.grants++; b.grants > maxGrants {
		return fmt.Errorf("%w: over %d grants", collector.ErrTooLarge, maxGrants)
	}
	a.Grants = append(a.Grants, g)
	return nil
}

// undo takes back the latest grants that match: what a statement had returned
// before it failed.
func (b *builder) undo(match func(*account.Grant) bool) {
	for i := range b.snapshot.Accounts {
		a := &b.snapshot.Accounts[i]
		n := len(a.Grants)
		for n > 0 && match(&a.Grants[n-1]) {
			n--
		}
		b.grants -= len(a.Grants) - n
		a.Grants = a.Grants[:n]
	}
}

// gap notes what could not be read.
func (b *builder) gap(database, part string, f *session.Fault) {
	b.snapshot.Gaps = append(b.snapshot.Gaps, account.Gap{
		Database: database, Type: part, Code: f.Code, Phase: f.Phase, Reason: f.Err.Error(),
	})
}

// finish returns the snapshot; the builder is of no use after that.
func (b *builder) finish() account.Snapshot {
	b.snapshot.Details["grants"] = b.grants
	b.snapshot.Details["unknown_grantees"] = b.unknown
	return b.snapshot
}
