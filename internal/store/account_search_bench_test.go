package store

import (
	"slices"
	"testing"
	"time"

	"github.com/dbfleet/dbfleet/internal/account"
	"github.com/dbfleet/dbfleet/internal/fleet"
)

// BenchmarkAccountSearch searches 1,000,000 accounts by privilege and lists them
// by other filters, in pages of 100 from many places of the list. Making the
// accounts takes some minutes.
//
//	go test ./internal/store -run '^$' -bench AccountSearch -benchtime 200x -timeout 1h
func BenchmarkAccountSearch(b *testing.B) {
	s := newAccounts(b)
	began := time.Now()
	crowd{instances: 2000, accounts: 500}.add(b, s)
	b.Logf("%s to make the accounts; account_grants has %d MB in the table and %d MB in its indexes",
		time.Since(began).Round(time.Second),
		one[int](b, s.pool, `SELECT pg_table_size('account_grants') >> 20`), one[int](b, s.pool, `SELECT pg_indexes_size('account_grants') >> 20`))
	s.exec(b, `INSERT INTO instance_tags SELECT id, 'rare' FROM instances WHERE name IN ('crowd-3', 'crowd-6', 'crowd-9')`)
	s.exec(b, `ANALYZE instances, instance_tags`)
	yes, no, role := true, false, account.Role
	instance := one[fleet.InstanceID](b, s.pool, `SELECT id FROM instances WHERE name = 'crowd-100'`)
	for name, f := range map[string]account.Filter{
		"privilege of most":       {Grant: account.GrantFilter{Privilege: "SELECT"}},
		"privilege of half":       {Grant: account.GrantFilter{Privilege: "USAGE"}},
		"privilege of few":        {Grant: account.GrantFilter{Privilege: "TRIGGER"}},
		"privilege of very few":   {Grant: account.GrantFilter{Privilege: "SUPER"}},
		"privilege of nobody":     {Grant: account.GrantFilter{Privilege: "MAINTAIN"}},
		"object":                  {Grant: account.GrantFilter{Object: "t007"}},
		"privilege on object":     {Grant: account.GrantFilter{Privilege: "DELETE", Type: "table", Database: "shop1", Schema: "ledger", Object: "t100"}},
		"privilege and type":      {Grant: account.GrantFilter{Privilege: "SELECT", Type: "sequence"}},
		"privilege and database":  {Grant: account.GrantFilter{Privilege: "SELECT", Database: "shop7"}},
		"privilege and schema":    {Grant: account.GrantFilter{Privilege: "UPDATE", Schema: "ledger"}},
		"privilege and engine":    {Engine: fleet.MySQL, Grant: account.GrantFilter{Privilege: "SELECT"}},
		"privilege and tag":       {Tag: "pilot", Grant: account.GrantFilter{Privilege: "SELECT"}},
		"privilege and superuser": {Superuser: &yes, Grant: account.GrantFilter{Privilege: "SELECT"}},
		"privilege and instance":  {Instance: &instance, Grant: account.GrantFilter{Privilege: "SELECT"}},
		"privilege and name":      {Name: "etl_116", Grant: account.GrantFilter{Privilege: "SELECT"}},
		"privilege and most tags": {Tag: "production", Grant: account.GrantFilter{Privilege: "SELECT"}},
		"privilege and kind":      {Kind: &role, Grant: account.GrantFilter{Privilege: "SELECT"}},
		"privilege and system":    {System: &yes, Grant: account.GrantFilter{Privilege: "SELECT"}},
		"privilege and no login":  {CanLogin: &no, Grant: account.GrantFilter{Privilege: "SELECT"}},
		"privilege and contains":  {NameContains: "nobody", Grant: account.GrantFilter{Privilege: "SELECT"}},
		"no engine has it":        {Engine: fleet.MySQL, Grant: account.GrantFilter{Privilege: "USAGE"}},
		"no tag has it":           {Tag: "rare", Grant: account.GrantFilter{Privilege: "USAGE"}},
		"all":                     {},
		"contains nobody":         {NameContains: "nobody"},
		"contains few":            {NameContains: "RPT_1"},
		"kind":                    {Kind: &role},
		"system":                  {System: &yes},
		"locked":                  {Locked: &yes},
		"tag and no login":        {Tag: "rare", CanLogin: &no},
	} {
		b.Run(name, func(b *testing.B) { benchmarkPages(b, s, f) })
	}
}

// benchmarkPages reports percentiles: the mean hides what a person waits for.
func benchmarkPages(b *testing.B, s *accountBundle, f account.Filter) {
	b.Helper()
	starts := []string{"", "app_300", "etl_100", "job_2", "rpt_4", "svc_1", "u05", "u10", "u12345", "u19"}
	var times []time.Duration
	for b.Loop() {
		began := time.Now()
		if _, _, err := s.ListAccounts(b.Context(), f, 100, account.Cursor{Name: starts[len(times)%len(starts)]}); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	percentile := func(p int) float64 { return float64(times[(len(times)-1)*p/100].Microseconds()) / 1000 }
	b.ReportMetric(percentile(50), "p50-ms")
	b.ReportMetric(percentile(95), "p95-ms")
}
