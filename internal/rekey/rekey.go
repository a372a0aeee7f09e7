// Package rekey moves stored passwords from older keys to the current one. It
// opens each with the private key that it was sealed for, and seals it again
// for the same place and version, so that nobody who uses it notices. It knows
// no SQL and no key file.
//
// It may be stopped at any moment and run again, and may run several times at
// once, beside workers and the API: each password is replaced by one guarded
// write, and one that was changed meanwhile wins. Runs to different keys would
// undo each other for ever: who notices it gives up.
package rekey

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// Store keeps the passwords.
type Store interface {
	// SealedForOthers returns passwords that are not sealed for key, by id: at
	// most limit, with ids over after.
	SealedForOthers(ctx context.Context, key secret.KeyID, limit int, after fleet.CredentialID) ([]fleet.SealedPassword, error)
	// Reseal replaces those that are still as they were, and counts them.
	Reseal(ctx context.Context, list []fleet.Resealed) (int, error)
}

// batch is how many passwords one transaction replaces.
const batch = 100

// Rekey is one run. Progress may be nil; the other fields are required.
type Rekey struct {
	Store    Store
	Keys     secret.Keyring
	To       secret.PublicKey
	Progress func(resealed int) // after each transaction
}

// Unreadable is a password that was left as it is, because it cannot be opened.
type Unreadable struct {
	fleet.SealedPassword

	Err error // wraps secret.ErrUnknownKey, secret.ErrTampered or secret.ErrUnknownFormat
}

// Report says what a run did.
type Report struct {
	Resealed   int
	Unreadable []Unreadable
}

// ErrOtherRun says that somebody reseals for another key at the same time.
var ErrOtherRun = errors.New("another run reseals for another key at the same time: let one end, and run the one that is to win again")

// run is what one Run remembers.
type run struct {
	Rekey
	report  Report
	touched map[fleet.CredentialID]int // the version that was resealed, of each
}

// Run reseals until nothing is left that it can reseal. Passwords that it cannot
// open it leaves alone and reports. An error says that it did not get to the
// end; what it reports was done. Error: ErrOtherRun.
func (r Rekey) Run(ctx context.Context) (Report, error) {
	if !slices.Contains(r.Keys.IDs(), r.To.ID()) {
		return Report{}, fmt.Errorf("the key file does not hold the private key of the public key %s: add it, "+
			"or nobody could open what is sealed for it", r.To.ID())
	}
	now := &run{Rekey: r, touched: map[fleet.CredentialID]int{}}
	for {
		before := now.report.Resealed
		now.report.Unreadable = nil // each pass sees them again
		if err := now.pass(ctx); err != nil {
			return now.report, err
		}
		if now.report.Resealed == before {
			return now.report, nil
		}
	}
}

// pass looks once at every password.
func (r *run) pass(ctx context.Context) error {
	var after fleet.CredentialID
	for {
		list, err := r.Store.SealedForOthers(ctx, r.To.ID(), batch, after)
		if err != nil || len(list) == 0 {
			return err
		}
		after = list[len(list)-1].ID
		again, err := r.sealed(list)
		if err != nil {
			return err
		}
		n, err := r.Store.Reseal(ctx, again)
		if err != nil {
			return err
		}
		r.report.Resealed += n
		if r.Progress != nil {
			r.Progress(r.report.Resealed)
		}
	}
}

// sealed seals each again. A password that was resealed here and is, in the same
// version, under another key once more is another run's.
func (r *run) sealed(list []fleet.SealedPassword) ([]fleet.Resealed, error) {
	var done []fleet.Resealed
	for _, old := range list {
		if r.touched[old.ID] == old.Version {
			return nil, fmt.Errorf("%w: credential %s is sealed for %s again", ErrOtherRun, old.Name, old.KeyID)
		}
		again, err := r.seal(old)
		if err != nil {
			r.report.Unreadable = append(r.report.Unreadable, Unreadable{old, err})
			continue
		}
		r.touched[old.ID] = old.Version
		done = append(done, fleet.Resealed{Old: old, KeyID: r.To.ID(), Sealed: again})
	}
	return done, nil
}

func (r Rekey) seal(old fleet.SealedPassword) ([]byte, error) {
	place := fleet.PasswordBinding(old.ID, old.Version)
	password, err := r.Keys.Open(place, old.Sealed)
	if err != nil {
		return nil, err
	}
	return r.To.Seal(place, password)
}

// Reason says in words why a password was left alone.
func (u Unreadable) Reason() string {
	switch {
	case errors.Is(u.Err, secret.ErrUnknownKey):
		return fmt.Sprintf("needs the private key %s, which is not in the key file", u.KeyID)
	case errors.Is(u.Err, secret.ErrTampered):
		return "was changed outside of DBFleet, or belongs to another row"
	}
	return u.Err.Error()
}
