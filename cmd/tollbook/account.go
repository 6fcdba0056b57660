package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tollbook/client"
)

func (a *app) accountCommand() *cobra.Command {
	col := collection{name: client.Accounts, noun: "account", article: "an", id: "ID", columns: left("id", "organization_id", "name", "company_name", "status", "time_zone", "rate_card_id")}
	return a.commands(col, "Define accounts of organizations", `
  tollbook account create 5ea75fe7aa224700012eae40 --organization acme --name Acme --time-zone Europe/Lisbon
  tollbook account change 5ea75fe7aa224700012eae40 --rate-card special
  tollbook account list --output csv`,
		defineCommands(a, col, "5ea75fe7aa224700012eae40 --organization acme --name Acme --time-zone Europe/Lisbon", func(f *pflag.FlagSet, s *client.AccountSpec) {
			f.StringVar(&s.OrganizationID, "organization", "", "the organization that it belongs to, for ever")
			f.StringVar(&s.Name, "name", "", "its name")
			f.StringVar(&s.CompanyName, "company-name", "", "the name of its company")
			f.StringVar(&s.Status, "status", "ACTIVE", "its status, such as ACTIVE, IN_TRIAL or CHURNED")
			f.StringVar(&s.TimeZone, "time-zone", "UTC", "IANA time zone that its months are in; a change holds from its next month")
			f.Var(nullable{&s.RateCardID}, "rate-card", "its own card, in place of its organization's")
		})...)
}
