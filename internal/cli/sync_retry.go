package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

// retryFlags are those of sync retry.
type retryFlags struct {
	scope             *choice
	status            []string
	code, fingerprint string
	watch             bool
}

func (a *app) syncRetryCommand() *cobra.Command {
	var f retryFlags
	cmd := a.command("retry SESSION", "Sync the failed or cancelled instances of a sync again", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.retrySync(ctx, args[0], &f) })
	cmd.Long = "Starts a new sync of those instances of an ended one that failed, or were\ncancelled.\n\n" + watchHelp
	f.scope = choiceFlag(cmd, "scope", "", "which instances, failed if not said",
		words(client.RetryRequestScopeFailed, client.RetryRequestScopeCancelled)...)
	cmd.Flags().StringSliceVar(&f.status, "status", nil, "the same for several `STATES`: failed, cancelled, skipped")
	cmd.Flags().StringVar(&f.code, "code", "", "only those that failed with this `CODE`")
	cmd.Flags().StringVar(&f.fingerprint, "fingerprint", "", "only failures of this `KIND`; sync errors shows them")
	cmd.Flags().BoolVarP(&f.watch, "watch", "w", false, "watch it until it ends")
	return cmd
}

func (a *app) retrySync(ctx context.Context, named string, f *retryFlags) error {
	if f.scope.value != "" && len(f.status) > 0 {
		return usagef("--status stands for --scope: give one of them")
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findSession(ctx, named)
	if err != nil {
		return err
	}
	body := client.RetryRequest{
		Scope: given[client.RetryRequestScope](f.scope), Code: optional(f.code), Fingerprint: optional(f.fingerprint),
		Status: wordList[client.RetryRequestStatus](f.status),
	}
	made, err := read[client.SyncSession](c.RetrySyncSessionWithResponse(ctx, id, body))
	if err != nil {
		return nothingToRetry(err)
	}
	return a.follow(ctx, c, made, f.watch)
}

// nothingToRetry says of a retry what the API calls an empty selection. Any
// other error it returns as it is.
func nothingToRetry(err error) error {
	var refused *refusal
	if !errors.As(err, &refused) || refused.problem.Code != "empty_selection" {
		return err
	}
	renamed := *refused
	detail := "There is nothing to retry: no instance that is still active ended so in that sync"
	renamed.problem.Detail = &detail
	return &renamed
}
