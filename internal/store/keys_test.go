package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/rekey"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// rotation is a store whose passwords are sealed for an old key, and the ring of
// workers that have both keys.
type rotation struct {
	*bundle

	fresh secret.PublicKey
	both  secret.Keyring
}

func newRotation(t *testing.T, credentials int) *rotation {
	t.Helper()
	older, newer := newKey(t), newKey(t)
	r := &rotation{bundle: newBundle(t), fresh: newer.Public(), both: ringOf(t, older, newer)}
	r.public, r.ring = older.Public(), ringOf(t, older)
	for i := range credentials {
		r.credential(t, fmt.Sprint("c", i))
	}
	return r
}

func newKey(t *testing.T) secret.PrivateKey {
	t.Helper()
	key, err := secret.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ringOf(t *testing.T, keys ...secret.PrivateKey) secret.Keyring {
	t.Helper()
	var file string
	for _, k := range keys {
		line, err := k.Line()
		if err != nil {
			t.Fatal(err)
		}
		file += line.Reveal() + "\n"
	}
	ring, err := secret.ParseKeyring([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func (r *rotation) rekey() rekey.Rekey { return rekey.Rekey{Store: r, Keys: r.both, To: r.fresh} }

// everyOpens wants every password to open with the ring, at its version.
func (r *rotation) everyOpens(t *testing.T, ring secret.Keyring) {
	t.Helper()
	list, _, err := r.Credentials(t.Context(), fleet.CredentialFilter{}, 500, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		sealed := row[[]byte](t, r.bundle, `SELECT sealed FROM credentials WHERE id = $1`, c.ID)
		if _, err := ring.Open(fleet.PasswordBinding(c.ID, c.Version), sealed); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

func TestResealMovesEveryPasswordAndNothingElse(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 250)
	const rest = `SELECT string_agg(concat_ws('|', id, name, username, version, created_at, updated_at), ',' ORDER BY id) FROM credentials`
	before := row[string](t, r.bundle, rest)
	report, err := r.rekey().Run(t.Context())
	if err != nil || report.Resealed != 250 || len(report.Unreadable) != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if after := row[string](t, r.bundle, rest); after != before {
		t.Error("more than the sealed bytes was changed")
	}
	r.everyOpens(t, r.both)
	if n := row[int](t, r.bundle, `SELECT count(*) FROM credentials WHERE key_id <> $1`, string(r.fresh.ID())); n != 0 {
		t.Errorf("%d are left", n)
	}
	if report, err := r.rekey().Run(t.Context()); err != nil || report.Resealed != 0 {
		t.Errorf("a second time: %+v, %v", report, err)
	}
	if n := row[int](t, r.bundle, `SELECT count(*) FROM audit_events WHERE action = 'keys.reseal'`); n != 3 {
		t.Errorf("%d transactions are audited", n)
	}
}

func TestResealInterruptedGoesOn(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 250)
	ctx, kill := context.WithCancel(t.Context())
	first := r.rekey()
	first.Progress = func(int) { kill() }
	report, err := first.Run(ctx)
	if !errors.Is(err, context.Canceled) || report.Resealed != 100 {
		t.Fatalf("%+v, %v", report, err)
	}
	r.everyOpens(t, r.both)
	if report, err := r.rekey().Run(t.Context()); err != nil || report.Resealed != 150 {
		t.Errorf("%+v, %v", report, err)
	}
	r.everyOpens(t, r.both)
}

func TestTwoResealsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 250)
	var wg sync.WaitGroup
	var moved [2]int
	for i := range moved {
		wg.Go(func() {
			report, err := r.rekey().Run(t.Context())
			if err != nil {
				t.Error(err)
			}
			moved[i] = report.Resealed
		})
	}
	wg.Wait()
	if moved[0]+moved[1] != 250 {
		t.Errorf("resealed %v", moved)
	}
	r.everyOpens(t, r.both)
}

func TestPasswordChangedMeanwhileWins(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 1)
	list, err := r.SealedForOthers(t.Context(), r.fresh.ID(), 10, 0)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	id := list[0].ID
	if _, err := r.UpdateCredential(t.Context(), id, fleet.CredentialChange{Seal: r.seal("new-password")}); err != nil {
		t.Fatal(err)
	}
	stale, err := r.fresh.Seal(fleet.PasswordBinding(id, 1), secret.New("old-password"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Reseal(t.Context(), []fleet.Resealed{{Old: list[0], KeyID: r.fresh.ID(), Sealed: stale}}); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if got, err := r.opened(t, id, 2); err != nil || got != "new-password" {
		t.Errorf("%q, %v", got, err)
	}
	if report, err := r.rekey().Run(t.Context()); err != nil || report.Resealed != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	r.everyOpens(t, r.both)
}

func TestOldKeyThatIsMissingIsNamedWithItsCredential(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 2)
	newer, lost := newKey(t), r.public.ID()
	r.fresh, r.both = newer.Public(), ringOf(t, newer)
	report, err := r.rekey().Run(t.Context())
	if err != nil || report.Resealed != 0 || len(report.Unreadable) != 2 {
		t.Fatalf("%+v, %v", report, err)
	}
	u := report.Unreadable[0]
	if u.Name != "c0" || u.KeyID != lost || !strings.Contains(u.Reason(), string(lost)) {
		t.Errorf("%+v: %s", u, u.Reason())
	}
	r.everyOpens(t, r.ring)
}

func TestResealWantsThePrivateKeyOfItsTarget(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 1)
	r.fresh = newKey(t).Public()
	if _, err := r.rekey().Run(t.Context()); err == nil || !strings.Contains(err.Error(), string(r.fresh.ID())) {
		t.Errorf("%v", err)
	}
	r.everyOpens(t, r.ring)
}

func TestKeyIsRetiredOnceNothingNeedsIt(t *testing.T) {
	t.Parallel()
	r := newRotation(t, 7)
	old := r.public.ID()
	var inUse *fleet.KeyInUseError
	if err := r.RetireKey(t.Context(), old); !errors.As(err, &inUse) || len(inUse.Credentials) != 7 || !strings.Contains(inUse.Error(), "c0, c1, c2, c3, c4 and 2 more") {
		t.Errorf("in use: %v", err)
	}
	if _, err := r.rekey().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.RetireKey(t.Context(), old); err != nil {
			t.Errorf("retired: %v", err)
		}
	}
	if n := row[int](t, r.bundle, `SELECT count(*) FROM audit_events WHERE action = 'keys.retire' AND object_id = $1`, string(old)); n != 1 {
		t.Errorf("audited %d times", n)
	}
	if _, err := r.CreateCredential(t.Context(), "late", "u", r.seal("p")); !errors.Is(err, fleet.ErrKeyRetired) {
		t.Errorf("sealed for a retired key: %v", err)
	}
	list, _, err := r.Credentials(t.Context(), fleet.CredentialFilter{}, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.UpdateCredential(t.Context(), list[0].ID, fleet.CredentialChange{Seal: r.seal("p")}); !errors.Is(err, fleet.ErrKeyRetired) {
		t.Errorf("changed with a retired key: %v", err)
	}
	if _, err := r.UpdateCredential(t.Context(), list[0].ID, fleet.CredentialChange{Name: pointer("renamed")}); err != nil {
		t.Errorf("renamed: %v", err)
	}
	keys, err := r.Keys(t.Context())
	if err != nil || len(keys) != 2 {
		t.Fatalf("%+v, %v", keys, err)
	}
	for _, k := range keys {
		if isOld := k.ID == old; isOld != (k.RetiredAt != nil) || isOld != (k.Credentials == 0) {
			t.Errorf("%+v", k)
		}
	}
	back := rekey.Rekey{Store: r, Keys: r.both, To: r.public}
	if _, err := back.Run(t.Context()); !errors.Is(err, fleet.ErrKeyRetired) {
		t.Errorf("resealed for a retired key: %v", err)
	}
}
