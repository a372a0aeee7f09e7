package cli

import (
	"context"
	"time"

	"github.com/dbfleet/dbfleet/internal/doctor"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

// Local is what the command line does without the API: on the database, and on
// this machine. An error may join *invalid.Error values, one for each fault of
// the configuration.
type Local interface {
	Migrator
	// CreateToken makes the user if there is none of that name, and a token, in
	// the database.
	CreateToken(ctx context.Context, request TokenRequest) (secret.Text, error)
	// Doctor runs every check of package doctor that can be run and returns what
	// it found; a server that is away is a finding and no error.
	Doctor(ctx context.Context) ([]doctor.Finding, error)
	KeyKeeper
	// Demo shows DBFleet at work; it blocks until it is over or ctx ends, which
	// is no error.
	Demo(ctx context.Context, options DemoOptions) error
}

// Migrator changes the schema.
type Migrator interface {
	// MigrateUp brings the schema to the newest version and returns the steps
	// that this took, in order; none when it was there already. Steps that come
	// with an error were taken before it.
	MigrateUp(ctx context.Context) ([]Migration, error)
	// MigrateDown takes the schema back to version to (0: no tables at all) and
	// returns the steps taken back, in order.
	MigrateDown(ctx context.Context, to int64) ([]Migration, error)
	// Migrations returns every step that this program knows, in order.
	Migrations(ctx context.Context) ([]Migration, error)
}

// KeyKeeper is the part of Local that knows the keys of stored passwords.
type KeyKeeper interface {
	// Keys returns the keys that passwords are sealed for, and those retired.
	Keys(ctx context.Context) ([]Key, error)
	// Reseal seals every password for the newest key that is not yet. progress is
	// called now and then with the number so far. A report with an error is of
	// what was done before it.
	Reseal(ctx context.Context, progress func(resealed int)) (ResealReport, error)
	// RetireKey makes sure that no password needs the key, and that none will.
	RetireKey(ctx context.Context, id secret.KeyID) error
}

// Migration is one step of the schema.
type Migration struct {
	Version   int64      `json:"version"`
	Name      string     `json:"name"`       // its file's name
	AppliedAt *time.Time `json:"applied_at"` // nil when it is not applied
}

// TokenRequest asks for a token of the API.
type TokenRequest struct {
	User    string
	Role    user.Role
	Name    string        // what the token is for; may be empty
	Expires time.Duration // from now; 0 for never
}

// DemoOptions says how to run the demo.
type DemoOptions struct {
	Dir     string // for everything that it makes
	Once    bool   // end after the sync
	Streams Streams
}

// Key is one key pair, as it is used.
type Key struct {
	ID          secret.KeyID `json:"key_id"`
	Credentials int          `json:"credentials"`
	Seals       bool         `json:"seals"`       // it is DBFLEET_PUBLIC_KEY
	InFile      bool         `json:"in_key_file"` // at DBFLEET_PRIVATE_KEY_FILE
	RetiredAt   *time.Time   `json:"retired_at"`  // nil unless it is retired
}

// ResealReport is what a reseal did.
type ResealReport struct {
	KeyID      secret.KeyID       `json:"key_id"` // that everything is sealed for now
	Resealed   int                `json:"resealed"`
	Unreadable []UnreadableSecret `json:"unreadable"` // left as they are
}

// UnreadableSecret is a password that nobody can open with the given keys.
type UnreadableSecret struct {
	CredentialID int64        `json:"credential_id"`
	Name         string       `json:"name"`
	KeyID        secret.KeyID `json:"key_id"`
	Reason       string       `json:"reason"`
}
