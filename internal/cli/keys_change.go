package cli

import (
	"context"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/internal/secret"
)

func (a *app) keysListCommand() *cobra.Command {
	cmd := a.command("list", "Show which keys protect how many passwords", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.listKeys(ctx) })
	cmd.Long = "Lists every key that a password in the database at DBFLEET_DATABASE_URL is\n" +
		"sealed for. Set DBFLEET_PUBLIC_KEY and DBFLEET_PRIVATE_KEY_FILE to see also which\n" +
		"of them the api seals with and which are in the key file."
	return cmd
}

func (a *app) listKeys(ctx context.Context) error {
	keys, err := a.local.Keys(ctx)
	if err != nil {
		return err
	}
	if a.json {
		a.out.json(map[string][]Key{"items": append([]Key{}, keys...)})
		return nil
	}
	t := &table{header: []string{"KEY", "PASSWORDS", "SEALS", "IN KEY FILE", "RETIRED"}, keep: []string{"KEY"}}
	for _, k := range keys {
		t.add(string(k.ID), number(k.Credentials), yesNo(k.Seals), yesNo(k.InFile), a.when(k.RetiredAt))
	}
	a.showTable(t, nil)
	return nil
}

func (a *app) keysResealCommand() *cobra.Command {
	cmd := a.command("reseal", "Seal every password for the newest key", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.reseal(ctx) })
	cmd.Long = "Opens each password in the database at DBFLEET_DATABASE_URL that is sealed for\n" +
		"an older key, with that key in DBFLEET_PRIVATE_KEY_FILE, and seals it for\n" +
		"DBFLEET_PUBLIC_KEY, whose private key must be in the file, too. Run it where that\n" +
		"file may be read, after the workers have both keys and the api has the new one.\n" +
		"Sessions go on meanwhile. It may be interrupted and run again."
	return cmd
}

func (a *app) reseal(ctx context.Context) error {
	report, err := a.local.Reseal(ctx, a.resealProgress)
	if err != nil {
		if report.Resealed > 0 {
			err = fmt.Errorf("resealed so far: %d, run it again for the others: %w", report.Resealed, err)
		}
		return err
	}
	if a.json {
		a.out.json(report)
	} else {
		a.out.printf("Resealed for key %s: %s\n", report.KeyID, thousands(int64(report.Resealed)))
		for _, u := range report.Unreadable {
			a.err.printf("credential %s (id %d) %s\n", u.Name, u.CredentialID, u.Reason)
		}
	}
	if len(report.Unreadable) > 0 {
		return fmt.Errorf("passwords left as they are: %d; put the missing key into the key file and run it again, "+
			"or set those passwords again with dbfleet credential update", len(report.Unreadable))
	}
	return nil
}

// resealProgress prints a line per transaction on a terminal only.
func (a *app) resealProgress(resealed int) {
	if a.width() > 0 && !a.json {
		a.err.printf("resealed %s …\n", thousands(int64(resealed)))
	}
}

func (a *app) keysRetireCommand() *cobra.Command {
	cmd := a.command("retire KEY_ID", "Make sure that nothing needs a key any longer", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.retireKey(ctx, args[0]) })
	cmd.Long = "Refuses while a password in the database at DBFLEET_DATABASE_URL is sealed for the\n" +
		"key. Otherwise it notes the key as retired: nothing can be stored again that is\n" +
		"sealed for it, and its line may be taken out of the workers' key files. This\n" +
		"cannot be undone; for another change make another key."
	return cmd
}

var keyIDForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

func (a *app) retireKey(ctx context.Context, id string) error {
	if !keyIDForm.MatchString(id) {
		return usagef("%q is not the id of a key: it has 16 hexadecimal digits; dbfleet keys list shows them", id)
	}
	if err := a.local.RetireKey(ctx, secret.KeyID(id)); err != nil {
		return err
	}
	if a.json {
		a.out.json(map[string]string{"key_id": id})
		return nil
	}
	a.out.printf("Key %s is retired: no password needs it. Take its line out of every key file and restart those workers.\n", id)
	a.out.write("Keep a copy of it as long as you keep backups of the database from before the change.\n")
	return nil
}
