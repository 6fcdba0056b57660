package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tollbook/client"
)

func (a *app) productCommand() *cobra.Command {
	col := collection{name: client.Products, noun: "product", article: "a", id: "ID", columns: left("id", "name", "family", "unit_of_measure", "charge_type")}
	return a.commands(col, "Define products that usage records point at", `
  tollbook product create TD-LIC-APP-RC-101910 --name "SIP Number" --family LICENSE --unit-of-measure EACH --charge-type RECURRING
  tollbook product list`,
		defineCommands(a, col, `TD-LIC-APP-RC-101910 --name "SIP Number" --family LICENSE`, func(f *pflag.FlagSet, p *client.ProductSpec) {
			f.StringVar(&p.Name, "name", "", "its name")
			f.Var(nullable{&p.Family}, "family", "its family, such as LICENSE or CONSUMPTION")
			f.Var(nullable{&p.UnitOfMeasure}, "unit-of-measure", "what it is measured in, such as EACH or PER_MINUTE")
			f.Var(nullable{&p.ChargeType}, "charge-type", "how it is charged, such as RECURRING or USAGE")
		})...)
}
