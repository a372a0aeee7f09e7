package oldapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dbfleet/dbfleet/internal/user"
)

const (
	running    = "/sessions/00000000-0000-4000-8000-000000000005"
	cancelling = "/sessions/00000000-0000-4000-8000-000000000004"
	empty      = "/sessions/00000000-0000-4000-8000-000000000003"
	failed     = "/sessions/00000000-0000-4000-8000-000000000002"
	nobody     = "/sessions/00000000-0000-4000-8000-00000000dead"

	unknown   = `{"success":false,"message":"会话不存在"}` + "\n"
	cancelled = `{"success":true,"message":"会话已取消"}` + "\n"
	refused   = `{"success":false,"message":"取消会话失败，会话不存在或已结束"}` + "\n"
)

// fixture is a file of testdata as it is sent: on one line, with one line end.
func fixture(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return line.String() + "\n"
}

func TestAnswersAreTheFixturesByteForByte(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.fleet(t)
	for _, tt := range []struct{ file, zone, path string }{
		{"sessions.json", "Asia/Shanghai", "/sessions"},
		{"detail_running_shanghai.json", "Asia/Shanghai", running},
		{"detail_failed_berlin.json", "Europe/Berlin", failed},
		{"error_logs_berlin.json", "Europe/Berlin", failed + "/error-logs"},
		{"detail_empty_utc.json", "UTC", empty},
		{"error_logs_none_kolkata.json", "Asia/Kolkata", cancelling + "/error-logs"},
		{"statistics.json", "UTC", "/statistics"},
	} {
		b.zone(t, tt.zone)
		a := b.do(t, user.Viewer, "GET", tt.path)
		a.says(t, tt.file, 200, fixture(t, tt.file))
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: may be kept: %v", tt.file, a.header)
		}
	}
}

func TestNothingThereIsListsAndZeros(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.do(t, user.Viewer, "GET", "/sessions").says(t, "list", 200, `{"success":true,"data":[],"total":0}`+"\n")
	b.do(t, user.Viewer, "GET", "/statistics").says(t, "statistics", 200, `{"success":true,"data":{"total_sessions":0,"running_sessions":0,`+
		`"completed_sessions":0,"failed_sessions":0,"cancelled_sessions":0,"scheduled_sessions":0,"manual_sessions":0,`+
		`"by_category":{"account":0,"capacity":0,"config":0,"aggregation":0,"other":0}}}`+"\n")
}

// found is what a list says, without the sessions' other fields.
type found struct {
	Data []struct {
		ID     int64  `json:"id"`
		Status string `json:"status"`
	}
	Total int
}

func (b *bundle) found(t *testing.T, query string) found {
	t.Helper()
	a := b.do(t, user.Viewer, "GET", "/sessions"+query)
	var f found
	if err := json.Unmarshal([]byte(a.body), &f); err != nil || a.status != 200 {
		t.Fatalf("%s: %d %s", query, a.status, a.body)
	}
	return f
}

func (f found) ids() string {
	var ids []string
	for _, s := range f.Data {
		ids = append(ids, fmt.Sprint(s.ID))
	}
	return fmt.Sprintf("%s of %d", strings.Join(ids, " "), f.Total)
}

func TestFiltersSpeakTheOldWords(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.fleet(t)
	for query, want := range map[string]string{
		"":                                            "5 4 3 2 1 of 5",
		"?limit=2":                                    "5 4 of 5",
		"?sync_type=scheduled":                        "5 3 of 2",
		"?sync_type=manual_batch":                     "2 1 of 2",
		"?sync_type=manual_single":                    "4 of 1",
		"?sync_category=aggregation":                  "1 of 1",
		"?status=running":                             "5 of 1",
		"?status=completed":                           "3 of 1",
		"?status=failed":                              "2 of 1",
		"?status=cancelled":                           "4 1 of 2",
		"?status=cancelled&limit=1":                   "4 of 2",
		"?status=cancelled&sync_category=other":       "4 of 1",
		"?sync_type=scheduled&status=failed":          " of 0",
		"?sync_type=&sync_category=&status=&limit=":   "5 4 3 2 1 of 5",
		"?status=cancelling":                          " of 0",
		"?status=pending":                             " of 0",
		"?status=Running":                             " of 0",
		"?status=%00":                                 " of 0",
		"?sync_category=backup":                       " of 0",
		"?sync_type=%27%3B--":                         " of 0",
		"?sync_type=scheduled&sync_type=manual_batch": "5 3 of 2",
		"?nobody_knows=this":                          "5 4 3 2 1 of 5",
		"?limit=0":                                    "5 of 5",
		"?limit=-7":                                   "5 of 5",
		"?limit=-99999999999999999999":                "5 of 5",
		"?limit=99999999999999999999":                 "5 4 3 2 1 of 5",
		"?limit=many":                                 "5 4 3 2 1 of 5",
		"?status=" + strings.Repeat("a", 5000):        " of 0",
		"?sync_category=account&limit=1&sync_type=\xff\x00": " of 0",
	} {
		if got := b.found(t, strings.ReplaceAll(query, "\xff\x00", "%ff%00")).ids(); got != want {
			t.Errorf("%.80q: %s, want %s", query, got, want)
		}
	}
}

