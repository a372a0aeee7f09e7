package cli

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

const (
	completionTime = 2 * time.Second // a person waits for the shell
	completionMost = 50              // names offered at once
)

// names asks the API for what a word may go on with.
type names func(ctx context.Context, c *api, begun string) (answer, error)

// completeNames lets the shell complete names of what the API knows: the first
// argument of every command that takes one, and flags that name an instance or
// a credential.
func completeNames(a *app, cmd *cobra.Command) {
	if ask, field := namesOf(cmd); ask != nil && cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = a.completion(ask, field, true)
	}
	for flag, ask := range map[string]names{"instance": instanceNames, "credential": credentialNames} {
		if _, has := cmd.GetFlagCompletionFunc(flag); !has && cmd.Flags().Lookup(flag) != nil {
			must(cmd.RegisterFlagCompletionFunc(flag, a.completion(ask, "name", false)))
		}
	}
	for _, sub := range cmd.Commands() {
		completeNames(a, sub)
	}
}

// namesOf tells by its usage line what the first argument of a command is.
func namesOf(cmd *cobra.Command) (names, string) {
	_, args, _ := strings.Cut(cmd.Use, " ")
	first, _, _ := strings.Cut(args, " ")
	switch {
	case first == "SESSION":
		return sessionNames, "session_id"
	case first != "NAME|ID" || cmd.Parent() == nil:
		return nil, ""
	}
	switch cmd.Parent().Name() {
	case "instance":
		return instanceNames, "name"
	case "credential":
		return credentialNames, "name"
	case "schedule":
		return scheduleNames, "name"
	}
	return nil, ""
}

func instanceNames(ctx context.Context, c *api, begun string) (answer, error) {
	return c.ListInstancesWithResponse(ctx, &client.ListInstancesParams{Name: optional(begun), Limit: new(completionMost)})
}

func scheduleNames(ctx context.Context, c *api, begun string) (answer, error) {
	return c.ListSchedulesWithResponse(ctx, &client.ListSchedulesParams{Name: optional(begun), Limit: new(completionMost)})
}

func credentialNames(ctx context.Context, c *api, _ string) (answer, error) {
	return c.ListCredentialsWithResponse(ctx, &client.ListCredentialsParams{Limit: new(maxPage)})
}

func sessionNames(ctx context.Context, c *api, _ string) (answer, error) {
	return c.ListSyncSessionsWithResponse(ctx, &client.ListSyncSessionsParams{Limit: new(completionMost)})
}

// completion offers what is in a field of the items that ask finds. It says
// nothing when the API cannot be asked in time: the user is in the middle of a line.
func (a *app) completion(ask names, field string, firstOnly bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		const noFiles = cobra.ShellCompDirectiveNoFileComp
		if firstOnly && len(args) > 0 {
			return nil, noFiles
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		c, err := a.connect()
		if err != nil {
			return nil, noFiles
		}
		page, err := read[list](ask(ctx, c, begun))
		if err != nil {
			return nil, noFiles
		}
		return beginning(page.value.Items, field, begun), noFiles
	}
}

// beginning returns the texts of a field that begin so. What a shell
// would want in quotes is left out.
func beginning(items []json.RawMessage, field, begun string) []cobra.Completion {
	var found []cobra.Completion
	for _, raw := range items {
		var item map[string]any
		if json.Unmarshal(raw, &item) != nil {
			continue
		}
		name, _ := item[field].(string)
		if name != "" && shellWord(name) == name && strings.HasPrefix(name, begun) && len(found) < completionMost {
			found = append(found, name)
		}
	}
	return found
}
