package main

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tollbook/client"
)

// collection is a kind of definition that has commands of its own.
type collection struct {
	name    client.Collection
	noun    string // of its commands
	article string // before noun
	id      string // what stands for an id in help
	columns []column
	csv     bool // an object can be shown as CSV
}

// commands returns the group of a collection: what all have, and more.
func (a *app) commands(col collection, short, example string, more ...*cobra.Command) *cobra.Command {
	return group(col.noun, short, example, append(more, a.listCommand(col), a.showCommand(col), a.historyCommand(col))...)
}

func (a *app) listCommand(col collection) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List every " + strings.ReplaceAll(col.noun, "-", " "), Args: args(),
		Example: examples("\n  tollbook " + col.noun + " list\n  tollbook " + col.noun + " list --output json"),
	}
	output := outputFlag(cmd, asTable, asJSON, asCSV)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.printList(cmd, r, *output, col.columns, func(c *client.Client) iter.Seq2[json.RawMessage, error] {
			return c.Definitions(cmd.Context(), col.name)
		})
	}
	return cmd
}

func (a *app) historyCommand(col collection) *cobra.Command {
	cmd := &cobra.Command{
		Use: "history " + col.id, Short: "List every change, with who made it and when", Args: args(col.id),
		Example: examples("\n  tollbook " + col.noun + " history " + strings.ToLower(col.id) + "-1"),
	}
	output := outputFlag(cmd, asTable, asJSON, asCSV)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		columns := left("position", "at", "actor", "value")
		return a.printList(cmd, r, *output, columns, func(c *client.Client) iter.Seq2[json.RawMessage, error] {
			return c.History(cmd.Context(), col.name, args[0])
		})
	}
	return cmd
}

func (a *app) printList(cmd *cobra.Command, r *remote, output string, columns []column, items func(*client.Client) iter.Seq2[json.RawMessage, error]) error {
	if err := oneOf("output", output, asTable, asJSON, asCSV); err != nil {
		return err
	}
	c, err := r.connect()
	if err != nil {
		return err
	}
	return a.printObjects(output, columns, items(c))
}

func (a *app) showCommand(col collection) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show " + col.id, Short: "Show " + col.article + " " + strings.ReplaceAll(col.noun, "-", " ") + " as it is now", Args: args(col.id),
		Example: examples("\n  tollbook " + col.noun + " show " + strings.ToLower(col.id) + "-1"),
	}
	asCSV, version := new(bool), new(int)
	if col.csv {
		asCSV = cmd.Flags().Bool("csv", false, "print the CSV that was sent")
		version = cmd.Flags().Int("version", 0, "the version (default the latest)")
	}
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := r.connect()
		if err != nil {
			return err
		}
		if *asCSV {
			text, err := c.RateCardCSV(cmd.Context(), args[0], *version)
			if err == nil {
				_, err = a.stdout.Write(text)
			}
			return err
		}
		var below []string
		if *version > 0 {
			below = []string{"versions", strconv.Itoa(*version)}
		}
		object, err := c.Definition(cmd.Context(), col.name, args[0], below...)
		if err != nil {
			return err
		}
		return a.printJSON(object)
	}
	return cmd
}

// defineCommands returns the commands create and change of a collection whose
// objects are defined by a T; bind makes flags of its fields.
func defineCommands[T any](a *app, col collection, example string, bind func(*pflag.FlagSet, *T)) []*cobra.Command {
	thing := strings.ReplaceAll(col.noun, "-", " ")
	put := func(use, short, long string, spec func(ctx context.Context, c *client.Client, id string, flags *pflag.FlagSet) (T, error)) *cobra.Command {
		cmd := &cobra.Command{Use: use + " " + col.id, Short: short, Long: long, Args: args(col.id)}
		cmd.Example = examples("\n  tollbook " + col.noun + " " + use + " " + example)
		var fromFlags T
		bind(cmd.Flags(), &fromFlags)
		r := remoteFlags(cmd)
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			s, err := spec(cmd.Context(), c, args[0], cmd.Flags())
			if err != nil {
				return err
			}
			now, err := c.Define(cmd.Context(), col.name, args[0], s)
			if err != nil {
				return err
			}
			return a.printJSON(now)
		}
		return cmd
	}
	create := put("create", "Create "+col.article+" "+thing, "Creates "+col.article+" "+thing+"; one that is there is made anew as the flags say.",
		func(_ context.Context, _ *client.Client, _ string, flags *pflag.FlagSet) (T, error) {
			return overlay(*new(T), flags, bind, true)
		})
	change := put("change", "Change "+col.article+" "+thing, "Changes what the flags say and leaves the rest as it is. An empty value takes one away.",
		func(ctx context.Context, c *client.Client, id string, flags *pflag.FlagSet) (spec T, err error) {
			object, err := c.Definition(ctx, col.name, id)
			if err != nil {
				return spec, err
			}
			if err := json.Unmarshal(object, &spec); err != nil {
				return spec, err
			}
			return overlay(spec, flags, bind, false)
		})
	return []*cobra.Command{create, change}
}

// overlay returns spec with what the flags say: those that were given, or all
// with their defaults.
func overlay[T any](spec T, flags *pflag.FlagSet, bind func(*pflag.FlagSet, *T), defaults bool) (T, error) {
	was := spec
	onto := pflag.NewFlagSet("", pflag.ContinueOnError)
	bind(onto, &spec)
	if !defaults {
		spec = was // binding has written the defaults into it
	}
	var err error
	flags.Visit(func(f *pflag.Flag) {
		if onto.Lookup(f.Name) != nil && err == nil {
			err = onto.Set(f.Name, f.Value.String())
		}
	})
	return spec, err
}

// nullable is the value of a flag for a text that may be null: "" is null.
type nullable struct{ to **string }

func (n nullable) String() string {
	if n.to == nil || *n.to == nil {
		return ""
	}
	return **n.to
}

func (n nullable) Set(s string) error {
	*n.to = nil
	if s != "" {
		*n.to = &s
	}
	return nil
}

func (n nullable) Type() string { return "string" }

// nullableInt is the value of a flag for a number that may be null: "" is
// null.
type nullableInt struct{ to **int }

func (n nullableInt) String() string {
	if n.to == nil || *n.to == nil {
		return ""
	}
	return strconv.Itoa(**n.to)
}

func (n nullableInt) Set(s string) error {
	*n.to = nil
	if s == "" {
		return nil
	}
	v, err := strconv.Atoi(s)
	if err != nil {
		return errors.New("must be a whole number")
	}
	*n.to = &v
	return nil
}

func (n nullableInt) Type() string { return "int" }
