package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) apiCommand() *cobra.Command {
	return group("api", "Ask the API directly", `
  tollbook api GET '/express/usage/month?per_page=5'`, a.apiGetCommand())
}

func (a *app) apiGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "GET PATH", Aliases: []string{"get"}, Short: "Print what a path answers", Args: args("PATH"),
		Example: examples(`
  tollbook api GET /express/accounts
  tollbook api GET '/express/usage/month?per_page=250' --paginate | jq -r '._embedded.usage[].id'`),
		Long: `Prints the body that a GET of the path answers, with a token as all commands
send it. With --paginate the pages that follow are printed as well, one after
the other.`,
	}
	paginate := cmd.Flags().Bool("paginate", false, "follow next to the last page")
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := r.connect()
		if err != nil {
			return err
		}
		for body, err := range c.Pages(cmd.Context(), args[0]) {
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintln(a.stdout, strings.TrimRight(string(body), "\n")); err != nil {
				return err
			}
			if !*paginate {
				return nil
			}
		}
		return nil
	}
	return cmd
}
