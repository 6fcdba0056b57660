package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/client"
)

func (a *app) clientCommand() *cobra.Command {
	col := collection{name: client.Clients, noun: "client", article: "a", id: "CLIENT-ID",
		columns: left("client_id", "organization_id", "name", "scopes", "external_id", "created_at", "revoked_at")}
	return a.commands(col, "Define OAuth clients, and revoke them", `
  tollbook client create --organization acme --name reports
  tollbook client create --organization acme --name feed --scope usage-events:write --jwks feed.jwks
  tollbook client create --name second-operator
  tollbook client revoke client-id-1`,
		a.clientCreateCommand(), a.clientRevokeCommand())
}

func (a *app) clientCreateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "create", Short: "Create a client and print its id and secret", Args: args(),
		Example: examples(`
  tollbook client create --organization acme --name reports
  tollbook client create --organization acme --name feed --scope usage-events:write --jwks feed.jwks`),
		Long: `Creates a client of an organization, or without --organization an operator's.
The secret is shown this once. With --jwks or --external-id there is none.`,
	}
	spec := client.ClientSpec{}
	f := cmd.Flags()
	f.Var(nullable{&spec.OrganizationID}, "organization", "the organization that it acts for; none: it is an operator's")
	f.StringVar(&spec.Name, "name", "", "its name")
	f.StringSliceVar(&spec.Scopes, "scope", nil, "what it may do (default: read usage, accounts and products; an operator's: "+tollbook.ScopeOperator+")")
	jwks := f.String("jwks", "", "file of its public keys as a JWK or a set of them")
	f.StringVar(&spec.ExternalID, "external-id", "", "its id at the external issuer")
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := r.connect()
		if err != nil {
			return err
		}
		if len(spec.Scopes) == 0 {
			spec.Scopes = defaultScopes(spec.OrganizationID != nil)
		}
		if *jwks != "" {
			if spec.JWKS, err = readFile(*jwks, maxSecretBytes); err != nil {
				return err
			}
			if !json.Valid(spec.JWKS) {
				return usageError("--jwks %s is not JSON, but must be a JWK or a set of them", *jwks)
			}
		}
		cred, err := c.CreateClient(cmd.Context(), spec)
		if err != nil {
			return err
		}
		return a.printJSON(cred)
	}
	return cmd
}

func defaultScopes(ofOrganization bool) []string {
	if ofOrganization {
		return []string{tollbook.ScopeUsageRead, tollbook.ScopeAccountsRead, tollbook.ScopeProductsRead}
	}
	return []string{tollbook.ScopeOperator}
}

func (a *app) clientRevokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke CLIENT-ID", Short: "Revoke a client; its tokens stop working at once", Args: args("CLIENT-ID"),
		Example: "  tollbook client revoke client-id-1",
	}
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := r.connect()
		if err != nil {
			return err
		}
		if err := c.RevokeClient(cmd.Context(), args[0]); err != nil {
			return err
		}
		a.say("Revoked %s.", args[0])
		return nil
	}
	return cmd
}
