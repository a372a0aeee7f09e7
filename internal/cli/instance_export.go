package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) instanceExportCommand() *cobra.Command {
	var f instanceFilter
	var path string
	cmd := a.command("export", "Print servers as CSV, as import takes it", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		return a.exportInstances(ctx, path, client.ExportInstancesParams{
			Engine: given[client.Engine](f.engine), TlsMode: given[client.TLSMode](f.tlsMode), Tag: optional(f.tag), Name: optional(f.name), Active: f.active.value, Deleted: optional(f.deleted),
		})
	})
	f.register(cmd)
	cmd.Flags().StringVar(&path, "output-file", "", "`FILE` to write, in place of one that is there (default: standard output)")
	return cmd
}

func (a *app) exportInstances(ctx context.Context, path string, params client.ExportInstancesParams) error {
	if a.json {
		return usagef("an export is CSV: dbfleet --json instance list --limit 0 prints JSON")
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	c.doer.http.Timeout = transferTimeout
	file, err := c.ExportInstancesWithResponse(ctx, &params)
	if err := accepted(file, err); err != nil {
		return err
	}
	if path == "" {
		a.listed = true
		a.out.csv(string(file.Body))
		return nil
	}
	if err := os.WriteFile(path, file.Body, 0o600); err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	a.listed = true // in the file
	a.err.printf("Written: %s\n", path)
	return nil
}
