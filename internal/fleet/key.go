package fleet

import (
	"fmt"
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/internal/secret"
)

// KeyUse is a key that passwords are sealed for, or were until it was retired.
type KeyUse struct {
	ID          secret.KeyID
	Credentials int
	RetiredAt   *time.Time // nil while it may be sealed for
}

// SealedPassword is a password as it is stored.
type SealedPassword struct {
	ID      CredentialID
	Name    string
	Version int
	KeyID   secret.KeyID
	Sealed  []byte
}

// Resealed is a stored password, and the same one sealed for another key.
type Resealed struct {
	Old    SealedPassword
	KeyID  secret.KeyID
	Sealed []byte
}

// KeyInUseError refuses the retirement of a key that stored passwords need.
type KeyInUseError struct {
	Key         secret.KeyID
	Credentials []string // their names
}

// Error names the key, how many credentials need it and the first of them.
func (e *KeyInUseError) Error() string {
	const most = 5
	names := strings.Join(e.Credentials[:min(len(e.Credentials), most)], ", ")
	if rest := len(e.Credentials) - most; rest > 0 {
		names += fmt.Sprintf(" and %d more", rest)
	}
	return fmt.Sprintf("key %s is needed by %d credentials (%s): run dbfleet keys reseal first", e.Key, len(e.Credentials), names)
}
