package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"tollbook"
	"tollbook/oauth"
)

// secretClient is a client whose id has to be form-encoded.
func secretClient() tollbook.Client {
	hash := sha256.Sum256([]byte(secret))
	return tollbook.Client{
		ID:         "acme:billing/1",
		SecretHash: hash[:],
		Scopes:     []string{tollbook.ScopeUsageRead, tollbook.ScopeAccountsRead, tollbook.ScopeEventsWrite},
	}
}

func TestClientCredentials(t *testing.T) {
	w := newWorld(t, nil)
	w.put(secretClient())
	for name, style := range map[string]oauth2.AuthStyle{"auto-detected": oauth2.AuthStyleAutoDetect, "in header": oauth2.AuthStyleInHeader} {
		t.Run(name, func(t *testing.T) {
			cfg := clientcredentials.Config{
				ClientID: secretClient().ID, ClientSecret: secret, TokenURL: w.issuer + "/oauth/token", AuthStyle: style,
				Scopes: []string{tollbook.ScopeAccountsRead, tollbook.ScopeUsageRead},
			}
			token, err := cfg.Token(t.Context())
			check(t, err)
			if left := time.Until(token.Expiry); token.Type() != "Bearer" || left > time.Hour || left < 50*time.Minute {
				t.Errorf("got a token of type %s for %v", token.Type(), left)
			}
			grant, err := w.server.Verify(t.Context(), token.AccessToken)
			check(t, err)
			if grant.Client.ID != secretClient().ID || len(grant.Scopes) != 2 || !grant.Has(tollbook.ScopeUsageRead) || grant.Has(tollbook.ScopeEventsWrite) {
				t.Errorf("got %s %v", grant.Client.ID, grant.Scopes)
			}
		})
	}
	cfg := clientcredentials.Config{ClientID: secretClient().ID, ClientSecret: secret, TokenURL: w.issuer + "/oauth/token", AuthStyle: oauth2.AuthStyleInParams}
	_, err := cfg.Token(t.Context())
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || refused.ErrorCode != "invalid_client" {
		t.Errorf("a secret in the body: %v", err)
	}
}

