package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/dbfleet/dbfleet/client"
)

// findInstance returns the id of an instance that a user named by its id or
// its name. Digits alone are an id.
func (c *api) findInstance(ctx context.Context, named string) (int64, error) {
	if isNumber(named) {
		return parseID("an instance", named)
	}
	return c.instanceID(ctx, named)
}

// instanceID returns the id of the instance of exactly that name.
func (c *api) instanceID(ctx context.Context, name string) (int64, error) {
	return findNamed("instance", name, func() (answer, error) {
		return c.ListInstancesWithResponse(ctx, &client.ListInstancesParams{ExactName: &name})
	}, func(in client.Instance) (string, int64) { return in.Name, in.Id })
}

// findNamed returns the id of the one thing of exactly that name, which ask
// asks for and of takes apart.
func findNamed[T any](what, name string, ask func() (answer, error), of func(T) (name string, id int64)) (int64, error) {
	if name == "" {
		return 0, usagef("which %s? Its name must not be empty", what)
	}
	found, err := read[list](ask())
	if err != nil {
		return 0, err
	}
	all, err := typed[T](found.value)
	if err != nil {
		return 0, err
	}
	for _, one := range all {
		if called, id := of(one); called == name {
			return id, nil
		}
	}
	return 0, fmt.Errorf("no %s is named %q: dbfleet %[1]s list shows all", what, name)
}

// findAccount returns the id of an account that a user named by its id, or by
// its name on an instance. Of one name the account that is there goes before
// those that are gone.
func (c *api) findAccount(ctx context.Context, named, instance string) (int64, error) {
	if instance == "" {
		id, err := parseID("an account", named)
		if err != nil && !isNumber(named) {
			err = fmt.Errorf("%w; a name needs --instance", err)
		}
		return id, err
	}
	on, err := c.findInstance(ctx, instance)
	if err != nil {
		return 0, err
	}
	l, err := c.accounts(ctx, 0, client.ListAccountsParams{InstanceId: &on, Name: &named, Deleted: new(true)})
	if err != nil {
		return 0, err
	}
	all, err := typed[client.Account](l)
	if err != nil {
		return 0, err
	}
	return onlyAccount(all, named, instance)
}

func onlyAccount(all []client.Account, named, instance string) (int64, error) {
	gone := func(v client.Account) bool { return v.DeletedAt != nil }
	if there := slices.DeleteFunc(slices.Clone(all), gone); len(there) > 0 {
		all = there
	}
	switch len(all) {
	case 0:
		return 0, fmt.Errorf("no account is named %q on %s: dbfleet account list --instance %s shows all", named, instance, instance)
	case 1:
		return all[0].Id, nil
	}
	found := make([]string, len(all))
	for i, v := range all {
		found[i] = fmt.Sprintf("%d (%s)", v.Id, accountName(v.Name, v.Host))
	}
	return 0, fmt.Errorf("%d accounts are named %q on %s: give the id of one, %s", len(all), named, instance, strings.Join(found, ", "))
}

// schedule returns the schedule that a user named by its id or its name. Digits
// alone are an id.
func (c *api) schedule(ctx context.Context, named string) (reply[client.Schedule], error) {
	id, err := c.findSchedule(ctx, named)
	if err != nil {
		return reply[client.Schedule]{}, err
	}
	return read[client.Schedule](c.GetScheduleWithResponse(ctx, id))
}

// findSchedule returns the id of a schedule that a user named by its id or its
// name. Digits alone are an id.
func (c *api) findSchedule(ctx context.Context, named string) (int64, error) {
	if isNumber(named) {
		return parseID("a schedule", named)
	}
	return findNamed("schedule", named, func() (answer, error) {
		return c.ListSchedulesWithResponse(ctx, &client.ListSchedulesParams{ExactName: &named})
	}, func(v client.Schedule) (string, int64) { return v.Name, v.Id })
}

// findCredential returns the id of a credential that a user named by its id or
// its name. Digits alone are an id.
func (c *api) findCredential(ctx context.Context, named string) (int64, error) {
	if isNumber(named) {
		return parseID("a credential", named)
	}
	return findNamed("credential", named, func() (answer, error) {
		return c.ListCredentialsWithResponse(ctx, &client.ListCredentialsParams{ExactName: &named})
	}, func(v client.Credential) (string, int64) { return v.Name, v.Id })
}

func isNumber(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

const (
	minPrefix      = 4   // digits of an abbreviated session id
	recentSessions = 100 // among which it is looked for
)

// findSession returns the session that a user named by its id, or by the first
// digits of the id of one of the newest sessions.
func (c *api) findSession(ctx context.Context, named string) (uuid.UUID, error) {
	if id, err := uuid.Parse(named); err == nil && len(named) == len(id.String()) {
		return id, nil
	}
	prefix := strings.ToLower(strings.TrimSuffix(named, "…")) // as a narrow table shows it
	if len(prefix) < minPrefix || strings.Trim(prefix, "0123456789abcdef-") != "" {
		return uuid.UUID{}, usagef("%q is not the id of a session: give it whole or its first digits, at least %d", named, minPrefix)
	}
	newest, err := collect(ctx, recentSessions, func(ctx context.Context, limit *int, cursor *string) (answer, error) {
		return c.ListSyncSessionsWithResponse(ctx, &client.ListSyncSessionsParams{Limit: limit, Cursor: cursor})
	})
	if err != nil {
		return uuid.UUID{}, err
	}
	sessions, err := typed[client.SyncSession](newest)
	if err != nil {
		return uuid.UUID{}, err
	}
	return onlyMatch(sessions, prefix)
}

func onlyMatch(sessions []client.SyncSession, prefix string) (uuid.UUID, error) {
	var found []uuid.UUID
	for _, s := range sessions {
		if strings.HasPrefix(s.SessionId.String(), prefix) {
			found = append(found, s.SessionId)
		}
	}
	switch len(found) {
	case 0:
		return uuid.UUID{}, fmt.Errorf("none of the newest %d sessions begins with %s: dbfleet sync list shows them", recentSessions, prefix)
	case 1:
		return found[0], nil
	}
	return uuid.UUID{}, fmt.Errorf("%d sessions begin with %s: give more digits", len(found), prefix)
}
