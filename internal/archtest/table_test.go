package archtest

// A rule says what the files of one package may import of this module. The
// groups are: domain (rules and types, no I/O), motion (loops over the
// domain), adapters (one technology each), leaves, wiring, and tests.
//
// Imports run cmd → app → adapters → motion → domain; leaves may be imported
// by all and import only leaves; adapters never import each other, except
// where a line here says so.
type rule struct {
	group group
	also  []string // packages of the module beyond what the group may import
	tests []string // and beyond that in its test files, which put real parts together
}

type group int

const (
	leaf group = iota + 1
	domain
	motion
	adapter
	wiring
	tests
)

// mayImport says which groups a group may import besides leaves. A domain
// package imports another one only where its line says so.
var mayImport = map[group][]group{
	leaf:    {},
	domain:  {},
	motion:  {domain},
	adapter: {domain, motion},
	wiring:  {domain, motion, adapter},
	tests:   {domain, motion, adapter, wiring, tests},
}

// packages is the table: every package of the module, by its folder.
var packages = map[string]rule{
	"internal/config":    {group: leaf, also: []string{"internal/invalid", "internal/logging", "internal/netguard", "internal/secret"}},
	"internal/invalid":   {group: leaf},
	"internal/logging":   {group: leaf, also: []string{"internal/secret"}},
	"internal/netguard":  {group: leaf, tests: []string{"internal/collector/collectortest"}},
	"internal/secret":    {group: leaf},
	"internal/telemetry": {group: leaf},

	"internal/account":  {group: domain, also: []string{"internal/fleet", "internal/session"}},
	"internal/fleet":    {group: domain},
	"internal/schedule": {group: domain, also: []string{"internal/fleet", "internal/session"}},
	"internal/session":  {group: domain, also: []string{"internal/fleet"}},
	"internal/setting":  {group: domain, also: []string{"internal/schedule"}},
	"internal/sheet":    {group: domain, also: []string{"internal/fleet"}},
	"internal/user":     {group: domain},

	"internal/census":   {group: motion},
	"internal/dispatch": {group: motion},
	"internal/doctor":   {group: motion},
	"internal/firing":   {group: motion},
	"internal/rekey":    {group: motion},
	"internal/runner":   {group: motion},
	"internal/sweep":    {group: motion},
	"internal/watch":    {group: motion},

	"internal/cli":                       {group: adapter, also: []string{"client"}},
	"internal/collector/collectortest":   {group: tests},
	"internal/collector":                 {group: adapter, tests: []string{"internal/collector/collectortest"}},
	"internal/collector/mysql":           {group: adapter, also: []string{"internal/collector"}},
	"internal/collector/mysql/mysqltest": {group: tests},
	"internal/collector/postgres":        {group: adapter, also: []string{"internal/collector"}},
	"internal/dbq":                       {group: adapter},
	"internal/httpapi":                   {group: adapter, also: []string{"internal/httpapi/gen"}, tests: []string{"internal/httpserver", "internal/store"}},
	"internal/httpapi/gen":               {group: adapter},
	"internal/httpserver":                {group: adapter},
	"internal/oldapi":                    {group: adapter, tests: []string{"internal/httpserver", "internal/store"}},
	"internal/pages":                     {group: adapter, tests: []string{"internal/store"}},
	"internal/queue":                     {group: adapter},
	"internal/store":                     {group: adapter, also: []string{"internal/dbq"}},

	"client":     {group: leaf},
	"migrations": {group: leaf},

	"internal/app":  {group: wiring, also: []string{"internal/demo", "migrations"}},
	"internal/demo": {group: wiring, also: []string{"client", "internal/localsvc"}},
	"cmd/api":       {group: wiring, also: []string{"internal/app"}},
	"cmd/dbfleet":   {group: wiring, also: []string{"internal/app"}},
	"cmd/scheduler": {group: wiring, also: []string{"internal/app"}},
	"cmd/worker":    {group: wiring, also: []string{"internal/app"}},

	"internal/archtest":        {group: tests},
	"internal/bench":           {group: tests, also: []string{"client", "migrations"}},
	"internal/e2e":             {group: tests},
	"internal/e2e/livepg":      {group: tests},
	"internal/localsvc":        {group: tests},
	"internal/logging/logtest": {group: tests},
	"internal/testdb":          {group: tests},
}

// onlyFor names packages of the module that look like leaves or adapters and
// may be imported by nobody but these (and by tests).
var onlyFor = map[string][]string{
	"client":               {"internal/cli", "internal/demo"},
	"migrations":           {"internal/app", "internal/store", "internal/testdb"},
	"internal/dbq":         {"internal/store"},
	"internal/httpapi/gen": {"internal/httpapi"},
	"internal/localsvc":    {"internal/demo", "internal/testdb"},
}

// libraries names imports from outside that belong to some packages only; the
// key is an import path, or the part of one before a slash. A domain package imports none but
// those in domainLibraries.
var libraries = map[string][]string{
	"github.com/hibiken/asynq":            {"internal/queue", "internal/app", "internal/httpserver"},
	"github.com/hibiken/asynqmon":         {"internal/httpserver"},
	"github.com/redis/go-redis":           {"internal/queue", "internal/app"},
	"github.com/jackc/pgx":                {"internal/store", "internal/dbq", "internal/collector/postgres", "internal/app", "internal/demo", "internal/localsvc", "internal/testdb"},
	"github.com/go-sql-driver/mysql":      {"internal/collector/mysql", "internal/localsvc", "internal/testdb"},
	"github.com/pressly/goose":            {"migrations"},
	"github.com/labstack/echo":            {"internal/httpserver", "internal/httpapi", "internal/httpapi/gen", "internal/oldapi"},
	"github.com/oapi-codegen/runtime":     {"internal/httpapi", "internal/httpapi/gen", "client"},
	"github.com/spf13/cobra":              {"internal/cli"},
	"database/sql":                        {"migrations", "internal/secret", "internal/testdb", "internal/app", "internal/collector/mysql", "internal/localsvc"},
	"github.com/prometheus/client_golang": {"internal/telemetry"},
	"os/exec":                             {"internal/localsvc", "internal/demo"},
}

// domainLibraries are the ones that a domain package may import.
var domainLibraries = []string{"github.com/google/uuid", "github.com/robfig/cron/v3"}

// domainForbids are packages of the standard library that do I/O.
var domainForbids = []string{"database/sql", "net", "net/http", "os", "os/exec", "log", "log/slog"}

// calls names functions that belong to some packages only.
var calls = map[string][]string{
	"os.Getenv":    {"cmd/dbfleet", "internal/localsvc", "internal/testdb", "internal/e2e"},
	"os.LookupEnv": {"internal/localsvc", "internal/testdb"},
	"os.Environ":   {"internal/bench", "cmd/api", "cmd/dbfleet", "cmd/scheduler", "cmd/worker", "internal/localsvc"},
}
