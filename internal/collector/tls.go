package collector

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/dbfleet/dbfleet/internal/fleet"
)

// TLSConfig returns how to speak TLS with t; nil means not at all, and only
// fleet.TLSDisable has it. A handshake with it fails, before anything else is
// sent, unless the server proves what the mode of t asks for:
//
//   - verify-full: a certificate for the name, signed by the authority, valid now
//   - verify-ca: a certificate signed by the authority, valid now
//   - require: nothing; whoever answers is talked to
//
// The authority is that of t, or else one of the system's. The name is asked for
// in every mode, because a server may have several certificates. The error
// begins with the field of the instance to change.
func TLSConfig(t fleet.Target) (*tls.Config, error) {
	if t.TLSMode == fleet.TLSDisable {
		return nil, nil
	}
	config := &tls.Config{ServerName: serverName(t), MinVersion: tls.VersionTLS12}
	switch t.TLSMode {
	case fleet.TLSVerifyFull, fleet.TLSVerifyCA, "":
		roots, err := authority(t)
		if err != nil {
			return nil, err
		}
		config.RootCAs = roots
		if t.TLSMode == fleet.TLSVerifyCA {
			config.InsecureSkipVerify = true // checkChain does the rest of it
			config.VerifyConnection = checkChain(roots)
		}
	case fleet.TLSRequire:
		config.InsecureSkipVerify = true
	default:
		return nil, fmt.Errorf("tls_mode: unknown mode %q", string(t.TLSMode))
	}
	return config, nil
}

// authority returns nil for the system's.
func authority(t fleet.Target) (*x509.CertPool, error) {
	if t.TLSCA == "" {
		return nil, nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(t.TLSCA)) {
		return nil, errors.New("tls_ca: holds no PEM certificate")
	}
	return roots, nil
}

func serverName(t fleet.Target) string {
	if t.TLSServerName != "" {
		return t.TLSServerName
	}
	return strings.TrimSuffix(t.Host, ".")
}

// checkChain does what crypto/tls does by itself, but for the name. As
// VerifyConnection it runs for resumed sessions too.
func checkChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return &tls.CertificateVerificationError{Err: errors.New("the server has shown no certificate")}
		}
		between := x509.NewCertPool()
		for _, c := range s.PeerCertificates[1:] {
			between.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
		if err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
		}
		return nil
	}
}
