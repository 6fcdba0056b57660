//go:build !race

package interop

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2/clientcredentials"

	"tollbook"
	"tollbook/client"
)

// settings is what a script is told, in TOLLBOOK_INTEROP.
type settings struct {
	Issuer       string           `json:"issuer"`
	ClientID     string           `json:"clientId"`
	ClientSecret string           `json:"clientSecret,omitempty"`
	PrivateKey   *jose.JSONWebKey `json:"privateKey,omitempty"`
	Scope        string           `json:"scope"`
	PerPage      int              `json:"perPage"`
	Record       string           `json:"record"`
}

// found is what a client came by.
type found struct {
	Scope         string `json:"scope"`
	Usage, Events walk
}

// walk is what a client came by on the way from a first page to the last.
type walk struct {
	Pages int
	Items []string
}

// check holds what a client came by to what there is.
func (w *world) check(t *testing.T, f found) {
	t.Helper()
	if f.Scope != scope {
		t.Errorf("the token's scope is %q; want %q", f.Scope, scope)
	}
	if want := (wantedRecords + perPage - 1) / perPage; f.Usage.Pages != want {
		t.Errorf("%d pages of usage; want %d", f.Usage.Pages, want)
	}
	compare(t, "usage", w.records, f.Usage.Items)
	if want := (calls + perPage - 1) / perPage; f.Events.Pages != want {
		t.Errorf("%d pages of events; want %d", f.Events.Pages, want)
	}
	slices.Sort(f.Events.Items)
	compare(t, "events", w.events, f.Events.Items)
}

// TestClientCredentials is golang.org/x/oauth2, which finds out by itself how
// the token endpoint wants to be authenticated to.
func TestClientCredentials(t *testing.T) {
	w := newWorld(t, nil)
	w.clientCredentials(t)
}

func (w *world) clientCredentials(t *testing.T) {
	t.Helper()
	cred := w.register(t, nil)
	config := clientcredentials.Config{ClientID: cred.ClientID, ClientSecret: cred.ClientSecret, TokenURL: w.url + "/oauth/token", Scopes: []string{scope}}
	token, err := config.Token(t.Context())
	must(t, err)
	granted, _ := token.Extra("scope").(string)
	hc := config.Client(t.Context())
	w.check(t, found{
		Scope:  granted,
		Usage:  follow(t, hc, w.url+"/express/usage/month?order_by=id%3Aasc&per_page="+strconv.Itoa(perPage), "usage"),
		Events: follow(t, hc, w.url+"/express/usage/month/"+w.record+"/events?per_page="+strconv.Itoa(perPage), "events"),
	})

	// What is refused reaches the client as the server said it.
	for filter, status := range map[string]int{"account_id eq 'theirs'": 403, "account_id eq 'nobody'": 403, "month eq '2023-13'": 400} {
		res, err := hc.Get(w.url + "/express/usage/month?filter=" + url.QueryEscape(filter))
		must(t, err)
		var body struct{ Code tollbook.Code }
		err = json.NewDecoder(res.Body).Decode(&body)
		res.Body.Close()
		if err != nil || res.StatusCode != status || body.Code == "" {
			t.Errorf("%s: %d with code %q, %v; want %d", filter, res.StatusCode, body.Code, err, status)
		}
	}
}

// follow reads pages from the first to the last.
func follow(t *testing.T, hc *http.Client, first, relation string) walk {
	t.Helper()
	var got walk
	for next := first; next != ""; got.Pages++ {
		res, err := hc.Get(next)
		must(t, err)
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		must(t, err)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", next, res.StatusCode, body)
		}
		var page struct {
			Links    struct{ Next struct{ Href string } } `json:"_links"`
			Embedded map[string][]struct{ ID string }     `json:"_embedded"`
		}
		must(t, json.Unmarshal(body, &page))
		for _, item := range page.Embedded[relation] {
			got.Items = append(got.Items, item.ID)
		}
		next = page.Links.Next.Href
	}
	return got
}

// TestForeignClients runs every client through Prism, which must stay silent:
// also about the definitions and events that made the world.
func TestForeignClients(t *testing.T) {
	needNode(t)
	var proxy *prism
	w := newWorld(t, func(upstream string) string {
		proxy = startPrism(t, upstream)
		return proxy.url
	})
	silent := func(t *testing.T) {
		t.Helper()
		for _, line := range proxy.complaints(t) {
			t.Errorf("prism: %s", line)
		}
	}
	silent(t)

	t.Run("clientcredentials", func(t *testing.T) { w.clientCredentials(t); silent(t) })
	for _, name := range []string{"openid", "ketting", "traverson"} {
		t.Run(name, func(t *testing.T) {
			cred := w.register(t, nil)
			w.check(t, w.run(t, name, settings{ClientID: cred.ClientID, ClientSecret: cred.ClientSecret}))
			silent(t)
		})
	}
	t.Run("openid with private_key_jwt", func(t *testing.T) {
		private, public := newKey(t)
		cred := w.register(t, public)
		w.check(t, w.run(t, "openid", settings{ClientID: cred.ClientID, PrivateKey: private}))
		silent(t)
	})
	t.Run("a wrong secret", func(t *testing.T) {
		cred := w.register(t, nil)
		out, err := w.script(t, "openid", settings{ClientID: cred.ClientID, ClientSecret: "guessed"}).CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("status: 401")) {
			t.Errorf("a wrong secret: %v, %s; want a 401", err, out)
		}
	})
	t.Run("operator", func(t *testing.T) { w.operate(t); silent(t) })
}

// operate reads what an operator can read, for Prism to look at.
func (w *world) operate(t *testing.T) {
	t.Helper()
	for collection, id := range map[client.Collection]string{
		client.Organizations: organization, client.Accounts: accountID(0), client.RateCards: "standard",
	} {
		for _, path := range []string{"", "/" + id, "/" + id + "/history"} {
			if _, err := w.operator.Get(t.Context(), "/v1/"+string(collection)+path); err != nil {
				t.Error(err)
			}
		}
	}
	for _, path := range []string{"/v1/products", "/v1/clients", "/v1/unrated", "/v1/wallets", "/v1/alerts", "/v1/deliveries", "/healthz", "/readyz", "/oauth/jwks", "/openapi.yaml", "/metrics"} {
		if _, err := w.operator.Get(t.Context(), path); err != nil {
			t.Error(err)
		}
	}
}

// newKey makes an ES256 key: the private one, and a set of its public half.
func newKey(t *testing.T) (private *jose.JSONWebKey, public json.RawMessage) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	private = &jose.JSONWebKey{Key: key, KeyID: "key-1", Algorithm: string(jose.ES256), Use: "sig"}
	public, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{private.Public()}})
	must(t, err)
	return private, public
}

// run runs a script and returns what it came by.
func (w *world) run(t *testing.T, name string, s settings) found {
	t.Helper()
	cmd := w.script(t, name, s)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, complaints.String())
	}
	var f found
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatalf("%s: %v in %s", name, err, out)
	}
	return f
}

// script prepares a run of a client.
func (w *world) script(t *testing.T, name string, s settings) *exec.Cmd {
	t.Helper()
	s.Issuer, s.Scope, s.PerPage, s.Record = w.url, scope, perPage, w.record
	text, err := json.Marshal(s)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), clientTime)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "node", filepath.Join("clients", name+".mjs"))
	cmd.Env = append(os.Environ(), "TOLLBOOK_INTEROP="+string(text))
	return cmd
}
