package secret_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dbfleet/dbfleet/internal/secret"
)

func TestScrubberRemovesKnownSecretsInEveryForm(t *testing.T) {
	t.Parallel()
	password := `p@ss/W'or"d %+ü\`
	scrub := secret.NewScrubber(secret.New(password), secret.New(canary))
	for name, form := range map[string]string{
		"plain":           password,
		"query":           url.QueryEscape(password),
		"path":            url.PathEscape(password),
		"user info":       url.UserPassword("u", password).String()[2:],
		"Go quoted":       strconv.Quote(password),
		"SQL quoted":      strings.ReplaceAll(password, "'", "''"),
		"hex":             hex.EncodeToString([]byte(password)),
		"base64":          base64.StdEncoding.EncodeToString([]byte(password)),
		"base64 of login": base64.URLEncoding.EncodeToString([]byte("user:" + password)),
		"the other one":   canary,
	} {
		got := scrub.Clean("login failed with " + form + " at 10.0.0.7")
		if !strings.Contains(got, secret.Redacted) || !strings.HasPrefix(got, "login failed with ") || !strings.HasSuffix(got, "at 10.0.0.7") {
			t.Errorf("%s: %q", name, got)
		}
		if strings.Contains(got, `W'or`) || strings.Contains(got, canary) {
			t.Errorf("%s: still there: %q", name, got)
		}
	}
}

func TestScrubberRemovesWhatLooksLikeAPassword(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`cannot parse "host=db password=S3cret user=x"`:              `host=db password=[redacted] user=x`,
		`PASSWORD = 'S3cret it''s \' ok' sslmode=x`:                  `PASSWORD = [redacted] sslmode=x`,
		`Server=a;Pwd=S3cret;Database=b`:                             `Server=a;Pwd=[redacted];Database=b`,
		`{"user":"u","password":"S3cret","port":1}`:                  `"password":[redacted],"port":1`,
		`parse "postgres://u:S3cret@db:5432/x": bad`:                 `postgres://u:[redacted]@db:5432/x`,
		`parse "postgres://u:S3@cret@db:5432/x": bad`:                `postgres://u:[redacted]@db:5432/x`,
		`parse "oracle://u:S3cret%zz^": invalid port`:                `oracle://u:[redacted]`,
		`dsn root:S3cret@tcp(10.0.0.1:3306)/mysql`:                   `root:[redacted]@tcp(10.0.0.1:3306)`,
		`near "CREATE USER u IDENTIFIED BY 'S3cret' x"`:              `IDENTIFIED BY [redacted] x`,
		`IDENTIFIED BY PASSWORD '*S3cret'`:                           `IDENTIFIED BY PASSWORD [redacted]`,
		`ALTER ROLE x PASSWORD 'SCRAM-SHA-256$S3cret' VALID`:         `PASSWORD [redacted] VALID`,
		`CREATE LOGIN x WITH PASSWORD = 0x0200S3cret HASHED`:         `PASSWORD = [redacted] HASHED`,
		`db_password='S3cret without end`:                            `db_password=[redacted]`,
		`https://api/x?a=1&access_token=S3cret&b=2`:                  `access_token=[redacted]&b=2`,
		"redis://:S3cret@10.0.0.1:6379/0: i/o timeout":               "redis://:[redacted]@10.0.0.1:6379/0",
		"PGPASSWORD=S3cret psql":                                     "PGPASSWORD=[redacted] psql",
		`amqp://x:S3cret`:                                            `amqp://x:[redacted]`,
		"mysql: secret : 'S3cret'":                                   "secret : [redacted]",
		"line\npassword='S3cret\nover two lines' end":                "password=[redacted] end",
		`time=x msg="passphrase=\"S3cret x\"" level=info password=a`: `level=info password=[redacted]`,
	}
	for in, want := range tests {
		got := secret.Scrubber{}.Clean(in)
		if !strings.Contains(got, want) || strings.Contains(got, "cret@") || strings.Contains(got, "S3cret") {
			t.Errorf("Clean(%q) = %q, want it to hold %q", in, got, want)
		}
	}
}

func TestScrubberKeepsOrdinaryMessages(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`FATAL: password authentication failed for user "monitor" (SQLSTATE 28P01)`,
		`Error 1045 (28000): Access denied for user 'x'@'10.0.0.1' (using password: YES)`,
		`dial tcp 10.0.0.1:5432: connect: connection refused`,
		`tls: failed to verify certificate: x509: certificate is valid for a, not b`,
		`get https://db.example.net:8443: EOF`,
		`http://[::1]:5432/x and postgres://db:5432, tried twice`,
		`permission denied for table pg_authid`,
		"",
	} {
		if got := secret.NewScrubber(secret.New(canary), secret.Text{}).Clean(text); got != text {
			t.Errorf("Clean(%q) = %q", text, got)
		}
	}
}

func TestScrubberRemovesShortSecretsAsWordsOnly(t *testing.T) {
	t.Parallel()
	got := secret.NewScrubber(secret.New("a")).Clean(`a bad "a" was a`)
	if want := `[redacted] bad "[redacted]" was [redacted]`; got != want {
		t.Errorf("Clean = %q, want %q", got, want)
	}
}

func TestScrubberReturnsTextThatCanBeStored(t *testing.T) {
	t.Parallel()
	scrub := secret.NewScrubber(secret.New(canary))
	if got := scrub.Clean("a\x00b\xffc"); got != "a\uFFFDb\uFFFDc" {
		t.Errorf("Clean = %q", got)
	}
	got := scrub.Clean("x" + strings.Repeat("ü", 5000))
	if len(got) != secret.MaxErrorBytes-1 || !utf8.ValidString(got) {
		t.Errorf("cut to %d bytes, valid %v", len(got), utf8.ValidString(got))
	}
}

func TestScrubberLeavesNoHalfOfASecretAtItsCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789abcdef", 256) // 4 KiB, like a private key
	scrub := secret.NewScrubber(secret.New(long))
	for shift := range 64 {
		text := strings.Repeat("x", shift) + strings.Repeat(long, 16)
		if got := scrub.Clean(text); strings.Contains(got, "0123") {
			t.Fatalf("shift %d: %q", shift, got)
		}
	}
}

func TestScrubberItselfPrintsNoSecret(t *testing.T) {
	t.Parallel()
	scrub := secret.NewScrubber(secret.New(canary))
	for _, verb := range []string{"%v", "%+v", "%#v", "%x"} {
		wantNoCanary(t, verb, fmt.Sprintf(verb, struct{ s secret.Scrubber }{scrub}))
	}
}

func FuzzScrubberNeverShowsASecret(f *testing.F) {
	f.Add("login with S3cretpw failed", "S3cretpw", "password")
	f.Add("postgres://u:S3cretpw@h", "S3cretpw", "tp")
	f.Add("abcabcabcd\xff\x00", "abcabcd", "\xff\x00\xff\xfe")
	f.Fuzz(func(t *testing.T, text, one, two string) {
		got := secret.NewScrubber(secret.New(one), secret.New(two)).Clean(text + one + text + two)
		if len(got) > secret.MaxErrorBytes || !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Errorf("cannot be stored: %q", got)
		}
		for _, s := range []string{one, two} {
			// A secret that shares letters with the mark may be spelt by it.
			if len(s) >= 4 && !strings.ContainsAny(s, "[]") && !strings.Contains(secret.Redacted, s) && strings.Contains(got, s) {
				t.Errorf("%q shows %q", got, s)
			}
		}
	})
}
