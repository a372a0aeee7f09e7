package fleet

import "github.com/dbfleet/dbfleet/internal/secret"

// Target is everything that a collector needs to log in to one instance. It
// holds a password: it lives in a worker's memory for one job and is never
// stored, logged or sent.
type Target struct {
	InstanceID    InstanceID
	Name          string
	Engine        Engine
	Host          string
	Port          int
	Database      string // empty means the engine's own default
	TLSMode       TLSMode
	TLSCA         string
	TLSServerName string
	Username      string
	Password      secret.Text
	// AppName tells the target's own administrators who is connected:
	// dbfleet/<session>/<instance>/<attempt>.
	AppName string
}

// Server is what a target says about itself.
type Server struct {
	Flavour  string // postgresql, mysql, mariadb …
	Version  string // as the server prints it, without build details
	Identity string // changes when another server answers at the same address
}
