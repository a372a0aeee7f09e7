package secret

import (
	"crypto/hpke"
	"encoding/hex"
	"errors"
	"fmt"
)

// A sealed secret is one format byte, the key's id, and HPKE's encapsulated key
// and ciphertext (X25519, HKDF-SHA256, AES-256-GCM). Stored; do not renumber.
const (
	formatV1   = 1
	headerSize = 1 + keyIDBytes
)

// Why a sealed secret was not opened. An error of Open wraps one of them.
var (
	// ErrUnknownFormat: the bytes are no sealed secret, or of a newer release.
	ErrUnknownFormat = errors.New("sealed secret has an unknown format")
	// ErrUnknownKey: the key that can open it is not in the key file.
	ErrUnknownKey = errors.New("sealed secret needs a private key that is not in the key file")
	// ErrTampered: the bytes were changed, or sealed for another row or version.
	ErrTampered = errors.New("sealed secret was changed or belongs to another row")
)

// ErrIncomplete is returned for an empty secret, a Binding with an empty part,
// or a key that is missing: a fault of the caller.
var ErrIncomplete = errors.New("sealing needs a secret, a key, and a binding with table, row, field and version")

// Binding is the place a sealed secret belongs to. It opens there only, so that
// nobody can copy the ciphertext of one row into another. All parts are needed.
type Binding struct {
	Table   string
	Row     int64 // the row's id
	Field   string
	Version int64 // counts from 1; a changed secret takes the next
}

func (b Binding) complete() bool {
	return b.Table != "" && b.Row > 0 && b.Field != "" && b.Version > 0
}

// info is stored implicitly in every sealed secret; do not change it.
func (b Binding) info() []byte {
	return fmt.Appendf(nil, "dbfleet|v%d|%q|%d|%q|%d", formatV1, b.Table, b.Row, b.Field, b.Version)
}

// Seal returns t sealed for the place b. Two seals of one text differ. The error
// is ErrIncomplete for an empty text or part.
func (k PublicKey) Seal(b Binding, t Text) ([]byte, error) {
	if k.IsZero() || t.IsZero() || !b.complete() {
		return nil, ErrIncomplete
	}
	box, err := hpke.Seal(k.key, hpke.HKDFSHA256(), hpke.AES256GCM(), b.info(), []byte(t.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("seal %s of %s %d: %w", b.Field, b.Table, b.Row, err)
	}
	id := keyIDOf(k.key)
	sealed := make([]byte, 0, headerSize+len(box))
	sealed = append(sealed, formatV1)
	sealed = append(sealed, id[:]...)
	return append(sealed, box...), nil
}

// SealedBy returns the id of the key pair that sealed was made for. The error is
// ErrUnknownFormat.
func SealedBy(sealed []byte) (KeyID, error) {
	if len(sealed) <= headerSize || sealed[0] != formatV1 {
		return "", ErrUnknownFormat
	}
	return KeyID(hex.EncodeToString(sealed[1:headerSize])), nil
}

// Open returns the text that was sealed for the place b; never an empty one. The
// error wraps ErrUnknownFormat, ErrUnknownKey, ErrTampered or ErrIncomplete.
func (r Keyring) Open(b Binding, sealed []byte) (Text, error) {
	t, err := r.open(b, sealed)
	if err != nil {
		return Text{}, fmt.Errorf("open %s of %s %d: %w", b.Field, b.Table, b.Row, err)
	}
	return t, nil
}

func (r Keyring) open(b Binding, sealed []byte) (Text, error) {
	if !b.complete() {
		return Text{}, ErrIncomplete
	}
	id, err := SealedBy(sealed)
	if err != nil {
		return Text{}, err
	}
	key, ok := r.keys[id]
	if !ok {
		return Text{}, fmt.Errorf("%w (key %s)", ErrUnknownKey, id)
	}
	plain, err := hpke.Open(key.reveal(), hpke.HKDFSHA256(), hpke.AES256GCM(), b.info(), sealed[headerSize:])
	if err != nil || len(plain) == 0 {
		return Text{}, ErrTampered
	}
	return New(string(plain)), nil
}
