package user_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/secret"
	"github.com/dbfleet/dbfleet/internal/user"
)

func TestRoleIncludes(t *testing.T) {
	t.Parallel()
	for i, mine := range user.Roles() {
		for j, needed := range user.Roles() {
			if got := mine.Includes(needed); got != (i >= j) {
				t.Errorf("%s includes %s: %v", mine, needed, got)
			}
		}
		if mine.Includes("") || mine.Includes("owner") || user.Role("").Includes(mine) {
			t.Errorf("%s: an unknown role must count for nothing", mine)
		}
	}
}

func TestNewTokenHasItsFormAndHash(t *testing.T) {
	t.Parallel()
	plain, hash := user.NewToken(42)
	if text := plain.Reveal(); !strings.HasPrefix(text, "dbf_42_") || len(text) != len("dbf_42_")+43 {
		t.Errorf("token %q", text)
	}
	if got, err := user.HashToken(plain); err != nil || got != hash {
		t.Errorf("HashToken = %x, %v; want %x", got, err, hash)
	}
	if other, _ := user.NewToken(42); other.Equal(plain) {
		t.Error("two tokens are the same")
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", plain, plain, plain), plain.Reveal()) {
		t.Error("a token prints itself")
	}
}

func TestHashTokenRefusesOtherForms(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("a", 43)
	for _, text := range []string{
		"", "dbf_1_", "dbf_0_" + body, "dbf_1_" + body + "a", "dbf_1_" + body[1:], "dbf_1_" + body[1:] + "=",
		"dbf_-1_" + body, " dbf_1_" + body, "dbf_1_" + body + "\n", "DBF_1_" + body, "dbf_99999999999999999999_" + body,
	} {
		if _, err := user.HashToken(secret.New(text)); !errors.Is(err, user.ErrBadToken) {
			t.Errorf("HashToken(%q) = %v", text, err)
		}
	}
}

func TestActorRidesOnTheContext(t *testing.T) {
	t.Parallel()
	if got := user.ActorFrom(context.Background()); got.ID != 0 || got.Name != "system" {
		t.Errorf("without an actor: %+v", got)
	}
	want := user.Actor{User: user.User{ID: 7, Name: "alice", Role: user.Operator}, RequestID: "r", RemoteAddr: "10.0.0.1"}
	if got := user.ActorFrom(user.WithActor(context.Background(), want)); got != want {
		t.Errorf("got %+v", got)
	}
}
