package setting

import (
	"encoding/json"
	"errors"
	"testing"
	_ "time/tzdata" // as in the programs

	"github.com/dbfleet/dbfleet/internal/invalid"
	"github.com/dbfleet/dbfleet/internal/schedule"
)

// The setting is the zone of new schedules: it takes the names that they take.
func TestTimeZoneTakesWhatASchedulesZoneTakes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"UTC", "Asia/Shanghai", "Etc/GMT+8",
		"", "Local", "localtime", "posixrules", "posix/Europe/Berlin", "right/UTC", "Mars/Phobos", "../etc/passwd",
	} {
		raw, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = FromRows(map[string]json.RawMessage{"time_zone": raw})
		_, want := schedule.ParseZone("value", name)
		var fault *invalid.Error
		if (err == nil) != (want == nil) || err != nil && !errors.As(err, &fault) {
			t.Errorf("%q: %v, a schedule says %v", name, err, want)
		}
	}
}
