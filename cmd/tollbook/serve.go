package main

import (
	"log/slog"

	"github.com/spf13/cobra"
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve a data directory, or a ledger in a ClickHouse", Args: args(),
		Example: examples(`
  tollbook serve --data ./book
  tollbook serve --data /srv/tollbook --listen :8443 --tls-cert cert.pem --tls-key key.pem --public-url https://billing.example.com
  tollbook serve --data ./keys --store clickhouse://tollbook@db:9000/tollbook
  tollbook serve --data ./book --issuer https://login.example.com --issuer-audience tollbook`),
		Long: `Serves the API over a data directory that 'tollbook init' made, until it gets
SIGINT or SIGTERM; then it gives the requests under way a few seconds. Only one process at a
time can use a data directory. With --store the ledger is in a ClickHouse and the
directory holds the keys alone: any number of servers, each with a copy of it,
serve the same ledger. The log goes to standard error, as JSON unless
that is a terminal.`,
	}
	var cfg nodeConfig
	var proxies, allow []string
	f := cmd.Flags()
	dataFlag(cmd, &cfg.data)
	storeFlag(cmd, &cfg.store)
	f.DurationVar(&cfg.freshness, "freshness", defaultFreshness, "with --store: how old a page may be; mostly it is a fifth of that, and up to seven tenths while as much comes in as is taken")
	f.IntVar(&cfg.namesMemory, "names-memory", defaultNamesMemory, "with --store: most MiB for telling new names of events from those that are there, 2 bytes each; where there are more, each is looked up")
	f.StringVar(&cfg.listen, "listen", defaultListen, "address and port; port 0 takes a free one")
	f.StringVar(&cfg.publicURL, "public-url", "", "address that links start with (default: where it listens)")
	f.StringVar(&cfg.tlsCert, "tls-cert", "", "file of the certificate and its chain, PEM")
	f.StringVar(&cfg.tlsKey, "tls-key", "", "file of the certificate's private key, PEM")
	f.StringVar(&cfg.issuer, "issuer", "", "OpenID Connect issuer whose tokens are taken, in place of the server's own")
	f.StringVar(&cfg.issuerAudience, "issuer-audience", "", "audience that the issuer's tokens must name")
	f.StringSliceVar(&proxies, "trusted-proxy", nil, "addresses or ranges whose Forwarded and X-Forwarded-* headers are believed")
	f.StringSliceVar(&allow, "webhook-allow", nil, "addresses or ranges that webhooks may be sent to beside the public ones, and by http too")
	level := f.String("log-level", "info", "least level that is logged: debug, info, warn, error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if err := cfg.check(); err != nil {
			return err
		}
		if cfg.proxies, err = parsePrefixes("trusted-proxy", proxies); err != nil {
			return err
		}
		if cfg.webhookAllow, err = parsePrefixes("webhook-allow", allow); err != nil {
			return err
		}
		if cfg.log, err = a.logger(*level); err != nil {
			return err
		}
		cfg.now, cfg.grace = a.now, shutdownGrace
		n, err := openNode(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		return n.serve(cmd.Context())
	}
	return cmd
}

// check refuses settings that do not fit together.
func (cfg *nodeConfig) check() error {
	switch {
	case cfg.data == "":
		return noData()
	case cfg.freshness < minFreshness || cfg.freshness > maxFreshness:
		return usageError("--freshness is %v, but must be %v to %v", cfg.freshness, minFreshness, maxFreshness)
	case cfg.namesMemory < 1 || cfg.namesMemory > maxNamesMemory:
		return usageError("--names-memory is %d, but must be 1 to %d MiB", cfg.namesMemory, maxNamesMemory)
	case cfg.listen == "": // Go would take any port on every network
		return usageError("--listen is empty, but must be an address and a port such as %s", defaultListen)
	case (cfg.tlsCert == "") != (cfg.tlsKey == ""):
		return usageError("--tls-cert and --tls-key go together")
	case (cfg.issuer == "") != (cfg.issuerAudience == ""):
		return usageError("--issuer and --issuer-audience go together")
	case cfg.publicURL != "":
		return checkPublicURL(cfg.publicURL)
	}
	return nil
}

func noData() error {
	return usageError("which data directory? Give --data or set %s", variable("data"))
}

func dataFlag(cmd *cobra.Command, data *string) {
	cmd.Flags().StringVar(data, "data", "", "the data directory")
}

// logger returns a logger on standard error.
func (a *app) logger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, oneOf("log-level", level, "debug", "info", "warn", "error")
	}
	opts := &slog.HandlerOptions{Level: l}
	if isTerminal(a.stderr) {
		return slog.New(slog.NewTextHandler(a.stderr, opts)), nil
	}
	return slog.New(slog.NewJSONHandler(a.stderr, opts)), nil
}
