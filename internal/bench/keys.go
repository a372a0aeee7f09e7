package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/dbfleet/dbfleet/internal/secret"
)

// keys is the key pair of a run.
type keys struct {
	public secret.PublicKey
	file   string // of the private key
}

func newKeys(dir string) (keys, error) {
	key, err := secret.NewPrivateKey()
	if err != nil {
		return keys{}, err
	}
	line, err := key.Line()
	if err != nil {
		return keys{}, err
	}
	k := keys{public: key.Public(), file: filepath.Join(dir, "private.key")}
	if err := os.WriteFile(k.file, []byte(line.Reveal()+"\n"), 0o600); err != nil {
		return keys{}, fmt.Errorf("write the private key: %w", err)
	}
	return k, nil
}

func (k keys) remove() error {
	if k.file == "" {
		return nil
	}
	return os.Remove(k.file)
}
