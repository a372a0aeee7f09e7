package fleet

import "time"

// Restoration says how a deleted instance comes back. What it leaves out is as
// it was, but for Active.
type Restoration struct {
	Name         *string
	CredentialID *CredentialID // needed when the old one is gone
	Active       bool
}

// Apply returns the instance as it comes back, not yet checked.
func (r Restoration) Apply(in Instance) Instance {
	set(&in.Name, r.Name)
	set(&in.CredentialID, r.CredentialID)
	in.Active, in.DeletedAt = r.Active, time.Time{}
	return in
}
