package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"github.com/dbfleet/dbfleet/internal/fleet"
)

// targetTLS returns nil for a connection without TLS.
func targetTLS(t fleet.Target) (*tls.Config, error) {
	switch t.TLSMode {
	case fleet.TLSDisable:
		return nil, nil
	case fleet.TLSVerifyFull, "":
	default:
		return nil, fmt.Errorf("tls_mode: %s is not supported yet: use verify-full or disable", t.TLSMode)
	}
	config := &tls.Config{ServerName: serverName(t), MinVersion: tls.VersionTLS12}
	if t.TLSCA != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(t.TLSCA)) {
			return nil, errors.New("tls_ca: holds no PEM certificate")
		}
	}
	return config, nil
}

func serverName(t fleet.Target) string {
	if t.TLSServerName != "" {
		return t.TLSServerName
	}
	return strings.TrimSuffix(t.Host, ".")
}

// tlsAdvice names the field of the instance to change.
func tlsAdvice(err error) string {
	if errors.Is(err, driver.ErrNoTLS) {
		return "tls_mode: the server offers no TLS"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "tls_server_name: the certificate is for another name"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "tls_ca: the certificate is not valid at this time; renew it on the server"
	}
	if isCertificateError(err) {
		return "tls_ca: the certificate is not signed by a known authority"
	}
	return "tls_mode: the server does not complete a handshake with TLS 1.2 or newer"
}

func isCertificateError(err error) bool {
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	return unverified
}
