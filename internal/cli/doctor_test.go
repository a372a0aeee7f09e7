package cli

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/doctor"
)

func findings() []doctor.Finding {
	return []doctor.Finding{
		{Check: "postgres", Verdict: doctor.OK, Found: "answers"},
		{Check: "postgres_connections", Verdict: doctor.Warn, Found: strings.Repeat("many words ", 12), Advice: "Raise max_connections."},
		{Check: "redis", Verdict: doctor.Fail, Found: "cannot be reached: \x1b[2Jconnection refused", Advice: "Start Redis."},
	}
}

func TestDoctorSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	for _, width := range []int{0, 40, 60, 80} {
		got := (&bench{width: width, local: &fakeLocal{found: findings()}}).run(t, "doctor")
		got.want(t, 1, "postgres_connections", "→ Raise", "→ Start Redis.", "1 failed, 1 to look at")
		if strings.Contains(withoutColours(got.out), "\x1b") {
			t.Errorf("a control character is shown: %q", got.out)
		}
		if width > 0 {
			wantWidth(t, got.out, width)
		}
	}
	(&bench{local: &fakeLocal{found: findings()[:2]}}).run(t, "doctor").want(t, 0, "0 failed, 1 to look at")
}

func TestDoctorForPrograms(t *testing.T) {
	t.Parallel()
	b := &bench{local: &fakeLocal{found: findings()}}
	got := b.run(t, "doctor", "--json")
	got.want(t, 1)
	var answer struct{ Items []doctor.Finding }
	if err := json.Unmarshal([]byte(got.out), &answer); err != nil || len(answer.Items) != 3 || answer.Items[2] != findings()[2] || got.err != "" {
		t.Errorf("%v: %+v", err, got)
	}
	got = b.run(t, "doctor", "--output", "csv")
	got.want(t, 1)
	rows, err := csv.NewReader(strings.NewReader(got.out)).ReadAll()
	if err != nil || len(rows) != 4 || rows[2][3] != "Raise max_connections." {
		t.Errorf("%v: %q", err, rows)
	}
	b.run(t, "doctor", "now").want(t, 2)
	(&bench{interrupted: true, local: b.local}).run(t, "doctor").want(t, 2)
}
