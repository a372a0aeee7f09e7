package config

import (
	"net/url"
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/internal/netguard"
	"github.com/dbfleet/dbfleet/internal/secret"
)

// databaseURL checks scheme, host and database. What is wrong deeper inside
// comes out when the pool is built, without the URL.
func (r *reader) databaseURL() secret.Text {
	const example = "postgres://user:password@host:5432/dbfleet"
	v, ok := r.required(varDatabaseURL, example)
	if !ok {
		return secret.Text{}
	}
	u := r.parseURL(varDatabaseURL, v, "postgres", "postgresql")
	if u == nil {
		return secret.Text{}
	}
	if u.Host == "" && !u.Query().Has("host") {
		r.fault(varDatabaseURL, "names no host")
	}
	if strings.Trim(u.Path, "/") == "" && !u.Query().Has("dbname") {
		r.fault(varDatabaseURL, "names no database")
	}
	return secret.New(v)
}

func (r *reader) redisURL() secret.Text {
	v, ok := r.required(varRedisURL, "redis://:password@host:6379/0")
	if !ok {
		return secret.Text{}
	}
	u := r.parseURL(varRedisURL, v, "redis", "rediss", "redis-sentinel", "redis-socket")
	if u == nil {
		return secret.Text{}
	}
	if u.Host == "" && u.Scheme != "redis-socket" {
		r.fault(varRedisURL, "names no host")
	}
	return secret.New(v)
}

// parseURL returns nil after a fault. The error of url.Parse holds the URL and
// with it the password: it is not passed on.
func (r *reader) parseURL(name, v string, schemes ...string) *url.URL {
	u, err := url.Parse(v)
	if err != nil {
		r.fault(name, "is not a URL (special characters of a password are written like %%2F)")
		return nil
	}
	if !slices.Contains(schemes, u.Scheme) {
		r.fault(name, "must start with %s://", strings.Join(schemes, ":// or "))
		return nil
	}
	return u
}

func (r *reader) publicKey() secret.PublicKey {
	v, ok := r.required(varPublicKey, "the dbfleet-pub-1: line that dbfleet keys new prints")
	if !ok {
		return secret.PublicKey{}
	}
	key, err := secret.ParsePublicKey(v)
	if err != nil {
		r.fault(varPublicKey, "%v", err)
	}
	return key
}

func (r *reader) keyring() secret.Keyring {
	path, ok := r.required(varPrivateKeyFile, "the path of the file that dbfleet keys new writes")
	if !ok {
		return secret.Keyring{}
	}
	keys, err := secret.ReadKeyring(path)
	if err != nil {
		r.fault(varPrivateKeyFile, "%v", err)
	}
	return keys
}

func (r *reader) targetAllow() netguard.Policy {
	v, ok := r.required(varTargetAllow, "10.0.0.0/8:3306|5432")
	if !ok {
		return netguard.Policy{}
	}
	policy, err := netguard.ParsePolicy(v)
	if err != nil {
		r.fault(varTargetAllow, "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return policy
}

func (r *reader) apiURL() string {
	v := r.env[varAPIURL]
	if v == "" {
		return "http://127.0.0.1:8080"
	}
	u := r.parseURL(varAPIURL, v, "http", "https")
	switch {
	case u == nil:
	case u.Host == "":
		r.fault(varAPIURL, "names no host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		r.fault(varAPIURL, "must hold nothing but scheme, host, port and path")
	}
	return strings.TrimRight(v, "/")
}
