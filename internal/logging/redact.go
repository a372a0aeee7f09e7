package logging

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/internal/secret"
)

// redact is the last net below secret.Text: it hides values whose key says that
// they are secret, and cleans the texts of errors, which drivers fill with
// connection strings.
func redact(groups []string, a slog.Attr) slog.Attr {
	if sensitive(a.Key) || slices.ContainsFunc(groups, sensitive) {
		return slog.String(a.Key, secret.Redacted)
	}
	if err, ok := a.Value.Any().(error); ok && err != nil {
		return slog.String(a.Key, secret.Scrubber{}.Clean(err.Error()))
	}
	return a
}

// sensitive reports whether a key names a secret. Ids are none: "token_id".
func sensitive(key string) bool {
	key = strings.ToLower(key)
	if strings.HasSuffix(key, "_id") {
		return false
	}
	return slices.ContainsFunc(sensitiveWords(), func(word string) bool { return strings.Contains(key, word) })
}

func sensitiveWords() []string {
	return []string{"password", "passwd", "pwd", "passphrase", "secret", "token", "dsn", "private_key", "privatekey", "api_key", "apikey", "authorization", "cookie"}
}
