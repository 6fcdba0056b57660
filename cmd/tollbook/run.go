package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/client"
)

// The exit codes; the root command's help lists them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitNotAllowed  = 4
	exitDiffers     = 5
	exitInterrupted = 130 // as shells say it of SIGINT
)

// app is one run of the program: everything that it takes from outside.
type app struct {
	env    map[string]string
	stdin  io.Reader
	stdout io.Writer // data
	stderr io.Writer // messages
	now    func() time.Time
}

// run runs the program and returns its exit code. When ctx ends, whatever is
// running ends as cleanly as it can.
func run(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &outputWriter{w: stdout}
	a := &app{env: map[string]string{}, stdin: stdin, stdout: out, stderr: stderr, now: time.Now}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		a.env[name] = value
	}
	root := a.rootCommand()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = out.err
	}
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprint(stderr, interruptText(err))
		return exitInterrupted
	}
	code := exitCode(err)
	if message := errorText(err); message != "" {
		fmt.Fprintf(stderr, "tollbook: %s\n", message)
	}
	if code == exitUsage {
		fmt.Fprintf(stderr, "Run '%s --help' for how it is used.\n", cmd.CommandPath())
	}
	return code
}

// exitError is an error that decides how the program ends.
type exitError struct {
	code int
	err  error // nil: everything has been said
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// failedSilently ends the program as failed where all has been said.
func failedSilently() error { return &exitError{exitFailed, nil} }

func exitCode(err error) int {
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		switch e.Status {
		case http.StatusNotFound:
			return exitNotFound
		case http.StatusUnauthorized, http.StatusForbidden:
			return exitNotAllowed
		}
	}
	return exitFailed
}

// interruptText returns what is to be said of an interrupt: nothing, or
// the answer after which a request was to be repeated.
func interruptText(err error) string {
	answer, ok := errors.AsType[*client.Error](err)
	if !ok {
		return ""
	}
	return "tollbook: interrupted; the server had said: " + errorText(answer) + "\n"
}

// maxFieldsShown is how many inputs at fault an error lists.
const maxFieldsShown = 100

// errorText returns an error for people: inputs at fault on lines of their
// own.
func errorText(err error) string {
	var fields []tollbook.FieldError
	message := err.Error()
	if e, ok := errors.AsType[*client.Error](err); ok {
		short := *e
		short.Fields = nil
		message, fields = strings.Replace(message, e.Error(), short.Error(), 1), e.Fields
	} else if e, ok := errors.AsType[*tollbook.Error](err); ok && len(e.Fields) > 0 {
		message, fields = e.Message, e.Fields
	}
	var b strings.Builder
	for i, line := range strings.Split(message, "\n") {
		b.WriteString(strings.Repeat("\n  ", min(i, 1)) + printable(line))
	}
	for i, f := range fields {
		if i == maxFieldsShown {
			fmt.Fprintf(&b, "\n  … and %d more", len(fields)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s: %s", printable(f.Name), printable(f.Description))
	}
	return b.String()
}

func (a *app) rootCommand() *cobra.Command {
	root := group("tollbook", "Count usage events once, and say what each account owes", `
  tollbook demo                                   a believable world to look at, served on this machine
  tollbook init --data ./book                     a data directory, its key and an operator's client
  tollbook serve --data ./book                    the server
  tollbook import rate-card prices.csv            what things cost
  tollbook import events calls.jsonl              what was used
  tollbook usage --month 2026-08 --all            what that comes to
  tollbook explain 8f3e643c16671acaf60e8bceddbc1877`,
		a.initCommand(), a.serveCommand(), a.demoCommand(), a.verifyCommand(), a.keyCommand(), a.clickhouseCommand(), a.copyCommand(),
		a.importCommand(), a.usageCommand(), a.explainCommand(), a.unratedCommand(), a.voidCommand(), a.monthCommand(), a.reconcileCommand(), a.rerateCommand(), a.walletsCommand(), a.deliveriesCommand(), a.apiCommand(), a.benchCommand(),
		a.organizationCommand(), a.accountCommand(), a.productCommand(), a.rateCardCommand(), a.clientCommand(), a.alertCommand(),
		a.versionCommand())
	root.Long = rootHelp
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentFlags().String("config", "", "file of settings (default DIR/"+configName+" where --data DIR is given)")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return a.settle(cmd) }
	root.SetHelpTemplate(helpTemplate)
	root.SetFlagErrorFunc(flagError)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	a.addCompletion(root) // which remembers where the output goes
	return root
}

const rootHelp = `Tollbook turns usage events of a communications platform into what each
account owes per product and month, and serves it over the Billing Insights API.

Settings: a flag wins over the environment variable TOLLBOOK_<FLAG> (upper
case, - as _; for --client-id it is TOLLBOOK_CLIENT_ID), and that over a line
"flag = value" of the settings file. Data goes to standard output, messages to
standard error. NO_COLOR turns colours off.

Exit codes:
  0    done
  1    failed; of an import, also that some events were not taken; of a bench, that
       a record is not exact
  2    wrong usage
  3    no such thing
  4    not allowed, or not known to the server
  5    reconciled, and something differs or is missing
  130  interrupted`
