package user_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/user"
)

func TestChangeLeavesAnAdminWhoMayLogIn(t *testing.T) {
	t.Parallel()
	gone := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	one := user.Profile{User: user.User{ID: 1, Role: user.Admin}}
	other := user.Profile{User: user.User{ID: 2, Role: user.Admin}}
	disabled := user.Profile{User: user.User{ID: 3, Role: user.Admin}, DisabledAt: &gone}
	yes, no, viewer, admin := true, false, user.Viewer, user.Admin
	for name, tt := range map[string]struct {
		id     user.ID
		locked []user.Profile
		change user.Change
		want   error
	}{
		"disable the last":                {1, []user.Profile{one}, user.Change{Disabled: &yes}, user.ErrLastAdmin},
		"demote the last":                 {1, []user.Profile{one}, user.Change{Role: &viewer}, user.ErrLastAdmin},
		"disable one of two":              {1, []user.Profile{one, other}, user.Change{Disabled: &yes}, nil},
		"a disabled admin does not count": {1, []user.Profile{one, disabled}, user.Change{Role: &viewer}, user.ErrLastAdmin},
		"demote a disabled admin":         {3, []user.Profile{disabled}, user.Change{Role: &viewer}, nil},
		"enable":                          {3, []user.Profile{one, disabled}, user.Change{Disabled: &no}, nil},
		"what is so already":              {1, []user.Profile{one}, user.Change{Role: &admin, Disabled: &no}, nil},
		"nobody":                          {9, []user.Profile{one}, user.Change{Disabled: &yes}, user.ErrNotFound},
	} {
		_, after, err := tt.change.Apply(tt.id, tt.locked)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if err == nil && tt.change.Disabled != nil && after.Living() == *tt.change.Disabled {
			t.Errorf("%s: living %v", name, after.Living())
		}
		if err == nil && tt.change.Role != nil && after.Role != *tt.change.Role {
			t.Errorf("%s: role %s", name, after.Role)
		}
	}
	root := user.Role("root")
	for field, change := range map[string]user.Change{"body": {}, "role": {Role: &root}} {
		if faults := invalid.All(change.Validate()); len(faults) != 1 || faults[0].Field != field {
			t.Errorf("%s: %v", field, faults)
		}
	}
}
