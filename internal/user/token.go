package user

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"

	"github.com/dbfleet/dbfleet/internal/secret"
)

// TokenID is the number of an API token.
type TokenID int64

// Hash is what is stored of a token: SHA-256 over all of its text. A token
// holds 256 random bits, so that a slow hash would add nothing.
type Hash [sha256.Size]byte

const tokenBytes = 32

// The number in the middle tells people which token a text is; it proves nothing.
var tokenForm = regexp.MustCompile(`^dbf_[1-9][0-9]{0,18}_[A-Za-z0-9_-]{43}$`)

// NewToken makes the text of token id, which is shown once, and its hash.
func NewToken(id TokenID) (secret.Text, Hash) {
	random := make([]byte, tokenBytes)
	rand.Read(random) // never fails: it ends the process instead
	text := fmt.Sprintf("dbf_%d_%s", id, base64.RawURLEncoding.EncodeToString(random))
	return secret.New(text), sha256.Sum256([]byte(text))
}

// HashToken returns the hash of a token that somebody has sent, or ErrBadToken
// when the text has not the form of one.
func HashToken(sent secret.Text) (Hash, error) {
	text := sent.Reveal()
	if !tokenForm.MatchString(text) {
		return Hash{}, ErrBadToken
	}
	return sha256.Sum256([]byte(text)), nil
}