func TestListHas50And500AtMostAndCountsAll(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.sql(t, `INSERT INTO sync_sessions (session_id, sync_type, started_at, deadline_at)
		SELECT gen_random_uuid(), 'scheduled', now() - g * interval '1 minute', now() FROM generate_series(1, 600) g`)
	for query, want := range map[string]int{"": 50, "?limit=500": 500, "?limit=501": 500, "?limit=10000": 500, "?limit=x": 50} {
		f := b.found(t, query)
		if len(f.Data) != want || f.Total != 600 {
			t.Errorf("%q: %d of %d, want %d of 600", query, len(f.Data), f.Total, want)
		}
	}
}

// many adds records to the failed session: ended ones of which the last are failed.
func (b *bundle) many(t *testing.T, records, bad int) {
	t.Helper()
	b.sql(t, fmt.Sprintf(`
		INSERT INTO instances (id, name, engine, host, port, credential_id, host_key)
		SELECT i, 'db-' || i, 'postgresql', 'h' || i, 5432, 1, 'h' || i FROM generate_series(1001, 1000 + %[1]d) i;
		INSERT INTO sync_sessions (id, session_id, sync_type, deadline_at, total_instances)
		VALUES (9, '00000000-0000-4000-8000-000000000009', 'scheduled', now(), %[1]d);
		INSERT INTO sync_instance_records (id, session_id, instance_id, instance_name, status, completed_at, error_code, host_key, credential_id)
		SELECT i, '00000000-0000-4000-8000-000000000009', i, 'db-' || i, CASE WHEN bad THEN 'failed' ELSE 'completed' END, now(),
			CASE WHEN bad THEN 'timeout' END, 'h' || i, 1
		FROM (SELECT i, i > 1000 + %[1]d - %[2]d AS bad FROM generate_series(1001, 1000 + %[1]d) i) x`, records, bad))
}

func TestAThousandRecordsAreShownFailedFirst(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ records, bad, shown, logged int }{
		{1100, 3, 1000, 3}, {1100, 1050, 1000, 1000}, {900, 0, 900, 0},
	} {
		b := newBundle(t)
		b.fleet(t)
		b.many(t, tt.records, tt.bad)
		var detail struct {
			Data struct {
				Records []struct{ ID int } `json:"instance_records"`
				Errors  []struct{ ID int } `json:"error_records"`
				Count   int                `json:"error_count"`
				Session struct {
					Failed int `json:"failed_instances"`
				}
			}
		}
		ask := func(path string) {
			a := b.do(t, user.Viewer, "GET", "/sessions/00000000-0000-4000-8000-000000000009"+path)
			if err := json.Unmarshal([]byte(a.body), &detail); err != nil || a.status != 200 {
				t.Fatalf("%d %.200s", a.status, a.body)
			}
		}
		ask("")
		ask("/error-logs")
		var want []int
		for id := 1000 + tt.records - tt.bad + 1; id <= 1000+tt.records; id++ {
			want = append(want, id)
		}
		for id := 1001; id <= 1000+tt.records-tt.bad; id++ {
			want = append(want, id)
		}
		got := make([]int, len(detail.Data.Records))
		for i, r := range detail.Data.Records {
			got[i] = r.ID
		}
		if len(got) != tt.shown || !slices.Equal(got, want[:len(got)]) {
			t.Errorf("%d of %d failed: %d shown, from %v", tt.bad, tt.records, len(got), got[:min(5, len(got))])
		}
		if d := detail.Data; len(d.Errors) != tt.logged || d.Count != tt.bad || d.Session.Failed != tt.bad {
			t.Errorf("%d of %d failed: %d logged, counted %d and %d", tt.bad, tt.records, len(d.Errors), d.Count, d.Session.Failed)
		}
	}
}

func TestProgressHasTwoDecimalsAtMostAndIs100AtTheEndOnly(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.fleet(t)
	b.sql(t, `ALTER TABLE sync_instance_records DISABLE TRIGGER ALL`)
	for n, tt := range []struct {
		done, open int
		want       string
	}{
		{0, 3, "0"}, {1, 2, "33.33"}, {2, 1, "66.67"}, {1, 1, "50"}, {19_999, 1, "99.99"}, {1, 29_999, "0"}, {3, 0, "100"},
	} {
		id := fmt.Sprintf("00000000-0000-4000-8000-00000000010%d", n) // its own: big ones are counted once a second
		b.sql(t, fmt.Sprintf(`
			INSERT INTO sync_sessions (id, session_id, sync_type, deadline_at, total_instances)
			VALUES (900 + %[4]d, '%[3]s', 'scheduled', now(), %[1]d + %[2]d);
			INSERT INTO sync_instance_records (id, session_id, instance_id, instance_name, status, completed_at, host_key, credential_id)
			SELECT (%[4]d + 1) * 1000000 + i, '%[3]s', i, 'x', CASE WHEN i <= %[1]d THEN 'skipped' ELSE 'pending' END,
				CASE WHEN i <= %[1]d THEN now() END, 'h', 1 FROM generate_series(1, %[1]d + %[2]d) i`, tt.done, tt.open, id, n))
		a := b.do(t, user.Viewer, "GET", "/sessions/"+id)
		if !strings.HasSuffix(a.body, `],"progress_percentage":`+tt.want+"}}\n") {
			t.Errorf("%d of %d: %s, want %s", tt.done, tt.done+tt.open, a.body[max(0, len(a.body)-40):], tt.want)
		}
	}
}
