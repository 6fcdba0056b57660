package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpTemplate starts with examples: they are what help is opened for.
const helpTemplate = `{{if .HasExample}}Examples:
{{.Example}}

{{end}}{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}Usage:
  {{.UseLine}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Global flags:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
`

// examples takes the line break off that a raw string starts with.
func examples(s string) string { return strings.TrimPrefix(s, "\n") }

// group returns a command that only holds others.
func group(use, short, example string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use + " COMMAND", Short: short, Example: examples(example), DisableFlagsInUseLine: true}
	cmd.AddCommand(children...)
	cmd.Args = cobra.ArbitraryArgs // an unknown command gets our answer, not cobra's
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknownCommand(cmd, args[0])
	}
	return cmd
}

func unknownCommand(cmd *cobra.Command, name string) error {
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	return usageError("%s has no command %q%s", cmd.CommandPath(), name, didYouMean(cmd.SuggestionsFor(name)))
}

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names, " or ") + "?"
}

// flagError explains a flag that is not understood.
func flagError(cmd *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || unknown.GetSpecifiedShortnames() != "" {
		return &exitError{exitUsage, err}
	}
	name := unknown.GetSpecifiedName()
	var close []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && (distance(name, f.Name) <= 2 || strings.HasPrefix(f.Name, name)) {
			close = append(close, "--"+f.Name)
		}
	})
	return usageError("%s has no flag --%s%s", cmd.CommandPath(), name, didYouMean(close))
}

// distance returns how many letters have to be put in, taken out or changed
// to make a into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// args checks how many arguments a command got; names are what they stand for.
func args(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, got []string) error {
		switch {
		case len(got) < len(names):
			return usageError("%s needs %s", cmd.CommandPath(), strings.Join(names[len(got):], " and "))
		case len(got) > len(names) && len(names) == 0:
			return usageError("%s takes no arguments, but got %q", cmd.CommandPath(), got[0])
		case len(got) > len(names):
			return usageError("%s takes only %s, but also got %q", cmd.CommandPath(), strings.Join(names, " and "), got[len(names)])
		}
		return nil
	}
}

// oneOf checks the value of a flag that is one of a few words.
func oneOf(flag, value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return usageError("--%s is %q, but must be one of %s", flag, value, strings.Join(words, ", "))
}

// addCompletion adds cobra's completion commands, with examples like all
// others.
func (a *app) addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Example = "  tollbook help usage"
		case "completion":
			cmd.Example = "  source <(tollbook completion bash)"
			cmd.Args = cobra.ArbitraryArgs
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) == 0 {
					return cmd.Help()
				}
				return unknownCommand(cmd, args[0])
			}
			for _, shell := range cmd.Commands() {
				shell.Example = fmt.Sprintf("  tollbook completion %s > tollbook.%s", shell.Name(), shell.Name())
			}
		}
	}
}
