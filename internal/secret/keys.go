package secret

import (
	"bufio"
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// The first words of a key's text form. Stored in files and settings; do not
// rename.
const (
	publicPrefix  = "dbfleet-pub-1:"
	privatePrefix = "dbfleet-key-1:"
)

const keyIDBytes = 8

// KeyID names a key pair: 16 hexadecimal digits, the start of the SHA-256 of
// the public key. It is no secret. The zero value names no key.
type KeyID string

func kem() hpke.KEM { return hpke.DHKEM(ecdh.X25519()) }

// PublicKey seals secrets; it cannot open them. The zero value seals nothing.
// Goroutines may share it.
type PublicKey struct {
	key hpke.PublicKey
}

// ParsePublicKey reads the text form that PublicKey.String returns. Its error
// does not repeat the text, since somebody may have given a private key.
func ParsePublicKey(s string) (PublicKey, error) {
	raw, err := decodeKey(publicPrefix, s)
	if err != nil {
		return PublicKey{}, err
	}
	key, err := kem().NewPublicKey(raw)
	if err != nil {
		return PublicKey{}, errors.New("is not a public key")
	}
	return PublicKey{key: key}, nil
}

// ID returns the key's id; empty for the zero value.
func (k PublicKey) ID() KeyID {
	if k.IsZero() {
		return ""
	}
	id := keyIDOf(k.key)
	return KeyID(hex.EncodeToString(id[:]))
}

// IsZero reports whether the key is missing.
func (k PublicKey) IsZero() bool { return k.key == nil }

// String returns the key as one line of text; empty for the zero value.
func (k PublicKey) String() string {
	if k.IsZero() {
		return ""
	}
	return publicPrefix + base64.RawStdEncoding.EncodeToString(k.key.Bytes())
}

func keyIDOf(k hpke.PublicKey) [keyIDBytes]byte {
	sum := sha256.Sum256(k.Bytes())
	return [keyIDBytes]byte(sum[:keyIDBytes])
}

// PrivateKey opens what its public key has sealed. It prints like a Text. Make
// one with NewPrivateKey or ParseKeyring; the zero value must not be used.
type PrivateKey struct {
	reveal func() hpke.PrivateKey
}

// NewPrivateKey makes a new key pair from the system's random source.
func NewPrivateKey() (PrivateKey, error) {
	key, err := kem().GenerateKey()
	if err != nil {
		return PrivateKey{}, fmt.Errorf("make key pair: %w", err)
	}
	return PrivateKey{reveal: func() hpke.PrivateKey { return key }}, nil
}

func parsePrivateKey(s string) (PrivateKey, error) {
	raw, err := decodeKey(privatePrefix, s)
	if err != nil {
		return PrivateKey{}, err
	}
	key, err := kem().NewPrivateKey(raw)
	if err != nil {
		return PrivateKey{}, errors.New("is not a private key")
	}
	return PrivateKey{reveal: func() hpke.PrivateKey { return key }}, nil
}

// Public returns the key that seals for k.
func (k PrivateKey) Public() PublicKey { return PublicKey{key: k.reveal().PublicKey()} }

// Line returns the key as one line of a key file, without the line feed.
func (k PrivateKey) Line() (Text, error) {
	raw, err := k.reveal().Bytes()
	if err != nil {
		return Text{}, fmt.Errorf("encode private key: %w", err)
	}
	return New(privatePrefix + base64.RawStdEncoding.EncodeToString(raw)), nil
}

// String returns Redacted.
func (k PrivateKey) String() string { return Redacted }

// GoString returns Redacted.
func (k PrivateKey) GoString() string { return Redacted }

func decodeKey(prefix, s string) ([]byte, error) {
	body, ok := strings.CutPrefix(strings.TrimSpace(s), prefix)
	if !ok {
		return nil, fmt.Errorf("must start with %s", prefix)
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(body, "="))
	if err != nil {
		return nil, fmt.Errorf("is not base64 after %s", prefix)
	}
	return raw, nil
}

// Keyring holds the private keys of a worker by their ids. The zero value opens
// nothing. Goroutines may share it; nothing changes it.
type Keyring struct {
	keys map[KeyID]PrivateKey
}

// ParseKeyring reads a key file: one private key per line; empty lines and
// lines that start with # do not count. It wants at least one key, and its
// errors name lines, never their text.
func ParseKeyring(file []byte) (Keyring, error) {
	ring := Keyring{keys: map[KeyID]PrivateKey{}}
	lines := bufio.NewScanner(bytes.NewReader(file))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := parsePrivateKey(line)
		if err != nil {
			return Keyring{}, fmt.Errorf("line %d %w", n, err)
		}
		ring.keys[key.Public().ID()] = key
	}
	if err := lines.Err(); err != nil {
		return Keyring{}, fmt.Errorf("read lines: %w", err)
	}
	if len(ring.keys) == 0 {
		return Keyring{}, errors.New("holds no key")
	}
	return ring, nil
}

// ReadKeyring reads a key file by its path. It refuses a file that users other
// than its owner and group may open.
func ReadKeyring(path string) (Keyring, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Keyring{}, fmt.Errorf("cannot be read: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return Keyring{}, fmt.Errorf("is open to every user (mode %04o): chmod 400", mode)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return Keyring{}, fmt.Errorf("cannot be read: %w", err)
	}
	return ParseKeyring(file)
}

// IDs returns the ids of all keys, sorted.
func (r Keyring) IDs() []KeyID {
	ids := make([]KeyID, 0, len(r.keys))
	for id := range r.keys {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Public returns the public keys of all keys, in the order of IDs.
func (r Keyring) Public() []PublicKey {
	keys := make([]PublicKey, 0, len(r.keys))
	for _, id := range r.IDs() {
		keys = append(keys, r.keys[id].Public())
	}
	return keys
}
