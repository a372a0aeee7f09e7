package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/store"
	"github.com/dbfleet/dbfleet/internal/user"
)

func (b *bundle) token(t *testing.T, n store.NewToken) secret.Text {
	t.Helper()
	plain, err := b.CreateToken(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func (b *bundle) who(t *testing.T, token secret.Text) (user.User, error) {
	t.Helper()
	hash, err := user.HashToken(token)
	if err != nil {
		t.Fatal(err)
	}
	return b.Authenticate(t.Context(), hash)
}

func TestTokenFindsItsUser(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	alice := b.token(t, store.NewToken{User: "alice", Role: user.Operator, Name: "laptop"})
	again := b.token(t, store.NewToken{User: "alice", Role: user.Operator})
	first, err := b.who(t, alice)
	if err != nil || first.Name != "alice" || first.Role != user.Operator {
		t.Errorf("%+v, %v", first, err)
	}
	if second, err := b.who(t, again); err != nil || second.ID != first.ID {
		t.Errorf("the second token: %+v, %v", second, err)
	}
	if stored := row[int](t, b, `SELECT count(*) FROM api_tokens t WHERE t::text LIKE '%' || $1 || '%'`, alice.Reveal()[6:]); stored != 0 {
		t.Error("the token's text is stored")
	}
	contains(t, b.actions(t), "user.create 1, token.create 1, token.create 2")
}

func TestTokenThatIsNotValid(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	stranger, _ := user.NewToken(1)
	tokens := map[string]secret.Text{
		"unknown": stranger,
		"expired": b.token(t, store.NewToken{User: "a", Role: user.Viewer, Expires: pointer(time.Now().Add(-time.Minute))}),
	}
	for name, sql := range map[string]string{
		"revoked":  `UPDATE api_tokens SET revoked_at = now() WHERE id = (SELECT max(id) FROM api_tokens)`,
		"disabled": `UPDATE users SET disabled_at = now() WHERE id = (SELECT max(id) FROM users)`,
	} {
		tokens[name] = b.token(t, store.NewToken{User: name, Role: user.Viewer})
		if _, err := b.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for name, token := range tokens {
		if _, err := b.who(t, token); !errors.Is(err, user.ErrBadToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	later := b.token(t, store.NewToken{User: "b", Role: user.Viewer, Expires: pointer(time.Now().Add(time.Hour))})
	if _, err := b.who(t, later); err != nil {
		t.Errorf("not yet expired: %v", err)
	}
}

func TestRoleIsReadAtEveryUse(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	token := b.token(t, store.NewToken{User: "alice", Role: user.Admin})
	if _, err := b.pool.Exec(t.Context(), `UPDATE users SET role = 'viewer' WHERE name = 'alice'`); err != nil {
		t.Fatal(err)
	}
	if who, err := b.who(t, token); err != nil || who.Role != user.Viewer {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestUseOfATokenIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	token := b.token(t, store.NewToken{User: "alice", Role: user.Viewer})
	used := func() time.Time {
		if _, err := b.who(t, token); err != nil {
			t.Fatal(err)
		}
		return row[time.Time](t, b, `SELECT last_used_at FROM api_tokens`)
	}
	first := used()
	if second := used(); !second.Equal(first) {
		t.Errorf("written again after %s", second.Sub(first))
	}
	if _, err := b.pool.Exec(t.Context(), `UPDATE api_tokens SET last_used_at = now() - interval '61 seconds'`); err != nil {
		t.Fatal(err)
	}
	if third := used(); !third.After(first) {
		t.Error("not written after a minute")
	}
}

func TestCreateTokenRefuses(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.token(t, store.NewToken{User: "alice", Role: user.Viewer})
	if _, err := b.CreateToken(t.Context(), store.NewToken{User: "alice", Role: user.Admin}); !errors.Is(err, user.ErrRoleDiffers) {
		t.Errorf("another role: %v", err)
	}
	for field, n := range map[string]store.NewToken{
		"user": {User: "", Role: user.Viewer},
		"role": {User: "bob", Role: "root"},
		"name": {User: "bob", Role: user.Viewer, Name: "a\nb"},
	} {
		_, err := b.CreateToken(t.Context(), n)
		if faults := invalid.All(err); len(faults) != 1 || faults[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := b.CreateToken(t.Context(), store.NewToken{User: "system", Role: user.Admin}); err == nil {
		t.Error("a token for the system itself")
	}
	if n := row[int](t, b, `SELECT count(*) FROM users`); n != 2 {
		t.Errorf("%d users: a refused token must not leave one", n)
	}
}

func TestTokenIsIssuedListedAndRevoked(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	alice, bob := b.user(t, "alice", user.Viewer), b.user(t, "bob", user.Viewer)
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	plain, made, err := b.IssueToken(t.Context(), alice.ID, "laptop", &expires)
	if err != nil || made.UserName != "alice" || made.Name != "laptop" || !made.ExpiresAt.Equal(expires) || made.LastUsedAt != nil {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, _, err := b.IssueToken(t.Context(), bob.ID, "", nil); err != nil {
		t.Fatal(err)
	}
	if who, err := b.who(t, plain); err != nil || who.ID != alice.ID {
		t.Errorf("%+v, %v", who, err)
	}
	mine, _, err := b.Tokens(t.Context(), &alice.ID, 10, 0)
	if err != nil || len(mine) != 1 || mine[0].LastUsedAt == nil {
		t.Errorf("listed %+v, %v", mine, err)
	}
	first, next, err := b.Tokens(t.Context(), nil, 1, 0)
	if err != nil || len(first) != 1 || next != int64(first[0].ID) {
		t.Errorf("listed %+v, next %d, %v", first, next, err)
	}
	if err := b.RevokeToken(t.Context(), made.ID, &bob.ID); !errors.Is(err, user.ErrTokenNotFound) {
		t.Errorf("another's token: %v", err)
	}
	if err := b.RevokeToken(t.Context(), 99, nil); !errors.Is(err, user.ErrTokenNotFound) {
		t.Errorf("no such token: %v", err)
	}
	for range 2 {
		if err := b.RevokeToken(t.Context(), made.ID, &alice.ID); err != nil {
			t.Errorf("revoke: %v", err)
		}
	}
	if _, err := b.who(t, plain); !errors.Is(err, user.ErrBadToken) {
		t.Errorf("revoked: %v", err)
	}
	if got := b.actions(t); got != "user.create 1, user.create 2, token.create 1, token.create 2, token.revoke 1" {
		t.Errorf("audited %q", got)
	}
}

func TestIssueTokenRefuses(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	alice := b.user(t, "alice", user.Viewer)
	for _, id := range []user.ID{0, 99} {
		if _, _, err := b.IssueToken(t.Context(), id, "", nil); !errors.Is(err, user.ErrNotFound) {
			t.Errorf("user %d: %v", id, err)
		}
	}
	_, _, err := b.IssueToken(t.Context(), alice.ID, "", pointer(time.Now().Add(-time.Minute)))
	if faults := invalid.All(err); len(faults) != 1 || faults[0].Field != "expires_at" {
		t.Errorf("expired already: %v", err)
	}
	_, _, err = b.IssueToken(t.Context(), alice.ID, "a\nb", nil)
	if faults := invalid.All(err); len(faults) != 1 || faults[0].Field != "name" {
		t.Errorf("name: %v", err)
	}
}

func TestUseOfATokenIsNotedOnceAmongMany(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	token := b.token(t, store.NewToken{User: "alice", Role: user.Viewer})
	if _, err := b.who(t, token); err != nil {
		t.Fatal(err)
	}
	before := row[string](t, b, `SELECT xmin::text || ctid::text FROM api_tokens`)
	for range 50 {
		if _, err := b.who(t, token); err != nil {
			t.Fatal(err)
		}
	}
	if after := row[string](t, b, `SELECT xmin::text || ctid::text FROM api_tokens`); after != before {
		t.Errorf("the row was written again: %s, %s", before, after)
	}
}
