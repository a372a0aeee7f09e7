package cli

import (
	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) syncCommand() *cobra.Command {
	return a.group("sync", "Start, watch, cancel and retry syncs",
		a.syncStartCommand(), a.syncWatchCommand(), a.syncListCommand(), a.syncShowCommand(),
		a.syncRecordsCommand(), a.syncErrorsCommand(), a.syncStatsCommand(), a.syncCancelCommand(), a.syncRetryCommand())
}

func categories() []string {
	return words(client.CategoryAccount, client.CategoryCapacity, client.CategoryConfig, client.CategoryAggregation, client.CategoryOther)
}

// ended reports whether nothing of a session will change any more.
func ended(s client.SyncSession) bool {
	switch s.Status {
	case client.SessionStatusRunning, client.SessionStatusCancelling:
		return false
	case client.SessionStatusCompleted, client.SessionStatusFailed, client.SessionStatusCancelled:
		return true
	}
	return s.CompletedAt != nil // a status that this program does not know
}

// settled is how many records of a session have ended.
func settled(c client.Counts) int { return c.Completed + c.Failed + c.Cancelled + c.Skipped }

// outcome is the result of a session that has ended, its status before that.
func outcome(s client.SyncSession) string {
	if s.Result != nil {
		return string(*s.Result)
	}
	return string(s.Status)
}
