package fleet

import (
	"strings"

	"github.com/dbfleet/dbfleet/internal/secret"
)

// InstanceFilter narrows a list of living instances; zero fields do not narrow.
type InstanceFilter struct {
	Engine     *Engine
	Active     *bool
	TLSMode    *TLSMode
	Tag        string
	Name       string // part of the name, in any case
	ExactName  string
	Credential *CredentialID // those that use it
	Deleted    bool          // list the deleted ones instead of the living
}

// CredentialFilter narrows a list of credentials; zero fields do not narrow.
type CredentialFilter struct {
	ExactName string
}

// InstanceChange names the fields of an instance to change; nil ones stay.
type InstanceChange struct {
	Name          *string
	Engine        *Engine
	Host          *string
	Port          *int
	Database      *string
	CredentialID  *CredentialID
	TLSMode       *TLSMode
	TLSCA         *string
	TLSServerName *string
	HostKey       *string // empty: the host in lower case
	Tags          *[]string
	Active        *bool
}

// Apply returns the changed instance, not yet checked. A new host takes the
// host key with it where that was nothing but the old host.
func (c InstanceChange) Apply(in Instance) Instance {
	if c.Host != nil && in.HostKey == strings.ToLower(in.Host) {
		in.HostKey = ""
	}
	set(&in.Name, c.Name)
	set(&in.Engine, c.Engine)
	set(&in.Host, c.Host)
	set(&in.Port, c.Port)
	set(&in.Database, c.Database)
	set(&in.CredentialID, c.CredentialID)
	set(&in.TLSMode, c.TLSMode)
	set(&in.TLSCA, c.TLSCA)
	set(&in.TLSServerName, c.TLSServerName)
	set(&in.HostKey, c.HostKey)
	set(&in.Tags, c.Tags)
	set(&in.Active, c.Active)
	return in
}

// Check returns an *invalid.Error when c gives in something that would have no
// effect. What in already has and c leaves alone is no fault of c.
func (c InstanceChange) Check(in Instance) error {
	if c.TLSCA == nil {
		return nil
	}
	return c.Apply(in).authorityInVain()
}

// CredentialChange names the fields of a credential to change; nil ones stay.
type CredentialChange struct {
	Name     *string
	Username *string
	Seal     Seal // of the new password
}

// Seal seals one password for the place it will be stored in.
type Seal func(secret.Binding) ([]byte, error)

// PasswordBinding is the place of a credential's password: the API seals for
// it, and a worker opens with it. Stored implicitly; do not change.
func PasswordBinding(id CredentialID, version int) secret.Binding {
	return secret.Binding{Table: "credentials", Row: int64(id), Field: "password", Version: int64(version)}
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}
