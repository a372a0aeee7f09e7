package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/internal/secret"
)

func (a *app) keysCommand() *cobra.Command {
	return a.group("keys", "The key pairs that protect passwords",
		a.keysNewCommand(), a.keysPublicCommand(), a.keysListCommand(), a.keysResealCommand(), a.keysRetireCommand())
}

func (a *app) keysNewCommand() *cobra.Command {
	var path string
	cmd := a.command("new --out FILE", "Make a key pair", cobra.NoArgs,
		func(context.Context, []string) error { return a.newKeys(path) })
	cmd.Long = "Writes a new private key to FILE, which must not exist, and prints the public\n" +
		"key. The API seals passwords with the public key; only workers, which have the\n" +
		"private key, can open them. Without the private key they are lost."
	cmd.Flags().StringVar(&path, "out", "", "`FILE` for the private key")
	must(cmd.MarkFlagRequired("out"))
	return cmd
}

// keysMade is the answer of keys new.
type keysMade struct {
	PublicKey      string       `json:"public_key"`
	KeyID          secret.KeyID `json:"key_id"`
	PrivateKeyFile string       `json:"private_key_file"`
}

func (a *app) newKeys(path string) error {
	key, err := secret.NewPrivateKey()
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("find the folder of the key file: %w", err)
	}
	if err := writeKey(path, key); err != nil {
		return err
	}
	made := keysMade{PublicKey: key.Public().String(), KeyID: key.Public().ID(), PrivateKeyFile: path}
	if a.json {
		a.out.json(made)
		return nil
	}
	a.out.printf("Private key %s, for the workers alone. Keep a copy in a safe place:\n", made.KeyID)
	a.out.printf("  export DBFLEET_PRIVATE_KEY_FILE=%s\n", shellWord(made.PrivateKeyFile))
	a.out.write("Public key, for the API:\n")
	a.out.printf("  export DBFLEET_PUBLIC_KEY=%s\n", made.PublicKey)
	return nil
}

// writeKey makes a file that only its owner may read. It leaves none behind
// when it fails, and never touches one that exists.
func writeKey(path string, key secret.PrivateKey) error {
	line, err := key.Line()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists: a key is never overwritten, because what it sealed would be lost; "+
			"dbfleet keys public --file %s prints its public key", path, shellWord(path))
	}
	if err != nil {
		return fmt.Errorf("make the key file: %w", err)
	}
	_, err = fmt.Fprintf(file, "# Private key %s of DBFleet. Whoever reads it can open every password.\n%s\n",
		key.Public().ID(), line.Reveal())
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the key file: %w", err), os.Remove(path))
	}
	return nil
}

// shellWord quotes s for a POSIX shell where it needs that.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+,:@%", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