func TestTokenRequests(t *testing.T) {
	w := newWorld(t, nil)
	c := secretClient()
	w.put(c)
	revoked := c
	revoked.ID, revoked.RevokedAt = "revoked", &w.now
	w.put(revoked)
	w.put(tollbook.Client{ID: "no-secret", Scopes: c.Scopes})
	w.put(tollbook.Client{ID: "no-scopes", SecretHash: c.SecretHash})
	const grant = "grant_type=client_credentials"
	good := basic(c.ID, secret)
	with := func(name, value string) http.Header {
		h := good.Clone()
		h.Add(name, value)
		return h
	}
	for _, test := range []struct {
		name   string
		body   string
		header http.Header
		status int
		code   string
	}{
		{"all scopes", grant, good, 200, ""},
		{"blank scope counts as left out", grant + "&scope=", good, 200, ""},
		{"unknown parameters are ignored", grant + "&resource=x", good, 200, ""},
		{"agreeing client_id", grant + "&client_id=" + url.QueryEscape(c.ID), good, 200, ""},
		{"scheme in lower case", grant, http.Header{"Authorization": {strings.Replace(good.Get("Authorization"), "Basic", "basic", 1)}}, 200, ""},
		{"no grant_type", "", good, 400, "invalid_request"},
		{"other grant_type", "grant_type=password", good, 400, "unsupported_grant_type"},
		{"repeated parameter", grant + "&" + grant, good, 400, "invalid_request"},
		{"repeated unknown parameter", grant + "&x=1&x=2", good, 400, "invalid_request"},
		{"malformed form", grant + "&scope=%zz", good, 400, "invalid_request"},
		{"JSON", `{"grant_type":"client_credentials"}`, http.Header{"Content-Type": {"application/json"}}, 400, "invalid_request"},
		{"too large", grant + "&x=" + strings.Repeat("x", oauth.MaxFormBytes), good, 413, "invalid_request"},
		{"scope that is not granted", grant + "&scope=" + tollbook.ScopeOperator, good, 400, "invalid_scope"},
		{"scope that does not exist", grant + "&scope=" + url.QueryEscape("\"\\\nü"), good, 400, "invalid_scope"},
		{"scope of nothing but spaces", grant + "&scope=++", good, 400, "invalid_scope"},
		{"client without scopes", grant, basic("no-scopes", secret), 400, "invalid_scope"},
		{"no authentication", grant, nil, 401, "invalid_client"},
		{"secret in the body", grant + "&client_id=" + url.QueryEscape(c.ID) + "&client_secret=" + url.QueryEscape(secret), nil, 401, "invalid_client"},
		{"wrong secret", grant, basic(c.ID, secret+"x"), 401, "invalid_client"},
		{"empty secret", grant, basic(c.ID, ""), 401, "invalid_client"},
		{"unknown client", grant, basic("nobody", secret), 401, "invalid_client"},
		{"client without secret", grant, basic("no-secret", ""), 401, "invalid_client"},
		{"revoked client", grant, basic("revoked", secret), 401, "invalid_client"},
		{"other client_id", grant + "&client_id=other", good, 401, "invalid_client"},
		{"other scheme", grant, http.Header{"Authorization": {"Bearer x"}}, 401, "invalid_client"},
		{"Basic without Base64", grant, http.Header{"Authorization": {"Basic !"}}, 401, "invalid_client"},
		{"Basic without colon", grant, http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("x"))}}, 401, "invalid_client"},
		{"Basic twice", grant, with("Authorization", "Basic eDp5"), 400, "invalid_request"},
		{"Basic and a secret", grant + "&client_secret=x", good, 400, "invalid_request"},
		{"Basic and an assertion", grant + "&client_assertion=x", good, 400, "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := w.post(test.body, test.header)
			r.want(t, test.status, test.code)
			if challenge := r.Header.Get("WWW-Authenticate"); (test.status == 401) != strings.HasPrefix(challenge, "Basic ") {
				t.Errorf("WWW-Authenticate is %q", challenge)
			}
			if test.status == 200 && r.Scope != strings.Join(c.Scopes, " ") {
				t.Errorf("scope is %q", r.Scope)
			}
			if strings.ContainsFunc(r.Description, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
				t.Errorf("error_description is %q", r.Description)
			}
		})
	}
}

func TestTokenTakesPostOnly(t *testing.T) {
	w := newWorld(t, nil)
	w.put(secretClient())
	req, err := http.NewRequest(http.MethodGet, w.issuer+"/oauth/token?grant_type=client_credentials", nil)
	check(t, err)
	req.Header = basic(secretClient().ID, secret)
	r := w.do(req)
	r.want(t, http.StatusMethodNotAllowed, "invalid_request")
	if r.Header.Get("Allow") != "POST" {
		t.Errorf("Allow is %q", r.Header.Get("Allow"))
	}
}

// FuzzToken sends any credentials and form; only the right ones may work.
func FuzzToken(f *testing.F) {
	w := newWorld(f, nil)
	c := secretClient()
	w.put(c)
	good := basic(c.ID, secret).Get("Authorization")
	f.Add(good, "grant_type=client_credentials&scope=")
	f.Add("Basic eDp5", "grant_type=client_credentials")
	f.Add("Basic "+base64.StdEncoding.EncodeToString([]byte("%zz:%")), "grant_type=client_credentials")
	f.Add("", "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, authorization, form string) {
		req := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(form))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		rec := httptest.NewRecorder()
		w.server.Token(rec, req)
		if rec.Code == http.StatusOK {
			credentials, ok := strings.CutPrefix(strings.ToLower(authorization), "basic ")
			if !ok || !strings.EqualFold(strings.TrimSpace(credentials), good[len("Basic "):]) && !sameCredentials(authorization, good) {
				t.Errorf("a token for %q %q", authorization, form)
			}
		}
		if rec.Code >= 500 {
			t.Errorf("%d for %q %q", rec.Code, authorization, form)
		}
	})
}

// sameCredentials tells whether two Basic headers say the same, written
// differently.
func sameCredentials(a, b string) bool {
	decode := func(s string) string {
		raw, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(s[len("Basic "):]))
		text, _ := url.QueryUnescape(string(raw))
		return text
	}
	return decode(a) == decode(b)
}
