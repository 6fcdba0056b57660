package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tollbook/client"
)

func (a *app) organizationCommand() *cobra.Command {
	col := collection{name: client.Organizations, noun: "organization", article: "an", id: "ID", columns: left("id", "name", "reseller_id", "entitled", "rate_card_id", "close_after_days")}
	return a.commands(col, "Define organizations: customers, or a reseller's customers", `
  tollbook organization create acme --name "Acme Inc" --rate-card standard
  tollbook organization create shop --name Shop --reseller-id partner-7 --entitled
  tollbook organization change shop --entitled=false
  tollbook organization list`,
		defineCommands(a, col, `acme --name "Acme Inc" --rate-card standard`, func(f *pflag.FlagSet, o *client.OrganizationSpec) {
			f.StringVar(&o.Name, "name", "", "its name")
			f.Var(nullable{&o.ResellerID}, "reseller-id", "the reseller that owns it; none: a customer's own")
			f.BoolVar(&o.Entitled, "entitled", false, "whether a reseller's organization may use the API")
			f.Var(nullable{&o.RateCardID}, "rate-card", "the card of accounts that have none of their own")
			f.Var(nullableInt{&o.CloseAfterDays}, "close-after-days", "how many days after its end a month is closed; none: only when asked")
		})...)
}
