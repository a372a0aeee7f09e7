package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/session"
	"github.com/dbfleet/dbfleet/internal/user"
)

type sessionPage struct {
	Items []json.RawMessage `json:"items"`
	Next  *string           `json:"next_cursor"`
}

func TestSessionListsAreFiltered(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var page sessionPage
	b.must(t, 200, "GET", "/sync-sessions?category=account&status=running&type=manual_batch&result=partial&created_by=schedule"+
		"&instance_id=12&schedule_id=3&from=2026-11-01T00:00:00%2B08:00&to=2026-12-01T00:00:00Z&q=6f2c&sort=duration&order=asc&limit=7", "", &page)
	f, p := b.sessions.filter, b.sessions.page
	if *f.Category != session.Account || *f.Status != session.Running || *f.Type != session.ManualBatch || *f.Result != session.Partial ||
		*f.Creator != (session.Creator{Schedule: true}) || *f.Instance != 12 || *f.Schedule != 3 || f.Query != "6f2c" {
		t.Errorf("asked for %+v", f)
	}
	if !f.From.Equal(time.Date(2026, 10, 31, 16, 0, 0, 0, time.UTC)) || !f.To.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("from %s to %s", f.From, f.To)
	}
	if p.By != session.ByDuration || p.Descending || p.Limit != 7 || p.After.ID != 0 {
		t.Errorf("page %+v", p)
	}
	b.must(t, 200, "GET", "/sync-sessions", "", &page)
	if f, p := b.sessions.filter, b.sessions.page; f != (session.Filter{}) || p.By != session.ByStart || !p.Descending || p.Limit != 50 {
		t.Errorf("nothing asked for: %+v, %+v", f, p)
	}
}

func TestCursorBelongsToItsFilterAndOrder(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	long := strings.Repeat("数", 200)
	for _, tt := range []struct {
		path  string
		next  session.Place
		other []string // where the cursor is refused
	}{
		{
			"/sync-sessions?status=failed&sort=total",
			session.Place{ID: 41, Number: new(int64(7))},
			[]string{"/sync-sessions?status=failed", "/sync-sessions?sort=total", "/sync-sessions?status=failed&sort=total&order=asc", "/instances?limit=1"},
		},
		{
			aSession + "/records?sort=instance_name&status=failed",
			session.Place{ID: 4711, Text: long},
			[]string{
				aSession + "/records?sort=instance_name", aSession + "/records?sort=duration&status=failed",
				strings.Replace(aSession, "6f2c", "7f2c", 1) + "/records?sort=instance_name&status=failed",
			},
		},
	} {
		b.sessions.set(func(f *fakeSessions) { f.next = tt.next })
		var page sessionPage
		b.must(t, 200, "GET", tt.path, "", &page)
		b.must(t, 200, "GET", tt.path+"&limit=3&cursor="+*page.Next, "", nil)
		got := b.sessions.page.After
		if got.ID != tt.next.ID || got.Text != tt.next.Text || (got.Number == nil) != (tt.next.Number == nil) {
			t.Errorf("%s goes on after %+v, want %+v", tt.path, got, tt.next)
		}
		for _, other := range tt.other {
			a := b.do(t, request{role: user.Viewer, method: "GET", path: other + "&cursor=" + *page.Next})
			if a.status != 400 || a.problem.Field != "cursor" {
				t.Errorf("%s with the cursor of %s: %d %s", other, tt.path, a.status, a.body)
			}
		}
		text, err := base64.RawURLEncoding.DecodeString(*page.Next)
		if err != nil {
			t.Fatal(err)
		}
		list, _, _ := strings.Cut(string(text), ".")
		for _, place := range []string{"", "{}", `{"i":0}`, `{"i":-1}`, `{"i":1,"n":"x"}`, `{"i":99999999999999999999}`, "null", "7"} {
			forged := base64.RawURLEncoding.EncodeToString([]byte(list + "." + place))
			if a := b.do(t, request{role: user.Viewer, method: "GET", path: tt.path + "&cursor=" + forged}); a.status != 400 {
				t.Errorf("%s after %s: %d", tt.path, place, a.status)
			}
		}
		b.sessions.set(func(f *fakeSessions) { f.next = session.Place{} })
		b.must(t, 200, "GET", tt.path, "", &page)
		if page.Next != nil {
			t.Errorf("%s: the last page has a next one", tt.path)
		}
	}
}

