package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tollbook/client"
)

// defaultListen is where the server listens and the client looks for it.
const defaultListen = "127.0.0.1:8080"

// maxSecretBytes is the largest file of a secret or a key.
const maxSecretBytes = 64 << 10

// remote says which server a command talks to, and as whom.
type remote struct {
	url, id, secret, secretFile, keyFile string
}

// remoteFlags gives a command the flags of a remote.
func remoteFlags(cmd *cobra.Command) *remote {
	r := &remote{}
	f := cmd.Flags()
	f.StringVar(&r.url, "url", "http://"+defaultListen, "the server's address")
	f.StringVar(&r.id, "client-id", "", "the client's id")
	f.StringVar(&r.secret, "client-secret", "", "the client's secret; other users can see a flag: better is TOLLBOOK_CLIENT_SECRET or --client-secret-file")
	f.StringVar(&r.secretFile, "client-secret-file", "", "file that holds the client's secret")
	f.StringVar(&r.keyFile, "client-key-file", "", "file that holds the client's private key as a JWK, in place of a secret")
	return r
}

// How often a request is tried: by somebody who waits at a terminal, and by an
// import, which should outlive a restart of the server.
const (
	shortAttempts = 3
	longAttempts  = 15
	longRetryFor  = 2 * time.Minute
)

// connect returns a client of the server for a command that gives up soon.
func (r *remote) connect() (*client.Client, error) {
	return r.client(client.Config{Attempts: shortAttempts})
}

// connectPatiently returns a client of the server for an import.
func (r *remote) connectPatiently() (*client.Client, error) {
	return r.client(client.Config{Attempts: longAttempts, RetryFor: longRetryFor})
}

func (r *remote) client(cfg client.Config) (*client.Client, error) {
	cfg.BaseURL, cfg.ClientID, cfg.ClientSecret, cfg.UserAgent = r.url, r.id, r.secret, "tollbook/"+version()
	if r.id == "" {
		return nil, usageError("who is asking? Give --client-id or set TOLLBOOK_CLIENT_ID")
	}
	given := 0
	for _, s := range []string{r.secret, r.secretFile, r.keyFile} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return nil, usageError("give one of --client-secret-file, --client-key-file and TOLLBOOK_CLIENT_SECRET")
	}
	if r.secretFile != "" {
		text, err := readFile(r.secretFile, maxSecretBytes)
		if err != nil {
			return nil, err
		}
		cfg.ClientSecret = strings.TrimSpace(string(text))
	}
	if r.keyFile != "" {
		text, err := readFile(r.keyFile, maxSecretBytes)
		if err != nil {
			return nil, err
		}
		if cfg.Key, err = client.ParseKey(text); err != nil {
			return nil, err
		}
	}
	c, err := client.New(cfg)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return c, nil
}
