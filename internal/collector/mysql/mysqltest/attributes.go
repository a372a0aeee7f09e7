package mysqltest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/internal/account"
)

// limits names the limits: as SHOW CREATE USER does, and as the attributes do.
var limits = map[string]string{
	"MAX_QUERIES_PER_HOUR": "max_queries_per_hour", "MAX_UPDATES_PER_HOUR": "max_updates_per_hour",
	"MAX_CONNECTIONS_PER_HOUR": "max_connections_per_hour", "MAX_USER_CONNECTIONS": "max_user_connections",
	"MAX_STATEMENT_TIME": "max_statement_time_s",
}

// ShownAttributes returns what SHOW CREATE USER has said about a user, as sorted
// lines of an attribute each. A hash is not kept.
func ShownAttributes(line string) ([]string, error) {
	w := readWords(line)
	w.expect("CREATE")
	w.expect("USER")
	w.account()
	all := w.plugins()
	for w.err == nil && len(w.tokens) > 0 {
		all = append(all, w.attribute()...)
	}
	slices.Sort(all)
	return all, w.err
}

// plugins reads how the user logs in; without a word it is by a native password.
func (w *words) plugins() []string {
	const native = "plugin=mysql_native_password"
	if !w.next("IDENTIFIED") {
		return []string{native}
	}
	if w.next("BY") {
		w.expect("PASSWORD")
		w.quoted()
		return []string{native}
	}
	w.expect("VIA")
	var all []string
	for again := true; again && w.err == nil; again = w.next("OR") {
		all = append(all, "plugin="+w.word())
		if w.next("USING") {
			w.quoted()
		}
	}
	return all
}

func (w *words) attribute() []string {
	switch word := w.word(); word {
	case "REQUIRE":
		return w.tls()
	case "WITH":
		return nil // the limits follow
	case "ACCOUNT":
		w.expect("LOCK")
		return []string{"locked=true"}
	case "PASSWORD":
		return w.expiry()
	default:
		if name, ok := limits[word]; ok {
			return []string{name + "=" + strings.TrimSuffix(strings.TrimRight(w.number(), "0"), ".")}
		}
		w.fail("attribute like " + word)
		return nil
	}
}

// number takes a number, of which the dot is a mark of its own only at its front.
func (w *words) number() string {
	n := w.word()
	if !strings.Contains(n, ".") {
		n += "." // so that no zero before the dot is taken for one behind it
	}
	return n
}

func (w *words) tls() []string {
	switch {
	case w.next("SSL"):
		return []string{"tls_required=tls"}
	case w.next("X509"):
		return []string{"tls_required=certificate"}
	}
	all := []string{"tls_required=certificate_of"}
	for _, part := range []string{"ISSUER", "SUBJECT", "CIPHER"} {
		if w.next(part) {
			all = append(all, "tls_"+strings.ToLower(part)+"="+w.quoted())
		}
	}
	return all
}

func (w *words) expiry() []string {
	w.expect("EXPIRE")
	switch {
	case w.next("NEVER"):
		return []string{"password_lifetime_days=0"}
	case w.next("INTERVAL"):
		days := w.word()
		w.expect("DAY")
		return []string{"password_lifetime_days=" + days}
	}
	return []string{"password_expired=true"}
}

// ToldAttributes returns what was read or stored about a user, in the lines of
// ShownAttributes; the age of a password, which SHOW CREATE USER does not tell,
// is left out.
func ToldAttributes(a account.Account) []string {
	var all []string
	for name, value := range a.Attributes {
		switch name {
		case "password_last_changed", account.AttributeSettings:
		case "other_plugins":
			plugins, _ := value.([]string)
			for _, plugin := range plugins {
				all = append(all, "plugin="+plugin)
			}
		default:
			all = append(all, fmt.Sprintf("%s=%v", name, value))
		}
	}
	slices.Sort(all)
	return all
}