func TestRecordListsAreFiltered(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.must(t, 200, "GET", aSession+"/records?status=failed,cancelled&code=auth_failed&fingerprint="+aFingerprint+
		"&q=orders&sort=duration&order=desc", "", nil)
	f, p := b.sessions.records, b.sessions.page
	if !slices.Equal(f.Status, []session.RecordStatus{session.RecordFailed, session.RecordCancelled}) || f.Code != session.CodeAuthFailed ||
		f.Fingerprint != aFingerprint || f.Query != "orders" || p.By != session.ByDuration || !p.Descending {
		t.Errorf("asked for %+v, %+v", f, p)
	}
	b.must(t, 200, "GET", aSession+"/records", "", nil)
	if f, p := b.sessions.records, b.sessions.page; len(f.Status) != 0 || p.By != session.ByID || p.Descending {
		t.Errorf("nothing asked for: %+v, %+v", f, p)
	}
}

func TestErrorsAreListedByKind(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	a := b.must(t, 200, "GET", aSession+"/errors", "", nil)
	want := `{"items":[{"code":"auth_failed","count":2,"fingerprint":"4be0a6d1f02c9e77","message":"no \u003cname\u003e","phase":"login",` +
		`"samples":[{"instance_id":1,"instance_name":"orders-1","message":"no \"app\"","record_id":4711}]}]}`
	if strings.TrimSpace(a.body) != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
}

func TestStatisticsShowRates(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	var s struct {
		From, To string
		Zone     string `json:"time_zone"`
		Total    struct {
			Success *float64                       `json:"success_rate"`
			Read    *float64                       `json:"read_rate"`
			Speed   *float64                       `json:"records_per_second"`
			Took    struct{ P50, P95, Max *int64 } `json:"durations_ms"`
		}
		Days []struct {
			Date    string
			Figures struct {
				Sessions int
				Success  *float64 `json:"success_rate"`
			}
		} `json:"by_day"`
		Status map[string]json.RawMessage `json:"by_status"`
		Types  map[string]json.RawMessage `json:"by_type"`
	}
	b.must(t, 200, "GET", "/sync-sessions/statistics?category=account", "", &s)
	if *s.Total.Success != 0.6667 || *s.Total.Read != 0.9667 || *s.Total.Speed != 2.5 || *s.Total.Took.Max != 90_000 {
		t.Errorf("total %+v", s.Total)
	}
	if s.To != "2026-11-21T01:00:12Z" || s.From != "2026-10-22T01:00:12Z" || s.Zone != "Asia/Shanghai" || *b.sessions.filter.Category != session.Account {
		t.Errorf("from %s to %s in %s", s.From, s.To, s.Zone)
	}
	if len(s.Days) != 2 || s.Days[0].Date != "2026-11-20" || s.Days[0].Figures.Success != nil || s.Days[1].Figures.Sessions != 4 {
		t.Errorf("days %+v", s.Days)
	}
	if len(s.Status) != 1 || s.Types == nil {
		t.Errorf("by status %v, by type %v", s.Status, s.Types)
	}
}

func TestRecordSaysWhyItWaits(t *testing.T) {
	t.Parallel()
	until := now.Add(time.Minute)
	record := failedRecord()
	record.Status, record.Waiting = session.RecordPending, &session.Waiting{Reason: session.DueLater, Since: now, Until: &until}
	b := newBundle(t)
	b.sessions.set(func(f *fakeSessions) { f.record = record })
	a := b.must(t, 202, "POST", aSession+"/records/4711/cancel", "", nil)
	if want := `"waiting":{"reason":"due_later","session_id":null,"since":"2026-11-21T01:00:12Z","until":"2026-11-21T01:01:12Z"}`; !strings.Contains(a.body, want) {
		t.Errorf("%s lacks %s", a.body, want)
	}
}
