package main

import (
	"context"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"tollbook/client"
)

func (a *app) walletsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "wallets", Short: "Show credit put in, what usage drew from it and how long it will last", Args: args(),
		Example: examples(`
  tollbook wallets --organization acme
  tollbook wallets --account 5ea75fe7aa224700012eae40 --months
  tollbook wallets --output csv > wallets.csv`),
		Long: `Shows the wallets of the client's organization; an operator sees all. Usage
comes from the credit first; what that does not cover is charged. The burn rate
is what was used in the month before and in this one, by the day.`,
	}
	f := cmd.Flags()
	organization := f.String("organization", "", "id of an organization")
	accounts := f.StringSlice("account", nil, "ids of accounts")
	months := f.Bool("months", false, "month by month")
	output := outputFlag(cmd, asTable, asJSON, asCSV)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := oneOf("output", *output, asTable, asJSON, asCSV); err != nil {
			return err
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		return a.printWallets(*output, *months, walletsOf(cmd.Context(), c, *organization, *accounts))
	}
	return cmd
}

// walletsOf yields the wallets of some accounts, or of all.
func walletsOf(ctx context.Context, c *client.Client, organizationID string, accountIDs []string) iter.Seq2[client.Wallet, error] {
	if len(accountIDs) == 0 {
		accountIDs = []string{""}
	}
	return func(yield func(client.Wallet, error) bool) {
		for _, id := range accountIDs {
			for w, err := range c.Wallets(ctx, client.WalletQuery{OrganizationID: organizationID, AccountID: id}) {
				if !yield(w, err) || err != nil {
					return
				}
			}
		}
	}
}

// walletRow is a wallet, or one of its months.
type walletRow struct {
	wallet client.Wallet
	month  client.WalletMonth
}

func (a *app) printWallets(output string, months bool, wallets iter.Seq2[client.Wallet, error]) error {
	if output == asJSON {
		return printJSONArray(a.stdout, wallets)
	}
	columns, cells := walletColumns(), walletCells
	if months {
		columns, cells = walletMonthColumns(), walletMonthCells
	}
	rows := walletRows(months, wallets)
	if output == asCSV {
		return printCSV(a.stdout, columns, rows, cells)
	}
	var table [][]string
	for row, err := range rows {
		if err != nil {
			return err
		}
		table = append(table, cells(&row))
	}
	if len(table) == 0 {
		a.say("There are no wallets.")
		return nil
	}
	a.printTable("", columns, table)
	return nil
}

func walletRows(months bool, wallets iter.Seq2[client.Wallet, error]) iter.Seq2[walletRow, error] {
	return func(yield func(walletRow, error) bool) {
		for w, err := range wallets {
			if err != nil || !months {
				if !yield(walletRow{wallet: w}, err) || err != nil {
					return
				}
				continue
			}
			for _, m := range w.Months {
				if !yield(walletRow{w, m}, nil) {
					return
				}
			}
		}
	}
}

func walletColumns() []column {
	return append(left("organization_id", "account_id", "wallet_name", "currency"),
		column{"balance", true}, column{"put_in", true}, column{"drawn", true}, column{"charged", true}, column{"burn_rate_per_day", true}, column{"exhausted_at", false})
}

func walletCells(r *walletRow) []string {
	w := &r.wallet
	exhausted := ""
	if w.ExhaustedAt != nil {
		exhausted = w.ExhaustedAt.Format(time.RFC3339)
	}
	return []string{w.OrganizationID, w.AccountID, orEmpty(w.WalletName), w.Currency, w.Balance.String(), w.PutIn.String(), w.Drawn.String(), w.Charged.String(), w.BurnRatePerDay.String(), exhausted}
}

func walletMonthColumns() []column {
	return append(left("account_id", "wallet_name", "currency", "month"),
		column{"carried_over", true}, column{"put_in", true}, column{"used", true}, column{"drawn", true}, column{"charged", true}, column{"balance", true})
}

func walletMonthCells(r *walletRow) []string {
	w, m := &r.wallet, &r.month
	return []string{w.AccountID, orEmpty(w.WalletName), w.Currency, m.Month.String(), m.CarriedOver.String(), m.PutIn.String(), m.Used.String(), m.Drawn.String(), m.Charged.String(), m.Balance.String()}
}
