package fleet

import (
	"crypto/x509"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/dbfleet/dbfleet/internal/invalid"
)

// Caps on what one instance may carry.
const (
	MaxTags       = 50
	maxNameRunes  = 200
	maxTagRunes   = 64
	maxCARunes    = 64 << 10
	maxHostLength = 253
)

// One label of a host name, underscores included because they exist in the wild.
var hostLabel = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

// validName refuses what nobody could see or type again.
func validName(name string) error {
	if err := invalid.Text("name", name, maxNameRunes); err != nil {
		return err
	}
	if strings.TrimSpace(name) != name {
		return invalid.Field("name", "must not begin or end with a blank")
	}
	return nil
}

// validHost accepts a host name or an IP address, never a path, a list or a URL.
func validHost(field, host string) error {
	if host == "" {
		return invalid.Field(field, "must not be empty")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	if len(host) > maxHostLength {
		return invalid.Field(field, "must not be longer than %d bytes", maxHostLength)
	}
	for _, label := range strings.Split(strings.TrimSuffix(host, "."), ".") {
		if !hostLabel.MatchString(label) {
			return invalid.Field(field, "must be a host name or an IP address")
		}
	}
	return nil
}

func validPort(port int) error {
	if port < 1 || port > 65535 {
		return invalid.Field("port", "must be between 1 and 65535")
	}
	return nil
}

func validCredentialID(id CredentialID) error {
	if id <= 0 {
		return invalid.Field("credential_id", "must name a credential")
	}
	return nil
}

// ValidTags checks number and form of tags.
func ValidTags(field string, tags []string) error {
	if len(tags) > MaxTags {
		return invalid.Field(field, "must not be more than %d", MaxTags)
	}
	for _, tag := range tags {
		if err := invalid.Text(field, tag, maxTagRunes); err != nil {
			return err
		}
		if strings.ContainsAny(tag, ", \t") {
			return invalid.Field(field, "%q must not contain a comma or a blank", tag)
		}
	}
	return nil
}

func (in Instance) validateTLS() error {
	if !slices.Contains(TLSModes(), in.TLSMode) {
		return invalid.Field("tls_mode", "unknown mode %q: use verify-full, verify-ca, require or disable", string(in.TLSMode))
	}
	if in.TLSServerName != "" {
		if err := validHost("tls_server_name", in.TLSServerName); err != nil {
			return err
		}
	}
	if err := validCA(in.TLSCA); err != nil || in.ID != 0 {
		return err
	}
	return in.authorityInVain()
}

// authorityInVain refuses an authority where the mode checks nothing: whoever
// enters both believes that something is checked. It is for what is entered; an
// instance that was stored with an authority keeps it while its mode is weaker.
func (in Instance) authorityInVain() error {
	if in.TLSCA == "" || (in.TLSMode != TLSRequire && in.TLSMode != TLSDisable) {
		return nil
	}
	return invalid.Field("tls_ca", "has no effect with tls_mode %s: use verify-ca or verify-full", in.TLSMode)
}

func validCA(pem string) error {
	if pem == "" {
		return nil
	}
	if len(pem) > maxCARunes {
		return invalid.Field("tls_ca", "must not be longer than %d bytes", maxCARunes)
	}
	if strings.ContainsRune(pem, 0) {
		return invalid.Field("tls_ca", "must not contain NUL")
	}
	if !x509.NewCertPool().AppendCertsFromPEM([]byte(pem)) {
		return invalid.Field("tls_ca", "holds no PEM certificate")
	}
	return nil
}

// Validate reports every fault of what a person entered as joined *invalid.Error.
func (c Credential) Validate() error {
	return errors.Join(
		validName(c.Name),
		invalid.Text("username", c.Username, 200),
	)
}
