package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbfleet/dbfleet/client"
)

func (a *app) accountShowCommand() *cobra.Command {
	var instance, at string
	cmd := a.command("show (ID | NAME --instance INSTANCE)", "Show an account with its memberships and privileges", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return a.showAccount(ctx, args[0], instance, at) })
	ownerFlag(cmd, &instance)
	momentFlag(cmd, &at, "at", "show it as it was at this `TIME`")
	return cmd
}

// ownerFlag adds --instance to a command about one account.
func ownerFlag(cmd *cobra.Command, instance *string) {
	cmd.Flags().StringVar(instance, "instance", "", "the account is named, on this `INSTANCE`, by name or id")
}

func (a *app) showAccount(ctx context.Context, named, instance, when string) error {
	at, err := a.moment("at", when)
	if err != nil {
		return err
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	id, err := c.findAccount(ctx, named, instance)
	if err != nil {
		return err
	}
	got, err := read[client.AccountDetail](c.GetAccountWithResponse(ctx, id, &client.GetAccountParams{At: at}))
	if err != nil {
		return err
	}
	return show(a, got, func(v client.AccountDetail) {
		a.describeAccount(v)
		a.describeAttributes(v.Attributes)
		a.describeMemberships(v.Memberships, v.Names)
		a.describePath(v.SuperuserPath, accountName(v.Name, v.Host))
		a.describeScopes(v.Scopes, v.Names)
		a.out.printf("\nHistory: dbfleet account history %d\n", id)
	})
}

func (a *app) describeAccount(v client.AccountDetail) {
	a.out.printf("Account %d: %s on %s\n", v.Id, accountName(v.Name, v.Host), v.InstanceName)
	t := &table{indent: 2}
	if v.AsOf != nil {
		t.add("as it was", a.when(v.AsOf))
	}
	kind := string(v.Kind)
	if v.System {
		kind += ", made by the server itself"
	}
	t.add("kind", kind)
	t.add("identity", v.Identity)
	t.add("can log in", yesNo(v.CanLogin))
	if v.Locked {
		t.add("locked", yesNo(v.Locked))
	}
	t.add("superuser", superuserWord(v))
	t.add("valid until", a.validUntil(v.ValidUntil))
	t.add("first seen", a.when(&v.FirstSeenAt))
	t.add("last seen", a.when(&v.LastSeenAt))
	if v.DeletedAt != nil {
		t.add("gone since", a.when(v.DeletedAt))
	}
	if v.ReplacedAt != nil {
		t.add("replaced", a.when(v.ReplacedAt)+", when another server took the place of its own")
	}
	a.facts(t)
}

func superuserWord(v client.AccountDetail) string {
	if !v.Superuser && v.SuperuserPath != nil {
		return "no, but it can become one"
	}
	return yesNo(v.Superuser)
}

// describePath prints how an account that is no superuser becomes one.
func (a *app) describePath(path *[]client.SuperuserStep, name string) {
	if path == nil || len(*path) == 0 {
		return
	}
	a.out.printf("\nWay to the superuser's rights\n")
	t := &table{indent: 2}
	for _, step := range *path {
		role := accountName(step.Name, step.Host)
		t.add(name, "may take on "+role, stepOptions(step))
		name = role
	}
	t.add(name, "is a superuser", "")
	a.out.write(t.render(0))
}

func stepOptions(step client.SuperuserStep) string {
	var options string
	if step.Membership != nil {
		options = membershipOptions(*step.Membership)
	}
	switch {
	case step.Everybody:
		return "(as everybody may)"
	case options == "":
		return ""
	}
	return "(" + options + ")"
}

func (a *app) describeAttributes(attributes map[string]any) {
	if len(attributes) == 0 {
		return
	}
	t := &table{indent: 2}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		t.add(key, shownValue(attributes[key]))
	}
	a.out.write("\nAttributes\n")
	a.facts(t)
}

// shownValue is a value of JSON as a person writes it.
func shownValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		return orDash(v)
	case bool:
		return yesNo(v)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func (a *app) describeMemberships(memberships []client.Membership, names roleNames) {
	if len(memberships) == 0 {
		return
	}
	t := &table{header: []string{"ROLE", "OPTIONS", "GRANTED BY"}, indent: 2}
	for _, m := range memberships {
		t.add(names.of(m.Role), orDash(membershipOptions(m)), names.maybe(m.Grantor))
	}
	a.out.write("\nMember of\n" + t.render(0))
}

func membershipOptions(m client.Membership) string {
	var options []string
	for _, option := range []struct {
		on   *bool
		word string
	}{{m.Admin, "admin"}, {m.Inherit, "inherit"}, {m.Set, "set"}, {m.Default, "default"}} {
		if option.on != nil && *option.on {
			options = append(options, option.word)
		}
	}
	return strings.Join(options, ", ")
}

// roleNames turns identities of one server's accounts into their names, as the
// API sends them along.
type roleNames map[string]string

// of returns the name, or the identity where no name came.
func (n roleNames) of(identity string) string {
	if name, ok := n[identity]; ok {
		return name
	}
	return "#" + identity
}

func (n roleNames) maybe(identity *string) string {
	if text(identity) == "" {
		return "-"
	}
	return n.of(*identity)
}
