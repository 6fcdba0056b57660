package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// configName is the settings file that is looked for in the data directory.
const configName = "tollbook.conf"

const maxConfigBytes = 1 << 20

// variable returns the environment variable of a flag.
func variable(flag string) string {
	return "TOLLBOOK_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// instead lists flags that say the same thing in different ways: one that is
// set hides all of them in the places that count for less.
var instead = map[string][]string{
	"client-secret":      {"client-secret-file", "client-key-file"},
	"client-secret-file": {"client-secret", "client-key-file"},
	"client-key-file":    {"client-secret", "client-secret-file"},
}

// settle fills the flags that were not given, from the environment first and
// then from the settings file.
func (a *app) settle(cmd *cobra.Command) error {
	given := cmd.Flags().Changed("store")
	err := fill(cmd, func(flag string) (value, from string, ok bool) {
		value, ok = a.env[variable(flag)]
		return value, "the environment variable " + variable(flag), ok
	})
	if err != nil {
		return err
	}
	by := variable("store")
	path, err := configPath(cmd)
	if err == nil && path != "" {
		if !cmd.Flags().Changed("store") {
			by = path
		}
		err = fillFromFile(cmd, path)
	}
	if err != nil || given {
		return err
	}
	return refuseTwo(cmd, by)
}

func fillFromFile(cmd *cobra.Command, path string) error {
	settings, err := readConfig(path, knownFlags(cmd.Root()))
	if err != nil {
		return err
	}
	return fill(cmd, func(flag string) (value, from string, ok bool) {
		value, ok = settings[flag]
		return value, path, ok
	})
}

// fill sets the flags that are not set yet to what lookup finds.
func fill(cmd *cobra.Command, lookup func(flag string) (value, from string, ok bool)) (err error) {
	flags := cmd.Flags()
	was := map[string]bool{}
	flags.VisitAll(func(f *pflag.Flag) { was[f.Name] = f.Changed })
	flags.VisitAll(func(f *pflag.Flag) {
		if err != nil || f.Changed || f.Name == "help" {
			return
		}
		for _, other := range instead[f.Name] {
			if was[other] {
				return
			}
		}
		value, from, ok := lookup(f.Name)
		if !ok {
			return
		}
		if e := flags.Set(f.Name, value); e != nil {
			err = usageError("%s: %s: %w", from, f.Name, errors.Unwrap(e))
		}
	})
	return err
}

// configPath returns the settings file, "" where there is none.
func configPath(cmd *cobra.Command) (string, error) {
	if f := cmd.Flags().Lookup("config"); f != nil && f.Value.String() != "" {
		return f.Value.String(), nil
	}
	data := cmd.Flags().Lookup("data")
	if data == nil || data.Value.String() == "" {
		return "", nil
	}
	path := filepath.Join(data.Value.String(), configName)
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return path, err
}

// knownFlags returns the names of the flags of all commands: a settings file
// may serve several of them, but a name that none has is a mistake.
func knownFlags(cmd *cobra.Command) map[string]bool {
	known := map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(cmd)
	delete(known, "help")
	delete(known, "config")
	return known
}

func readConfig(path string, known map[string]bool) (map[string]string, error) {
	text, err := readFile(path, maxConfigBytes)
	if err != nil {
		return nil, err
	}
	return parseConfig(path, string(text), known)
}

// parseConfig reads lines of the form "flag = value". Empty lines and lines
// that start with # say nothing. Errors begin with the path and name the line, and
// of it no more than its first word: a value may be secret.
func parseConfig(path, text string, known map[string]bool) (map[string]string, error) {
	settings := map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		word := name[:len(name)-len(strings.TrimLeftFunc(name, ofName))]
		_, twice := settings[name]
		switch {
		case !ok:
			return nil, usageError("%s: line %d: what begins with %q is not of the form flag = value", path, i+1, word)
		case !known[name]:
			return nil, usageError("%s: line %d: there is no setting %q", path, i+1, word)
		case twice:
			return nil, usageError("%s: line %d: %s is set twice", path, i+1, name)
		}
		settings[name] = value
	}
	return settings, nil
}

// ofName tells whether a character may be one of a setting's name.
func ofName(r rune) bool {
	return r == '-' || r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return os.ReadFile(path)
}
