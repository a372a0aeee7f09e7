// Package fleet knows the database servers under our care: instances, their
// engines, credentials, tags and how to reach them. It validates what people
// enter; it reads nothing and connects to nothing.
package fleet

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// InstanceID is the number of an instance.
type InstanceID int64

// CredentialID is the number of a credential.
type CredentialID int64

// Errors that callers act on.
var (
	ErrInstanceNotFound   = errors.New("instance not found")
	ErrCredentialNotFound = errors.New("credential not found")
	// ErrCredentialInUse refuses the deletion of a credential that an instance still uses.
	ErrCredentialInUse = errors.New("credential is in use by an instance")
	// ErrKeyRetired refuses a password that is sealed for a retired key: no
	// worker could open it.
	ErrKeyRetired = errors.New("password is sealed for a retired key")
	// ErrNotDeleted refuses the restoration of a living instance.
	ErrNotDeleted = errors.New("instance is not deleted")
	// ErrNameTaken refuses a second living instance, or a second credential, of one name.
	ErrNameTaken = errors.New("name is already taken")
)

// Engine is a family of database servers. Stored; do not rename.
type Engine string

// The engines that an instance may have.
const (
	PostgreSQL Engine = "postgresql"
	MySQL      Engine = "mysql" // MariaDB too: the flavour tells them apart
	SQLServer  Engine = "sqlserver"
	Oracle     Engine = "oracle"
)

// Engines lists every engine.
func Engines() []Engine { return []Engine{PostgreSQL, MySQL, SQLServer, Oracle} }

// ParseEngine returns the engine of that stored name, or an *invalid.Error for
// the given field.
func ParseEngine(field, s string) (Engine, error) {
	if e := Engine(s); slices.Contains(Engines(), e) {
		return e, nil
	}
	return "", invalid.Field(field, "unknown engine %q: use postgresql, mysql, sqlserver or oracle", s)
}

// DefaultPort is the port that a server of the engine listens on by itself.
func (e Engine) DefaultPort() int {
	switch e {
	case PostgreSQL:
		return 5432
	case MySQL:
		return 3306
	case SQLServer:
		return 1433
	case Oracle:
		return 1521
	}
	return 0
}

// TLSMode says how a connection to a target is protected. Stored; do not rename.
type TLSMode string

// The modes, strongest first.
const (
	TLSVerifyFull TLSMode = "verify-full" // certificate chain and host name; the default
	TLSVerifyCA   TLSMode = "verify-ca"   // certificate chain
	TLSRequire    TLSMode = "require"     // encrypted, the server is not checked
	TLSDisable    TLSMode = "disable"     // plain text
)

// TLSModes lists every mode, strongest first.
func TLSModes() []TLSMode { return []TLSMode{TLSVerifyFull, TLSVerifyCA, TLSRequire, TLSDisable} }

// ChecksServer reports whether a connection ends before anything secret is said
// when the server's certificate is not signed by an authority that we know. The
// zero mode is TLSVerifyFull; an unknown one checks nothing.
func (m TLSMode) ChecksServer() bool {
	return m == TLSVerifyFull || m == TLSVerifyCA || m == ""
}

// Contact is what the last attempt to reach an instance found. Stored; do not rename.
type Contact string

// The findings.
const (
	ContactUnknown     Contact = "unknown"
	ContactAlive       Contact = "alive"       // something answered, if only with a refusal
	ContactUnreachable Contact = "unreachable" // no answer at all: timeout or no route at connect
)

// Instance is one database server.
type Instance struct {
	ID            InstanceID
	Name          string
	Engine        Engine
	Host          string
	Port          int
	Database      string       // initial database or service; empty means the engine's own default
	CredentialID  CredentialID // 0 only when it is deleted and so is its credential
	TLSMode       TLSMode
	TLSCA         string // PEM; empty means the system's roots; without effect where the mode checks no server
	TLSServerName string // asked for, and checked where the mode checks names; empty means Host
	HostKey       string // instances of one key share one limit; empty means Host in lower case
	Tags          []string
	Active        bool

	// Found at the last contact; never entered by people.
	Flavour  string
	Version  string
	Identity string
	Contact  Contact

	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt time.Time // zero while it lives
}

// Credential is a login that many instances may share. The password is not
// part of it: only its sealed form is ever stored.
type Credential struct {
	ID        CredentialID
	Name      string
	Username  string
	KeyID     string // of the key that the password is sealed for
	Version   int    // counts from 1; a new password or user name adds one
	Instances int    // how many living instances use it
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Normalise fills the defaults of what was left empty and returns the checked
// instance, or the first fault as an *invalid.Error.
func (in Instance) Normalise() (Instance, error) {
	if in.Port == 0 {
		in.Port = in.Engine.DefaultPort()
	}
	if in.TLSMode == "" {
		in.TLSMode = TLSVerifyFull
	}
	if in.HostKey == "" {
		in.HostKey = in.Host
	}
	in.HostKey = strings.ToLower(in.HostKey)
	in.Tags = slices.Compact(slices.Sorted(slices.Values(in.Tags)))
	return in, in.validate()
}

func (in Instance) validate() error {
	_, engineErr := ParseEngine("engine", string(in.Engine))
	return errors.Join(
		engineErr,
		validName(in.Name),
		validHost("host", in.Host),
		validPort(in.Port),
		invalid.OptionalText("database", in.Database, 200),
		invalid.Text("host_key", in.HostKey, 253),
		validCredentialID(in.CredentialID),
		in.validateTLS(),
		ValidTags("tags", in.Tags),
	)
}
