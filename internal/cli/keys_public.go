package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/internal/secret"
)

func (a *app) keysPublicCommand() *cobra.Command {
	var path string
	cmd := a.command("public --file FILE", "Print the public keys of a key file", cobra.NoArgs,
		func(context.Context, []string) error { return a.publicKeys(path) })
	cmd.Long = "Prints the public key of each private key in FILE, as keys new printed it. It\nopens no database and asks no API."
	cmd.Flags().StringVar(&path, "file", "", "`FILE` of private keys, as DBFLEET_PRIVATE_KEY_FILE names it")
	must(cmd.MarkFlagRequired("file"))
	return cmd
}

// publicKey is one key of the answer of keys public.
type publicKey struct {
	PublicKey string       `json:"public_key"`
	KeyID     secret.KeyID `json:"key_id"`
}

func (a *app) publicKeys(path string) error {
	ring, err := secret.ReadKeyring(path)
	if err != nil {
		return fmt.Errorf("%s %w", path, err)
	}
	var keys []publicKey
	for _, key := range ring.Public() {
		keys = append(keys, publicKey{key.String(), key.ID()})
	}
	if a.json {
		a.out.json(map[string][]publicKey{"items": keys})
		return nil
	}
	for _, key := range keys {
		a.out.printf("Public key %s, for the API:\n  export DBFLEET_PUBLIC_KEY=%s\n", key.KeyID, key.PublicKey)
	}
	return nil
}
