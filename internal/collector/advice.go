package collector

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
)

// What to change where no handshake says it. Each begins with the field of the
// instance.
const (
	// NoTLS is for a server that does not speak TLS.
	NoTLS = "tls_mode: the server offers no TLS"
	// NotShown is for a server that asks for the password itself, in a mode in
	// which nobody has checked who it is.
	NotShown = "tls_mode: the server asks for the password itself, which only a server that was checked is given: " +
		"use verify-full or verify-ca"
)

// TLSAdvice returns what to change after a handshake that has failed with err.
// It begins with the field of the instance.
func TLSAdvice(err error) string {
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return nameAdvice(e.Certificate)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "tls_ca: the certificate is not valid at this time; renew it on the server"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "tls_ca: the certificate is not signed by a known authority"
	}
	return "tls_mode: the server does not complete a handshake with TLS 1.2 or newer"
}

// nameAdvice knows that servers which make their certificates themselves leave
// out the names.
func nameAdvice(c *x509.Certificate) string {
	if c != nil && len(c.DNSNames) == 0 && len(c.IPAddresses) == 0 {
		return "tls_mode: the certificate has no name that could be checked: use verify-ca"
	}
	return "tls_server_name: the certificate is for another name"
}

// IsAlert reports whether one side has ended a connection in the words of TLS,
// which a server may do when the handshake looks complete from here.
func IsAlert(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && (e.Op == "remote error" || e.Op == "local error")
}
