package store

import (
	"fmt"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/session"
)

// Bounds of what one statement carries, so that a big instance costs little
// memory beyond its snapshot.
const (
	chunkRows  = 2000
	diffRows   = 500 // a change holds the stored state as well
	chunkBytes = 4 << 20
)

// accountBatch collects the rows of one statement as arrays.
type accountBatch struct {
	ids     []int64
	changes []string
	states  [][]byte
	hashes  [][]byte
	diffs   [][]byte
	bytes   int // of the states
}

func (b *accountBatch) add(w account.Write, a account.Account) error {
	state, _, err := account.Encode(a)
	if err != nil {
		return err
	}
	change := account.Changed
	if w.Returned {
		change = account.Returned
	}
	b.ids = append(b.ids, int64(w.ID))
	b.changes = append(b.changes, string(change))
	b.states = append(b.states, state)
	b.hashes = append(b.hashes, w.Hash[:])
	b.bytes += len(state)
	return nil
}

func (b *accountBatch) full() bool { return len(b.states) >= chunkRows || b.bytes >= chunkBytes }

func (b *accountBatch) reset() {
	b.ids, b.changes, b.states, b.hashes, b.diffs = b.ids[:0], b.changes[:0], b.states[:0], b.hashes[:0], b.diffs[:0]
	b.bytes = 0
}

// all checks that a statement wrote every row that it was given. It writes
// fewer only when an account has no current version, which is never right.
func all(n int64, err error, want int) error {
	if err == nil && n != int64(want) {
		return fmt.Errorf("wrote %d of %d rows", n, want)
	}
	return err
}

func recordID(c session.Claim) *int64 {
	id := int64(c.Record)
	return &id
}
