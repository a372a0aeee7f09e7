// Package config knows the environment variables of DBFleet's processes: their
// names, forms, bounds and defaults. It reads them once and reports every fault
// together. It opens nothing but the key file; what must be the same for all
// processes is a setting in the database and not found here.
package config

import (
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/dbfleet/dbfleet/internal/logging"
	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// Role is the kind of a serving process.
type Role string

// The roles, named like their binaries.
const (
	API       Role = "api"
	Worker    Role = "worker"
	Scheduler Role = "scheduler"
)

// Config is what a serving process was told. Make one with Load, or fill it in
// a test; a field that the role does not use is zero.
type Config struct {
	Role        Role
	DatabaseURL secret.Text // postgres:// or postgresql://; checked in its outer form only
	DBConns     int         // the most connections to Postgres
	RedisURL    secret.Text // as asynq.ParseRedisURI takes it
	MonitorAddr string      // host:port of health, metrics and, in the api, Asynqmon
	LogLevel    slog.Level
	LogFormat   logging.Format

	// Of the api and the worker.
	DrainTimeout time.Duration // that running requests or work get at shutdown

	// Of the api.
	HTTPAddr       string           // host:port of the API and the pages
	PublicKey      secret.PublicKey // seals credentials
	TrustedProxies []netip.Prefix   // whose forwarded headers count; nil: nobody's

	// Of the api (for a good message on save) and the worker (which counts).
	TargetAllow netguard.Policy // without our own servers; see netguard.Policy.Deny

	// Of the worker.
	Keys        secret.Keyring // opens credentials
	Concurrency int            // records at a time
	Fetchers    int            // that share Concurrency; each fetches one task at a time
	Categories  []string       // whose queues are served, each once
}

// Load reads the configuration of role from environ, which has the form of
// os.Environ. Empty variables count as missing. The error joins one
// *invalid.Error for each fault; none repeats a URL, a key or a password.
func Load(role Role, environ []string) (Config, error) {
	r := newReader(environ)
	c := Config{
		Role:        role,
		DatabaseURL: r.databaseURL(),
		DBConns:     r.number(varDBConns, defaultDBConns(role), 2, 1000),
		RedisURL:    r.redisURL(),
		MonitorAddr: r.address(varMonitorAddr, defaultMonitorAddr(role)),
		LogLevel:    r.logLevel(),
		LogFormat:   r.logFormat(),
	}
	switch role {
	case API:
		c.loadAPI(r)
	case Worker:
		c.loadWorker(r)
	case Scheduler:
	default:
		r.fault("role", "%q is not api, worker or scheduler", role)
	}
	return c, r.err()
}

func (c *Config) loadAPI(r *reader) {
	c.DrainTimeout = r.drainTimeout()
	c.HTTPAddr = r.address(varHTTPAddr, defaultHTTPAddr)
	c.PublicKey = r.publicKey()
	c.TrustedProxies = r.prefixes(varTrustedProxies)
	c.TargetAllow = r.targetAllow()
	if c.HTTPAddr == c.MonitorAddr && c.HTTPAddr != "" && !strings.HasSuffix(c.HTTPAddr, ":0") {
		r.fault(varMonitorAddr, "must differ from %s", varHTTPAddr)
	}
}

func (c *Config) loadWorker(r *reader) {
	c.DrainTimeout = r.drainTimeout()
	c.Keys = r.keyring()
	c.TargetAllow = r.targetAllow()
	c.loadPlaces(r)
}

func (r *reader) drainTimeout() time.Duration {
	return r.duration(varDrainTimeout, 30*time.Second, time.Second, 10*time.Minute)
}

// loadPlaces reads how much a worker does at a time, and of what.
func (c *Config) loadPlaces(r *reader) {
	c.Concurrency = r.number(varConcurrency, 64, 1, 4096)
	c.Fetchers = r.number(varFetchers, min(4, max(1, c.Concurrency)), 1, 64)
	c.Categories = r.categories()
	if c.Fetchers > c.Concurrency && c.Concurrency > 0 {
		r.fault(varFetchers, "must not be more than %s (%d)", varConcurrency, c.Concurrency)
	}
}

// The worker keeps one connection for its heartbeat and LISTEN.
func defaultDBConns(role Role) int {
	if role == API {
		return 16
	}
	return 4
}

const defaultHTTPAddr = "127.0.0.1:8080"

func defaultMonitorAddr(role Role) string {
	if role == API {
		return "127.0.0.1:8081"
	}
	return "127.0.0.1:0"
}

// Tools is what the commands that open the database were told.
type Tools struct {
	DatabaseURL secret.Text // postgres:// or postgresql://
}

// LoadTools reads the configuration of migrate, token and the like. The error
// is that of Load.
func LoadTools(environ []string) (Tools, error) {
	r := newReader(environ)
	return Tools{DatabaseURL: r.databaseURL()}, r.err()
}

// Checkup is what the doctor was told: what any process might be, as far as it
// is set. A field of a variable that is not set, or has a fault, is zero.
type Checkup struct {
	DatabaseURL, RedisURL secret.Text
	APIConns, WorkerConns int // the most connections of one process
	SchedulerConns        int
	PublicKey             secret.PublicKey
	KeyFile               string
	Keys                  secret.Keyring
	TargetAllow           *netguard.Policy
	Unset                 []string // variables that a process needs beside the two URLs
}

// LoadCheckup reads the configuration of all processes. Only the two URLs must
// be there; the error is that of Load about everything that is.
func LoadCheckup(environ []string) (Checkup, error) {
	r := newReader(environ)
	c := Checkup{DatabaseURL: r.databaseURL(), RedisURL: r.redisURL(), KeyFile: r.env[varPrivateKeyFile]}
	c.APIConns = r.number(varDBConns, defaultDBConns(API), 2, 1000)
	c.WorkerConns, c.SchedulerConns = c.APIConns, c.APIConns
	if r.env[varDBConns] == "" {
		c.WorkerConns, c.SchedulerConns = defaultDBConns(Worker), defaultDBConns(Scheduler)
	}
	c.loadKeys(r)
	r.logLevel()
	r.logFormat()
	r.drainTimeout()
	r.apiURL()
	r.address(varMonitorAddr, defaultMonitorAddr(API))
	r.address(varHTTPAddr, defaultHTTPAddr)
	r.prefixes(varTrustedProxies)
	(&Config{}).loadPlaces(r)
	return c, r.err()
}

// loadKeys reads what only one kind of process has, as far as it is set.
func (c *Checkup) loadKeys(r *reader) {
	for _, one := range []struct {
		name string
		load func()
	}{
		{varPublicKey, func() { c.PublicKey = r.publicKey() }},
		{varPrivateKeyFile, func() { c.Keys = r.keyring() }},
		{varTargetAllow, func() { c.loadTargets(r) }},
	} {
		if r.env[one.name] == "" {
			c.Unset = append(c.Unset, one.name)
			continue
		}
		one.load()
	}
}

func (c *Checkup) loadTargets(r *reader) {
	before := len(r.faults)
	if policy := r.targetAllow(); len(r.faults) == before {
		c.TargetAllow = &policy
	}
}

// KeyTools is what the commands about keys were told.
type KeyTools struct {
	Tools

	PublicKey secret.PublicKey // that the api seals with
	Keys      secret.Keyring   // that the workers open with
}

// LoadKeyTools reads the configuration of keys reseal, which needs both keys;
// the other commands about keys look at them where they are set. The error is
// that of Load.
func LoadKeyTools(environ []string, needKeys bool) (KeyTools, error) {
	r := newReader(environ)
	t := KeyTools{Tools: Tools{DatabaseURL: r.databaseURL()}}
	if needKeys || r.env[varPublicKey] != "" {
		t.PublicKey = r.publicKey()
	}
	if needKeys || r.env[varPrivateKeyFile] != "" {
		t.Keys = r.keyring()
	}
	return t, r.err()
}

// Client is what the command line that talks to the API was told.
type Client struct {
	APIURL string      // http:// or https://, without a slash at the end
	Token  secret.Text // empty when it was not given
}

// LoadClient reads the configuration of the commands that talk to the API. The
// error is that of Load.
func LoadClient(environ []string) (Client, error) {
	r := newReader(environ)
	return Client{APIURL: r.apiURL(), Token: secret.New(r.env[varToken])}, r.err()
}
