package rekey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/dbfleet/dbfleet/internal/fleet"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// A fakeStore keeps passwords by id, the first one at 0.
type fakeStore struct {
	rows   []fleet.SealedPassword
	beside func() // what others do between two calls
}

func (f *fakeStore) SealedForOthers(_ context.Context, key secret.KeyID, limit int, after fleet.CredentialID) ([]fleet.SealedPassword, error) {
	if f.beside != nil {
		f.beside()
	}
	var list []fleet.SealedPassword
	for _, row := range f.rows {
		if row.KeyID != key && row.ID > after && len(list) < limit {
			list = append(list, row)
		}
	}
	return list, nil
}

func (f *fakeStore) Reseal(_ context.Context, list []fleet.Resealed) (int, error) {
	n := 0
	for _, r := range list {
		row := &f.rows[r.Old.ID-1]
		if row.Version == r.Old.Version && bytes.Equal(row.Sealed, r.Old.Sealed) {
			row.KeyID, row.Sealed = r.KeyID, r.Sealed
			n++
		}
	}
	return n, nil
}

// A bundle has three keys and passwords that are sealed for the first.
type bundle struct {
	store *fakeStore
	keys  [3]secret.PublicKey
	ring  secret.Keyring
}

func newBundle(t *testing.T, passwords int) *bundle {
	t.Helper()
	b := &bundle{store: &fakeStore{}}
	var file bytes.Buffer
	for i := range b.keys {
		key, err := secret.NewPrivateKey()
		if err != nil {
			t.Fatal(err)
		}
		line, err := key.Line()
		if err != nil {
			t.Fatal(err)
		}
		b.keys[i] = key.Public()
		fmt.Fprintln(&file, line.Reveal())
	}
	ring, err := secret.ParseKeyring(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	b.ring = ring
	for i := range passwords {
		row := fleet.SealedPassword{ID: fleet.CredentialID(i + 1), Name: fmt.Sprint("c", i+1), Version: 1}
		b.store.rows = append(b.store.rows, row)
		b.write(t, row.ID, 1, b.keys[0])
	}
	return b
}

// write stores a password in a version, sealed for key, as the API does.
func (b *bundle) write(t *testing.T, id fleet.CredentialID, version int, key secret.PublicKey) {
	t.Helper()
	sealed, err := key.Seal(fleet.PasswordBinding(id, version), secret.New(fmt.Sprint("password ", id, " ", version)))
	if err != nil {
		t.Fatal(err)
	}
	row := &b.store.rows[id-1]
	row.Version, row.KeyID, row.Sealed = version, key.ID(), sealed
}

func (b *bundle) to(key int) Rekey { return Rekey{Store: b.store, Keys: b.ring, To: b.keys[key]} }

// wantAll fails the test unless every password opens and is sealed for key.
func (b *bundle) wantAll(t *testing.T, key int) {
	t.Helper()
	for _, row := range b.store.rows {
		text, err := b.ring.Open(fleet.PasswordBinding(row.ID, row.Version), row.Sealed)
		if want := fmt.Sprint("password ", row.ID, " ", row.Version); err != nil || text.Reveal() != want || row.KeyID != b.keys[key].ID() {
			t.Errorf("credential %d: %v, under %s", row.ID, err, row.KeyID)
		}
	}
}

func TestRunResealsBatchAfterBatch(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 2*batch+1)
	var told []int
	r := b.to(1)
	r.Progress = func(n int) { told = append(told, n) }
	if report, err := r.Run(t.Context()); err != nil || report.Resealed != 2*batch+1 || len(report.Unreadable) != 0 {
		t.Errorf("report %+v, %v", report, err)
	}
	if fmt.Sprint(told) != fmt.Sprint([]int{batch, 2 * batch, 2*batch + 1}) {
		t.Errorf("told %v", told)
	}
	b.wantAll(t, 1)
}

// The API goes on with the old key until it is started again.
func TestPasswordThatIsWrittenMeanwhileIsResealedToo(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 3)
	looks := 0
	b.store.beside = func() {
		if looks++; looks == 2 {
			b.write(t, 2, 2, b.keys[0])
		}
	}
	if report, err := b.to(1).Run(t.Context()); err != nil || report.Resealed != 4 {
		t.Errorf("report %+v, %v", report, err)
	}
	b.wantAll(t, 1)
}

func TestRunsToDifferentKeysEnd(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 3)
	b.store.beside = func() { // the other run, a step behind each of ours
		for _, row := range b.store.rows {
			if row.KeyID == b.keys[1].ID() {
				b.write(t, row.ID, row.Version, b.keys[2])
			}
		}
	}
	report, err := b.to(1).Run(t.Context())
	if !errors.Is(err, ErrOtherRun) || report.Resealed != 3 {
		t.Errorf("report %+v, %v", report, err)
	}
	b.store.beside = nil
	if _, err := b.to(2).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.wantAll(t, 2)
}

func TestPasswordThatCannotBeOpenedIsLeftAndNamed(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 3)
	b.store.rows[1].Sealed = b.store.rows[0].Sealed // of another row
	report, err := b.to(1).Run(t.Context())
	if err != nil || report.Resealed != 2 || len(report.Unreadable) != 1 || report.Unreadable[0].Name != "c2" {
		t.Errorf("report %+v, %v", report, err)
	}
}
