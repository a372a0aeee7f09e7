package collector

import (
	"fmt"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/session"
)

// maxGrants bounds what one server may make us keep, about 200 MB.
const maxGrants = 1_000_000

// A Builder collects a snapshot while the rows of a server come in. The zero value
// is not ready: see NewBuilder. One goroutine uses it.
type Builder struct {
	Snapshot    account.Snapshot
	maxAccounts int
	index       map[string]int // identity, or another key of Add, to place in Snapshot.Accounts
	accounts    int            // without the one for everybody
	grants      int
	unknown     int // grants and memberships of accounts that are not in the list
}

// NewBuilder returns an empty builder that takes at most maxAccounts accounts;
// the one that stands for everybody does not count.
func NewBuilder(maxAccounts int) *Builder {
	b := &Builder{maxAccounts: maxAccounts, index: map[string]int{}}
	b.Snapshot.Details = map[string]any{}
	return b
}

// Add keeps an account, to be found by key. It fails with ErrProtocol when there is
// one of that key, and with ErrTooLarge when there are too many.
func (b *Builder) Add(key string, a account.Account) error {
	if _, ok := b.index[key]; ok {
		return fmt.Errorf("%w: an account twice", ErrProtocol)
	}
	if a.Kind != account.Public {
		if b.accounts++; b.accounts > b.maxAccounts {
			return fmt.Errorf("%w: over %d accounts", ErrTooLarge, b.maxAccounts)
		}
	}
	b.index[key] = len(b.Snapshot.Accounts)
	b.Snapshot.Accounts = append(b.Snapshot.Accounts, a)
	return nil
}

// Account returns the account of that key, or nil. The pointer is valid until the
// next account is added.
func (b *Builder) Account(key string) *account.Account {
	if i, ok := b.index[key]; ok {
		return &b.Snapshot.Accounts[i]
	}
	return nil
}

// Unknown counts a grant or a membership of an account that is not in the list.
func (b *Builder) Unknown() { b.unknown++ }

// AddGrant keeps a grant of a, which need not be added yet. It fails with
// ErrTooLarge when there are more than a million.
func (b *Builder) AddGrant(a *account.Account, g account.Grant) error {
	if b.grants++; b.grants > maxGrants {
		return fmt.Errorf("%w: over %d grants", ErrTooLarge, maxGrants)
	}
	a.Grants = append(a.Grants, g)
	return nil
}

// UndoGrants takes back the latest grants of each account that match: what a
// statement had returned before it failed.
func (b *Builder) UndoGrants(match func(*account.Grant) bool) {
	for i := range b.Snapshot.Accounts {
		a := &b.Snapshot.Accounts[i]
		n := len(a.Grants)
		for n > 0 && match(&a.Grants[n-1]) {
			n--
		}
		b.grants -= len(a.Grants) - n
		a.Grants = a.Grants[:n]
	}
}

// UndoMemberships takes back all memberships.
func (b *Builder) UndoMemberships() {
	for i := range b.Snapshot.Accounts {
		b.Snapshot.Accounts[i].Memberships = nil
	}
}

// Gap notes what could not be read; the names are those of account.Gap.
func (b *Builder) Gap(database, part string, f *session.Fault) {
	b.Snapshot.Gaps = append(b.Snapshot.Gaps, account.Gap{
		Database: database, Type: part, Code: f.Code, Phase: f.Phase, Reason: f.Err.Error(),
	})
}

// Skip turns the refusal of a part of the server into a gap; any other error it
// returns.
func (b *Builder) Skip(part string, err error) error {
	f, ok := err.(interface{ refusal() *session.Fault })
	if !ok || f.refusal() == nil {
		return err
	}
	b.Gap("", part, f.refusal())
	return nil
}

// Finish returns the snapshot; the builder is of no use after that.
func (b *Builder) Finish(bytesRead int64) account.Snapshot {
	b.Snapshot.Details["grants"] = b.grants
	b.Snapshot.Details["unknown_grantees"] = b.unknown
	b.Snapshot.Details["bytes_read"] = bytesRead
	return b.Snapshot
}
