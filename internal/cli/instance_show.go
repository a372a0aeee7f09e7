package cli

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) instanceShowCommand() *cobra.Command {
	return a.command("show NAME|ID", "Show a server with its login and TLS", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.showInstance(ctx, args[0]) })
}

func (a *app) showInstance(ctx context.Context, named string) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findInstance(ctx, named)
	if err != nil {
		return err
	}
	in, err := read[client.Instance](c.GetInstanceWithResponse(ctx, id))
	if err != nil {
		return err
	}
	if a.json {
		a.out.json(in.raw)
		return nil
	}
	login, err := read[client.Credential](c.GetCredentialWithResponse(ctx, in.value.CredentialId))
	if err != nil {
		return err
	}
	a.describeInstance(in.value, login.value)
	return nil
}

func (a *app) describeInstance(v client.Instance, login client.Credential) {
	a.out.printf("Instance %d: %s\n", v.Id, v.Name)
	t := &table{indent: 2}
	t.add("engine", strings.TrimSpace(string(v.Engine)+" "+v.Version))
	t.add("address", net.JoinHostPort(v.Host, strconv.Itoa(v.Port)))
	t.add("database", orDefault(v.Database, "the engine's own"))
	t.add("credential", login.Name+", id "+number(login.Id)+", user "+login.Username)
	a.tlsRows(t, v)
	t.add("host key", v.HostKey)
	t.add("tags", orDash(strings.Join(v.Tags, " ")))
	t.add("active", yesNo(v.Active))
	t.add("contact", string(v.Contact))
	t.add("identity", orDash(v.Identity))
	t.add("registered", a.when(&v.CreatedAt))
	t.add("changed", a.when(&v.UpdatedAt))
	a.facts(t)
}

// tlsRows also says what the mode leaves open, and shows no more than has an
// effect in it.
func (a *app) tlsRows(t *table, v client.Instance) {
	switch v.TlsMode {
	case client.TLSModeVerifyFull:
		t.add("TLS mode", string(v.TlsMode))
	case client.TLSModeVerifyCa:
		t.add("TLS mode", string(v.TlsMode)+" (the name is not checked)")
	case client.TLSModeRequire:
		t.add("TLS mode", string(v.TlsMode)+" (encrypted; nobody checks who the server is)")
	case client.TLSModeDisable:
		t.add("TLS mode", string(v.TlsMode)+" (plain text)")
	}
	checks := v.TlsMode == client.TLSModeVerifyFull || v.TlsMode == client.TLSModeVerifyCa
	switch {
	case checks:
		a.certificateRows(t, v.TlsCa)
	case v.TlsCa != "":
		t.add("TLS CA", "kept, without effect in this mode")
	}
	if v.TlsMode != client.TLSModeDisable {
		t.add("TLS server name", orDefault(v.TlsServerName, "the host"))
	}
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise + " (default)"
	}
	return s
}

// certificateRows names the certificates of a PEM text, one on each row.
func (a *app) certificateRows(t *table, text string) {
	if text == "" {
		t.add("TLS CA", "the workers' own (default)")
		return
	}
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.add("TLS CA", "not readable: "+err.Error())
			continue
		}
		t.add("TLS CA", cert.Subject.String()+", until "+a.when(&cert.NotAfter))
	}
}
