package fleet_test

import (
	"testing"

	"github.com/dbfleet/dbfleet/internal/fleet"
)

func TestNewHostTakesItsKeyWithIt(t *testing.T) {
	t.Parallel()
	host, key, none := "B.example.net", "rack-7", ""
	for name, tt := range map[string]struct {
		in     fleet.Instance
		change fleet.InstanceChange
		want   string
	}{
		"key is the host":        {fleet.Instance{Host: "A", HostKey: "a"}, fleet.InstanceChange{Host: &host}, "b.example.net"},
		"key was set apart":      {fleet.Instance{Host: "A", HostKey: "rack-1"}, fleet.InstanceChange{Host: &host}, "rack-1"},
		"key is given":           {fleet.Instance{Host: "A", HostKey: "a"}, fleet.InstanceChange{Host: &host, HostKey: &key}, "rack-7"},
		"key is reset":           {fleet.Instance{Host: "A", HostKey: "rack-1"}, fleet.InstanceChange{HostKey: &none}, "a"},
		"something else changes": {fleet.Instance{Host: "A", HostKey: "a"}, fleet.InstanceChange{Name: &key}, "a"},
	} {
		got, _ := tt.change.Apply(tt.in).Normalise() // the rest of the instance is not filled in
		if got.HostKey != tt.want {
			t.Errorf("%s: host key %q, want %q", name, got.HostKey, tt.want)
		}
	}
}

func TestChangeLeavesOtherFields(t *testing.T) {
	t.Parallel()
	name, active := "x", false
	c := fleet.InstanceChange{Name: &name, Active: &active}
	if in := c.Apply(fleet.Instance{Active: true, Port: 1}); in.Active || in.Name != "x" || in.Port != 1 {
		t.Errorf("applied %+v", in)
	}
}
