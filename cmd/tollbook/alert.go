package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tollbook"
	"tollbook/client"
	"tollbook/decimal"
)

func (a *app) alertCommand() *cobra.Command {
	col := collection{name: client.Alerts, noun: "alert", article: "an", id: "ID",
		columns: append(left("id", "organization_id", "account_id", "each_account", "kind", "wallet_name"), column{"threshold", true}, column{"currency", false}, column{"disabled", false}, column{"url", false})}
	return a.commands(col, "Define thresholds, and whom to tell when they are crossed", `
  tollbook alert create low --organization acme --kind wallet_balance --wallet 'contact center' --currency USD --threshold 50 --receiver https://receiver.example.com/tollbook
  tollbook alert test low
  tollbook alert change low --threshold 100
  tollbook alert rotate-secret low
  tollbook deliveries --alert low`,
		append(defineCommands(a, col, "low --organization acme --kind wallet_balance --currency USD --threshold 50 --receiver https://receiver.example.com/tollbook", alertFlags),
			a.alertDeleteCommand(), a.alertRotateCommand(), a.alertTestCommand())...)
}

func alertFlags(f *pflag.FlagSet, s *client.AlertSpec) {
	f.StringVar(&s.OrganizationID, "organization", "", "the organization that it belongs to, for ever")
	f.Var(nullable{&s.AccountID}, "watch-account", "the account that it watches (default: the sum of all)")
	f.BoolVar(&s.EachAccount, "each-account", false, "watch each account by itself")
	f.StringVar(&s.Kind, "kind", "", "what it watches: "+strings.Join(tollbook.AlertKinds(), ", "))
	f.Var(nullable{&s.WalletName}, "wallet", "the wallet's name, of a "+tollbook.AlertWalletBalance)
	f.StringVar(&s.Currency, "currency", "", "the currency, such as USD")
	f.Var(nullableNumber{&s.Threshold}, "threshold", "a balance, from which on down it fires; else an amount or a percentage, from which on up")
	f.StringVar(&s.URL, "receiver", "", "the address that is told")
	f.BoolVar(&s.Disabled, "disabled", false, "neither fire nor tell")
}

// nullableNumber is the value of a flag for a number that may be left out.
type nullableNumber struct{ to **decimal.Decimal }

func (n nullableNumber) String() string {
	if n.to == nil || *n.to == nil {
		return ""
	}
	return (*n.to).String()
}

func (n nullableNumber) Set(s string) error {
	d, err := decimal.Parse(s, tollbook.MaxIntDigits, tollbook.MaxFracDigits)
	if err == nil {
		*n.to = &d
	}
	return err
}

func (n nullableNumber) Type() string { return "number" }

// alertCallCommand returns a command that does one thing with an alert.
func (a *app) alertCallCommand(use, short, long string, call func(ctx context.Context, c *client.Client, id string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use + " ID", Short: short, Long: long, Args: args("ID"), Example: "  tollbook alert " + use + " low"}
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := r.connect()
		if err != nil {
			return err
		}
		return call(cmd.Context(), c, args[0])
	}
	return cmd
}

func (a *app) alertDeleteCommand() *cobra.Command {
	return a.alertCallCommand("delete", "Delete an alert", "Deletes an alert: it fires no more, and its receiver is told nothing more.",
		func(ctx context.Context, c *client.Client, id string) error {
			err := c.DeleteAlert(ctx, id)
			if err == nil {
				a.say("Deleted %s.", id)
			}
			return err
		})
}

func (a *app) alertRotateCommand() *cobra.Command {
	return a.alertCallCommand("rotate-secret", "Give an alert another secret and print it", `Gives an alert another secret, which is shown this once. For a day messages are
signed with the one before as well.`,
		func(ctx context.Context, c *client.Client, id string) error {
			secret, err := c.RotateAlertSecret(ctx, id)
			if err != nil {
				return err
			}
			return a.printJSON(secret)
		})
}

func (a *app) alertTestCommand() *cobra.Command {
	return a.alertCallCommand("test", "Send an alert's receiver a test", `Has the server send an alert's receiver a message that says it is a test, and
prints what came of it. Fails where the receiver did not take it.`,
		func(ctx context.Context, c *client.Client, id string) error {
			t, err := c.TestAlert(ctx, id)
			if err != nil {
				return err
			}
			if err := a.printJSON(t); err != nil || t.Received {
				return err
			}
			return failedSilently()
		})
}
