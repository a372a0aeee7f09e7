package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/dbfleet/dbfleet/client"
	"github.com/dbfleet/dbfleet/internal/cli"
)

// How many instances of the fleet share a target server.
const (
	rows      = 120 // each PostgreSQL
	mariaRows = 60  // the MariaDB
)

const callTime = 10 * time.Second

// register adds two credentials and the fleet: rows of alpha, beta and gamma, and
// one instance whose password is wrong.
func (d *demo) register(ctx context.Context) error {
	d.say("Registering %d instances on the three servers, and one with a wrong password …", 2*rows+mariaRows)
	api, err := client.NewClientWithResponses(d.api+"/api/v1",
		client.WithHTTPClient(&http.Client{Timeout: callTime}),
		client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+d.token)
			return nil
		}))
	if err != nil {
		return fmt.Errorf("make API client: %w", err)
	}
	good, err := addCredential(ctx, api, "demo", d.servers.password)
	if err != nil {
		return err
	}
	bad, err := addCredential(ctx, api, "demo-wrong-password", "not the password")
	if err != nil {
		return err
	}
	for _, server := range []struct {
		name   string
		engine client.Engine
		port   int
		rows   int
	}{
		{"alpha", client.EnginePostgresql, d.servers.alpha.Port(), rows},
		{"beta", client.EnginePostgresql, d.servers.beta.Port(), rows},
		{"gamma", client.EngineMysql, d.servers.gamma.Port(), mariaRows},
	} {
		for i := range server.rows {
			name, rack := fmt.Sprintf("%s-%03d", server.name, i+1), fmt.Sprintf("%s-rack-%02d", server.name, i/8+1)
			if err := addInstance(ctx, api, name, server.engine, server.port, good, rack); err != nil {
				return err
			}
		}
	}
	return addInstance(ctx, api, "beta-wrong-password", client.EnginePostgresql, d.servers.beta.Port(), bad, "beta-rack-99")
}

func addCredential(ctx context.Context, api *client.ClientWithResponses, name, password string) (int64, error) {
	answer, err := api.CreateCredentialWithResponse(ctx, client.CredentialCreate{
		Name: name, Username: targetUser, Password: &password,
	})
	if err != nil {
		return 0, fmt.Errorf("add credential %s: %w", name, err)
	}
	if answer.JSON201 == nil {
		return 0, fmt.Errorf("add credential %s: %s %s", name, answer.Status(), answer.Body)
	}
	return answer.JSON201.Id, nil
}

func addInstance(
	ctx context.Context, api *client.ClientWithResponses, name string, engine client.Engine, port int, credential int64, hostKey string,
) error {
	mode := client.TLSModeDisable // the demo's servers have no certificates; nothing leaves this machine
	for {
		answer, err := api.CreateInstanceWithResponse(ctx, client.InstanceCreate{
			Name: name, Engine: engine, Host: "127.0.0.1", Port: &port, CredentialId: credential,
			HostKey: &hostKey, TlsMode: &mode, Tags: &[]string{"demo"},
		})
		switch {
		case err != nil:
			return fmt.Errorf("add instance %s: %w", name, err)
		case answer.JSON201 != nil:
			return nil
		case answer.StatusCode() != http.StatusTooManyRequests:
			return fmt.Errorf("add instance %s: %s %s", name, answer.Status(), answer.Body)
		}
		if err := pause(ctx, retryPause); err != nil {
			return err
		}
	}
}

// retryPause is how long the demo waits when it has asked the API too often.
const retryPause = time.Second

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// sync starts a session over the fleet and watches it. One instance fails on
// purpose, so that an end which is not a full success is fine.
func (d *demo) sync(ctx context.Context) error {
	err := d.command(ctx, "sync", "start", "--all", "--watch")
	if errors.Is(err, errEndedOtherwise) {
		return nil
	}
	return err
}

// showAccount shows one account of one instance by name.
func (d *demo) showAccount(ctx context.Context, instance, name string) error {
	var found struct {
		Items []struct {
			ID int64 `json:"id"`
		} `json:"items"`
	}
	raw, err := d.capture(ctx, "--json", "account", "list", "--instance", instance, "--name", name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &found); err != nil || len(found.Items) == 0 {
		return fmt.Errorf("find account %s of %s: %d found: %w", name, instance, len(found.Items), err)
	}
	return d.command(ctx, "account", "show", fmt.Sprint(found.Items[0].ID))
}

// errEndedOtherwise is the command line's exit code 1.
var errEndedOtherwise = errors.New("ended, but not with a full success")

// command runs one command line as a user of the demo would.
func (d *demo) command(ctx context.Context, args ...string) error {
	return d.run(ctx, d.std, args)
}

func (d *demo) run(ctx context.Context, std cli.Streams, args []string) error {
	std.Env = d.userEnv
	std.Err = quietAfter{ctx, std.Err}
	switch code := cli.Run(ctx, args, std, d.local(d.env)); code {
	case 0:
		return nil
	case 1:
		return errEndedOtherwise
	default:
		return fmt.Errorf("dbfleet %v exited with %d", args, code)
	}
}

// quietAfter drops what a command says of its own interruption: that a sync
// goes on is not true in a demo that stops everything.
type quietAfter struct {
	ctx context.Context //nolint:containedctx // an io.Writer is given none
	to  io.Writer
}

// Write passes p on until the context has ended.
func (q quietAfter) Write(p []byte) (int, error) {
	if q.ctx.Err() == nil {
		return q.to.Write(p)
	}
	return len(p), nil
}

// userEnv is the environment of somebody who uses the demo.
func (d *demo) userEnv(name string) string {
	switch name {
	case "DBFLEET_API_URL":
		return d.api
	case "DBFLEET_TOKEN":
		return d.token
	}
	return d.std.Env(name)
}

// capture runs one command line and returns what it printed.
func (d *demo) capture(ctx context.Context, args ...string) ([]byte, error) {
	var out bytes.Buffer
	std := d.std
	std.Out = &out
	err := d.run(ctx, std, args)
	return out.Bytes(), err
}
