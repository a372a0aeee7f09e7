package account_test

import (
	"time"

	"pgregory.net/rapid"

	"github.com/dbfleet/dbfleet/internal/account"
)

// The generators draw from few names, so that keys meet each other often.

func identities() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"10", "16384", "16385", "público", "a b"})
}

func flags() *rapid.Generator[*bool] { return rapid.Ptr(rapid.Bool(), true) }

func memberships() *rapid.Generator[account.Membership] {
	return rapid.Custom(func(t *rapid.T) account.Membership {
		return account.Membership{
			Role: identities().Draw(t, "role"), Grantor: identities().Draw(t, "grantor"), Admin: rapid.Bool().Draw(t, "admin"),
			Inherit: flags().Draw(t, "inherit"), Set: flags().Draw(t, "set"), Default: flags().Draw(t, "default"),
		}
	})
}

func grants() *rapid.Generator[account.Grant] {
	return rapid.Custom(func(t *rapid.T) account.Grant {
		privileges := rapid.SliceOfN(rapid.SampledFrom([]string{"SELECT", "INSERT", "UPDATE", "USAGE"}), 1, 3).Draw(t, "privileges")
		return account.Grant{
			Type:       rapid.SampledFrom([]string{"table", "schema", "database"}).Draw(t, "type"),
			Database:   rapid.SampledFrom([]string{"", "app", "shop"}).Draw(t, "database"),
			Object:     rapid.SampledFrom([]string{"o", "O", `"; DROP`}).Draw(t, "object"),
			Privileges: privileges,
			Grantable:  privileges[:rapid.IntRange(0, len(privileges)).Draw(t, "grantable")],
			Grantor:    rapid.SampledFrom([]string{"", "10"}).Draw(t, "grantor"),
			Source:     rapid.SampledFrom([]account.Source{account.Explicit, account.Owner}).Draw(t, "source"),
			Effect:     rapid.SampledFrom([]account.Effect{account.Granted, account.Revoked}).Draw(t, "effect"),
		}
	})
}

func attributes() *rapid.Generator[map[string]any] {
	value := rapid.OneOf(
		rapid.String().AsAny(), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.Int32().AsAny(), rapid.Float64().AsAny(),
		rapid.SliceOf(rapid.String()).AsAny(), rapid.Just(any(nil)),
	)
	return rapid.MapOf(rapid.SampledFrom([]string{"conn_limit", account.AttributeSettings, "inherit", "x\x00"}), value)
}

func accounts() *rapid.Generator[account.Account] {
	return rapid.Custom(func(t *rapid.T) account.Account {
		return account.Account{
			Identity: "16384", Name: rapid.SampledFrom([]string{"ann", "Ann", "\xff"}).Draw(t, "name"),
			Host:   rapid.SampledFrom([]string{"", "%"}).Draw(t, "host"),
			Kind:   rapid.SampledFrom([]account.Kind{account.User, account.Role}).Draw(t, "kind"),
			System: rapid.Bool().Draw(t, "system"), CanLogin: rapid.Bool().Draw(t, "login"), Superuser: rapid.Bool().Draw(t, "super"),
			ValidUntil:  rapid.Ptr(moments(), true).Draw(t, "valid until"),
			Attributes:  attributes().Draw(t, "attributes"),
			Memberships: rapid.SliceOfN(memberships(), 0, 5).Draw(t, "memberships"),
			Grants:      rapid.SliceOfN(grants(), 0, 8).Draw(t, "grants"),
		}
	})
}

func moments() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		zone := time.FixedZone("", rapid.IntRange(-12, 12).Draw(t, "zone")*3600)
		return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).In(zone)
	})
}

func gaps() *rapid.Generator[account.Gap] {
	return rapid.Custom(func(t *rapid.T) account.Gap {
		return account.Gap{
			Database: rapid.SampledFrom([]string{"", "app", "shop"}).Draw(t, "database"),
			Type: rapid.SampledFrom([]string{
				"", "table", "schema", "database", account.GapAccounts, account.GapMemberships, account.GapSettings,
			}).Draw(t, "type"),
		}
	})
}
