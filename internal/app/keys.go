package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/dbfleet/dbfleet/internal/cli"
	"github.com/dbfleet/dbfleet/internal/config"
	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/rekey"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// Keys implements cli.Local.
func (l Local) Keys(ctx context.Context) ([]cli.Key, error) {
	tools, err := config.LoadKeyTools(l.Environ, false)
	if err != nil {
		return nil, err
	}
	st, end, err := l.store(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	uses, err := st.Keys(ctx)
	if err != nil {
		return nil, err
	}
	return keysOf(tools, uses), nil
}

// keysOf also lists keys that nothing is sealed for yet.
func keysOf(tools config.KeyTools, uses []fleet.KeyUse) []cli.Key {
	known := tools.Keys.IDs()
	if !tools.PublicKey.IsZero() {
		known = append(known, tools.PublicKey.ID())
	}
	for _, id := range known {
		if !slices.ContainsFunc(uses, func(u fleet.KeyUse) bool { return u.ID == id }) {
			uses = append(uses, fleet.KeyUse{ID: id})
		}
	}
	keys := make([]cli.Key, len(uses))
	for i, u := range uses {
		keys[i] = cli.Key{
			ID: u.ID, Credentials: u.Credentials, RetiredAt: u.RetiredAt,
			Seals: u.ID == tools.PublicKey.ID(), InFile: slices.Contains(tools.Keys.IDs(), u.ID),
		}
	}
	return keys
}

// Reseal implements cli.Local.
func (l Local) Reseal(ctx context.Context, progress func(int)) (cli.ResealReport, error) {
	tools, err := config.LoadKeyTools(l.Environ, true)
	if err != nil {
		return cli.ResealReport{}, err
	}
	st, end, err := l.store(ctx)
	if err != nil {
		return cli.ResealReport{}, err
	}
	defer end()
	done, err := rekey.Rekey{Store: st, Keys: tools.Keys, To: tools.PublicKey, Progress: progress}.Run(ctx)
	report := cli.ResealReport{KeyID: tools.PublicKey.ID(), Resealed: done.Resealed, Unreadable: []cli.UnreadableSecret{}}
	for _, u := range done.Unreadable {
		report.Unreadable = append(report.Unreadable, cli.UnreadableSecret{
			CredentialID: int64(u.ID), Name: u.Name, KeyID: u.KeyID, Reason: u.Reason(),
		})
	}
	return report, err
}

// RetireKey implements cli.Local. It refuses the key that the api seals with,
// and one that is not even in the key file, where it knows them.
func (l Local) RetireKey(ctx context.Context, id secret.KeyID) error {
	tools, err := config.LoadKeyTools(l.Environ, false)
	if err != nil {
		return err
	}
	if id == tools.PublicKey.ID() {
		return fmt.Errorf("key %s is DBFLEET_PUBLIC_KEY, which the api seals with: give the api another one first", id)
	}
	if known := tools.Keys.IDs(); len(known) > 0 && !slices.Contains(known, id) {
		return fmt.Errorf("key %s is not in the key file, which holds %v: is it mistyped?", id, known)
	}
	st, end, err := l.store(ctx)
	if err != nil {
		return err
	}
	defer end()
	return st.RetireKey(ctx, id)
}
