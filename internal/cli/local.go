package cli

import (
	"context"
	"time"

	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

// Local is what the command line does without the API: on the database, and on
// this machine. An error may join *invalid.Error values, one for each fault of
// the configuration.
type Local interface {
	// MigrateUp brings the schema to the newest version and returns the steps
	// that this took, in order; none when it was there already. Steps that come
	// with an error were taken before it.
	MigrateUp(ctx context.Context) ([]Migration, error)
	// MigrateDown takes the schema back to version to (0: no tables at all) and
	// returns the steps taken back, in order.
	MigrateDown(ctx context.Context, to int64) ([]Migration, error)
	// Migrations returns every step that this program knows, in order.
	Migrations(ctx context.Context) ([]Migration, error)
	// CreateToken makes the user if there is none of that name, and a token.
	CreateToken(ctx context.Context, request TokenRequest) (secret.Text, error)
	// Demo shows DBFleet at work; it blocks until it is over or ctx ends, which
	// is no error.
	Demo(ctx context.Context, options DemoOptions) error
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
