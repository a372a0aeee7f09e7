package config

import "github.com/dbfleet/dbfleet/internal/netguard"

// The variables. Operators have them in their files; do not rename.
const (
	varDatabaseURL    = "DBFLEET_DATABASE_URL"
	varDBConns        = "DBFLEET_DB_CONNS"
	varRedisURL       = "DBFLEET_REDIS_URL"
	varMonitorAddr    = "DBFLEET_MONITOR_ADDR"
	varHTTPAddr       = "DBFLEET_HTTP_ADDR"
	varPublicKey      = "DBFLEET_PUBLIC_KEY"
	varPrivateKeyFile = "DBFLEET_PRIVATE_KEY_FILE"
	varTargetAllow    = netguard.Setting
	varConcurrency    = "DBFLEET_CONCURRENCY"
	varFetchers       = "DBFLEET_FETCHERS"
	varQueues         = "DBFLEET_QUEUES"
	varTrustedProxies = "DBFLEET_TRUSTED_PROXIES"
	varLogLevel       = "DBFLEET_LOG_LEVEL"
	varLogFormat      = "DBFLEET_LOG_FORMAT"
	varDrainTimeout   = "DBFLEET_DRAIN_TIMEOUT"
	varAPIURL         = "DBFLEET_API_URL"
	varToken          = "DBFLEET_TOKEN"
)

const (
	prefix     = "DBFLEET_"
	testPrefix = "DBFLEET_TEST_" // read by the tests alone
)

// known returns every variable of any process, so that one file of variables
// can serve all of them and a mistyped name is still found.
func known() []string {
	return []string{
		varDatabaseURL, varDBConns, varRedisURL, varMonitorAddr, varHTTPAddr, varPublicKey, varPrivateKeyFile,
		varTargetAllow, varConcurrency, varFetchers, varQueues, varTrustedProxies, varLogLevel, varLogFormat,
		varDrainTimeout, varAPIURL, varToken,
	}
}

// categories are session's, as words: this package imports no domain.
func categories() []string {
	return []string{"account", "capacity", "config", "aggregation", "other"}
}
