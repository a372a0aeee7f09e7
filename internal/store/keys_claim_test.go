package store

import (
	"testing"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/rekey"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// A session that runs while its credential is resealed notices nothing: what was
// claimed before opens, what is claimed after opens, and the login that was
// proven stays proven.
func TestSessionGoesOnWhileItsPasswordIsResealed(t *testing.T) {
	t.Parallel()
	b := newFleet(t)
	var file string
	var public []secret.PublicKey
	for range 2 {
		key, err := secret.NewPrivateKey()
		if err != nil {
			t.Fatal(err)
		}
		line, err := key.Line()
		if err != nil {
			t.Fatal(err)
		}
		file, public = file+line.Reveal()+"\n", append(public, key.Public())
	}
	both, err := secret.ParseKeyring([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	seal := func(place secret.Binding) ([]byte, error) { return public[0].Seal(place, secret.New("S3cret")) }
	if _, err := b.UpdateCredential(t.Context(), fleet.CredentialID(b.credential), fleet.CredentialChange{Seal: seal}); err != nil {
		t.Fatal(err)
	}
	worker := b.worker(t)
	id := b.start(t, b.instances(t, 2)...)
	b.prove(t, id)
	tickets := b.dispatch(t)
	before := b.claim(t, tickets[0], worker)

	report, err := rekey.Rekey{Store: b, Keys: both, To: public[1]}.Run(t.Context())
	if err != nil || report.Resealed != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	after := b.claim(t, tickets[1], worker)
	for name, sealed := range map[string][]byte{"before": before.Sealed, "after": after.Sealed} {
		text, err := both.Open(fleet.PasswordBinding(after.Credential, after.Version), sealed)
		if err != nil || text.Reveal() != "S3cret" {
			t.Errorf("claimed %s: %v", name, err)
		}
	}
	if !after.Proven || after.Version != before.Version {
		t.Errorf("proven %v, version %d and then %d", after.Proven, before.Version, after.Version)
	}
	if key, err := secret.SealedBy(after.Sealed); err != nil || key != public[1].ID() {
		t.Errorf("claimed after: sealed for %s, %v", key, err)
	}
	if err := b.complete(t.Context(), before.Claim); err != nil {
		t.Errorf("what ran meanwhile: %v", err)
	}
	if err := b.complete(t.Context(), after.Claim); err != nil {
		t.Errorf("what ran after: %v", err)
	}
}
